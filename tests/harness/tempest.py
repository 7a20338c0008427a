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
import functools
import http.server
from pathlib import Path
import random
import re
import subprocess
import tempfile
import threading

from tests.harness import glance
from tests.harness import keystone
from tests.harness import ports
from tests.harness import settings
from tests.harness import venvs

# The tests that pass on a Glance 33 without the extension.
LIST = Path(__file__).with_name('tempest_tests.list')


@contextlib.contextmanager
def workspace() -> Iterator[tuple[list[str], dict[str, str], int]]:
    """Boot everything; yield Tempest's command, its variables, its tests.

    The third is how many tests are to run. Everything ends with the block.
    """
    tempest = venvs.ensure('tempest') / 'bin' / 'tempest'
    with contextlib.ExitStack() as stack:
        here = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = stack.enter_context(_files(here / 'files'))
        identity = stack.enter_context(keystone.Keystone())
        image = stack.enter_context(_glance(identity, files))
        identity.publish(image.url)
        # It notes every workspace in the home directory.
        env = {'HOME': str(here), 'PATH': f'{tempest.parent}:/usr/bin:/bin'}
        work = here / 'workspace'
        subprocess.run([tempest, 'init', work], check=True, env=env)
        (work / 'etc' / 'tempest.conf').write_text(
            settings.ini(_options(work, identity, files))
        )
        wanted = LIST.read_text().split()
        chosen = here / 'chosen'
        chosen.write_text(
            ''.join(rf'^{re.escape(name)}(\[|$)' + '\n' for name in wanted)
        )
        command = ['env', '-C', str(work), str(tempest), 'run']
        command += ['--include-list', str(chosen), '--concurrency', '4']
        yield command, env, len(wanted)


def _glance(identity: keystone.Keystone, files: int) -> glance.Glance:
    found = glance.Glance(
        venv='glance-33',
        auth='keystone',
        keystone=identity,
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


@contextlib.contextmanager
def _files(directory: Path) -> Iterator[int]:
    """Serve what web-download fetches; yield the port."""
    directory.mkdir()
    data = random.Random(0).randbytes(1 << 20)
    (directory / 'small.img').write_bytes(data)
    (directory / 'small.qcow2').write_bytes(_qcow2())
    handler = functools.partial(_Quiet, directory=str(directory))
    port = ports.Port()
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', port.number), handler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield port.number
    finally:
        server.shutdown()
        server.server_close()
        port.release()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _qcow2(size: int = 1 << 20) -> bytes:
    """Return an empty qcow2 image, version 3, of ``size`` virtual bytes."""
    header = b'QFI\xfb' + (3).to_bytes(4)
    header += bytes(8 + 4) + (16).to_bytes(4) + size.to_bytes(8)
    header += bytes(4) + (1).to_bytes(4)  # encryption, L1 entries
    header += (3 << 16).to_bytes(8) + (1 << 16).to_bytes(8)  # L1, refcounts
    header += (1).to_bytes(4) + bytes(4 + 8)  # refcount clusters, snapshots
    header += bytes(24) + (4).to_bytes(4) + (104).to_bytes(4)
    return header.ljust(4 << 16, b'\0')


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
        'image-feature-enabled': {
            'import_image': True,
            'do_secure_hash': True,
            'store_weight_enabled': True,
        },
        'enforce_scope': {'glance': True},
        'service_available': {
            'glance': True,
            'nova': False,
            'neutron': False,
            'cinder': False,
            'swift': False,
        },
        'validation': {'run_validation': False},
    }
