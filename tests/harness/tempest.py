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
"""Tempest's image tests against a real Keystone and a real Glance."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import dataclasses
from pathlib import Path
import re
import subprocess
import tempfile

from tests.harness import glance
from tests.harness import keystone
from tests.harness import settings
from tests.harness import tempest_files
from tests.harness import venvs

# The tests that pass on a Glance 33 without the extension.
LIST = Path(__file__).with_name('tempest_tests.list')
OURS = r'^glance_ext\.tempest_plugin\.'


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A workspace of Tempest, and the Glance that it tests.

    ``command`` and ``env`` run Tempest; what they lack are the tests.
    """

    command: list[str]
    env: dict[str, str]
    glance: glance.Glance

    def chosen(self, names: list[str]) -> list[str]:
        """Return the arguments that choose the tests with these names."""
        path = Path(self.env['HOME']) / 'chosen'
        path.write_text(
            ''.join(rf'^{re.escape(name)}(\[|$)' + '\n' for name in names)
        )
        return ['--include-list', str(path)]

    def actions(self, method: str) -> tuple[int, int]:
        """Return how many imports by ``method`` were the extension's.

        The second is how many were Glance's own.
        """
        inputs = [
            row[0]
            for row in self.glance.sql(
                "select input from task_info where input like '%import_req%'"
                " or input like '%glance_ext%'"
            )
        ]
        named = [text for text in inputs if f'"{method}"' in text]
        ours = sum('"glance_ext"' in text for text in named)
        return ours, len(named) - ours


@contextlib.contextmanager
def workspace(extension: bool = True) -> Iterator[Workspace]:
    """Boot everything; it all ends with the block.

    :param extension: whether our filter is in Glance's pipeline.
    """
    tempest = venvs.ensure('tempest') / 'bin' / 'tempest'
    with contextlib.ExitStack() as stack:
        here = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = stack.enter_context(tempest_files.served(here / 'files'))
        identity = stack.enter_context(keystone.Keystone())
        image = stack.enter_context(_glance(identity, files, extension))
        identity.publish(image.url)
        # It notes every workspace in the home directory, and locks it.
        env = {
            'HOME': str(here),
            'TMPDIR': str(here),
            'PATH': f'{tempest.parent}:/usr/bin:/bin',
        }
        work = here / 'workspace'
        subprocess.run([tempest, 'init', work], check=True, env=env)
        options = _options(work, identity, files)
        options['glance_ext']['image_without_hash'] = image.legacy(
            b'from before Rocky' * 4096
        )
        (work / 'etc' / 'tempest.conf').write_text(settings.ini(options))
        command = ['env', '-C', str(work), str(tempest), 'run']
        command += ['--concurrency', '4']
        yield Workspace(command, env, image)


def _glance(
    identity: keystone.Keystone, files: int, extension: bool
) -> glance.Glance:
    found = glance.Glance(
        venv='glance-33',
        auth='keystone',
        keystone=identity,
        extension=extension,
        # Tempest expects that descending weight is alphabetical order.
        stores=('s1', 's2', 's3'),
        config={
            'DEFAULT': {
                'enabled_import_methods':
                    '[glance-direct,web-download,copy-image,glance-download]',
            },
        },
    )  # fmt: skip
    ours = f'[{files},{found.port}]'
    found.prepare()
    found.configure({'import_filtering_opts': {'allowed_ports': ours}})
    definitions = found.venv / 'etc' / 'glance' / 'metadefs'
    found.manage('db_load_metadefs', str(definitions))
    return found


def _options(
    work: Path, identity: keystone.Keystone, files: int
) -> settings.Options:
    url = f'http://127.0.0.1:{files}'
    return {
        'DEFAULT': {'log_dir': work / 'logs', 'log_file': 'tempest.log'},
        'oslo_concurrency': {'lock_path': work / 'lock'},
        'auth': {
            'use_dynamic_credentials': True,
            'create_isolated_networks': False,
            'admin_username': keystone.BOOTSTRAP.name,
            'admin_password': keystone.PASSWORD,
            'admin_project_name': keystone.BOOTSTRAP.project,
            'admin_domain_name': 'Default',
        },
        'identity': {
            'uri_v3': identity.url,
            'auth_version': 'v3',
            'region': keystone.REGION,
            'v3_endpoint_type': 'public',
        },
        'image': {
            'region': keystone.REGION,
            'endpoint_type': 'public',
            'http_image': f'{url}/small.img',
            'http_qcow2_image': f'{url}/small.qcow2',
            'build_interval': 1,
            'build_timeout': 30,
        },
        'glance_ext': {
            'build_interval': 0.2,
            'slow_image': f'{url}/slow.img',
            'export_prefix': f'{url}/exported-',
        },
        'image-feature-enabled': {
            'import_image': True,
            'do_secure_hash': True,
            'store_weight_enabled': True,
        },
        'enforce_scope': {'glance': True},
        'service_available': {
            'glance': True,
            'glance_ext': True,
            'nova': False,
            'neutron': False,
            'cinder': False,
            'swift': False,
        },
        'validation': {'run_validation': False},
    }
