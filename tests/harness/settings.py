# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.
"""The two files a Glance under test reads: its options and its pipeline."""

from collections.abc import Mapping
from pathlib import Path
import re

Options = Mapping[str, Mapping[str, object]]

METHODS = '[glance-direct,web-download,copy-image]'
EXTENSION = """
[filter:glance_ext]
use = egg:glance-ext#glance_ext
"""
HEADER_AUTH = """
[filter:headerauth]
paste.filter_factory = tests.harness.headerauth:filter_factory
"""


def options(
    directory: Path,
    url: str,
    port: int,
    processes: int,
    database: str,
    stores: tuple[str, ...],
    flavor: str,
) -> dict[str, dict[str, object]]:
    """Return the options of a Glance that keeps everything in ``directory``.

    ``stores`` are ``ID`` or ``ID:TYPE`` (a filesystem store by default), in
    descending weight; without any, Glance has its one old-style store.
    """
    found: dict[str, dict[str, object]] = {
        'DEFAULT': {
            'use_stderr': True,
            'bind_host': '127.0.0.1',
            'bind_port': port,
            'workers': processes,
            'public_endpoint': url,
            'worker_self_reference_url': url,
            'node_staging_uri': f'file://{directory}/staging',
            'enabled_import_methods': METHODS,
            'show_multiple_locations': False,
        },
        'database': {'connection': database},
        'glance_store': {},
        'os_glance_staging_store': {
            'filesystem_store_datadir': directory / 'staging'
        },
        'os_glance_tasks_store': {
            'filesystem_store_datadir': directory / 'tasks'
        },
        'paste_deploy': {
            'config_file': directory / 'etc' / 'glance-api-paste.ini',
            'flavor': flavor,
        },
        'oslo_concurrency': {'lock_path': directory / 'lock'},
        'oslo_messaging_notifications': {'driver': 'noop'},
        'oslo_policy': {
            'policy_file': directory / 'etc' / 'policy.yaml',
            # Without authentication there are no roles to grant anything.
            'enforce_new_defaults': bool(flavor),
        },
        'import_filtering_opts': {
            'allowed_hosts': '[127.0.0.1]',
            'allowed_ports': '[]',
        },
        'glance_ext': {
            'export_allowed_hosts': '127.0.0.1',
            # Most tests have one project that wants every place.
            'max_running_actions_per_project': 0,
        },
        'wsgi': {'task_pool_threads': 8},
    }
    if stores:
        kinds = [store.partition(':')[::2] for store in stores]
        found['DEFAULT']['enabled_backends'] = ','.join(
            f'{name}:{kind or "file"}' for name, kind in kinds
        )
        found['glance_store']['default_backend'] = kinds[0][0]
        for rank, (name, kind) in enumerate(kinds):
            found[name] = {'weight': 10 * (len(kinds) - rank)}
            if kind in ('', 'file'):
                found[name]['filesystem_store_datadir'] = directory / name
    else:
        found['glance_store'] = {
            'stores': 'file',
            'default_store': 'file',
            'filesystem_store_datadir': directory / 'images',
        }
    return found


def merge(into: dict[str, dict[str, object]], changes: Options) -> None:
    """Change options in place; the value None takes an option away."""
    for section, values in changes.items():
        here = into.setdefault(section, {})
        for name, value in values.items():
            if value is None:
                here.pop(name, None)
            else:
                here[name] = value


def ini(sections: Options) -> str:
    """Return the text of an oslo.config file."""
    lines = []
    for section, values in sections.items():
        lines.append(f'[{section}]')
        for name, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else value
            lines.append(f'{name} = {text}')
    return '\n'.join(lines) + '\n'


def paste(shipped: str, header_auth: bool, extension: bool) -> str:
    """Return the release's own pipelines with the test's filters in them."""
    text = shipped
    if header_auth:
        text = re.sub(r'(?<= )authtoken(?= )', 'headerauth', text)
        text += HEADER_AUTH
    if extension:
        text = re.sub(
            r'(?m)^(\S+ = .*\b(?:unauthenticated-)?context)(?= )',
            r'\1 glance_ext',
            text,
        )
        text += EXTENSION
    return text
