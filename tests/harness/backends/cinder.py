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
"""A real Cinder with its volumes in a real Ceph.

Its driver for Glance is only in the environment ``cinder``, which holds both.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
import contextlib
import functools
import http.client
import importlib.util
import os
from pathlib import Path
import sys
from typing import Any
from unittest import mock

from tests.harness import backends
from tests.harness import ports
from tests.harness import processes
from tests.harness import settings
from tests.harness import venvs
from tests.harness import web
from tests.harness.backends import ceph
from tests.harness.backends import scratch

USER = 'user'
# Cinder's routes know a project by hexadecimal digits.
PROJECT = '9ad2c0f5'


def available() -> backends.Availability:
    """Tell whether Cinder and Ceph are installed beside this Python."""
    for name in ('cinder', 'os_brick'):
        if importlib.util.find_spec(name) is None:
            return backends.Availability(f'{name} absent')
    if os.getuid():
        return backends.Availability('cinder wants root')
    return ceph.available()


class Cinder:
    """One process with its own directory and port, and a Ceph of its own."""

    def __init__(self) -> None:
        available().require()
        self._scratch = scratch.Scratch('cinder')
        self._port = ports.Port()
        self.ceph = ceph.Ceph()
        self.url = f'http://127.0.0.1:{self._port.number}'
        self._process: Any = None
        atexit.register(self.stop)

    def start(self) -> Cinder:
        """Boot Ceph and Cinder from nothing.

        :raises RuntimeError: when one does not come up, with its log's end.
        """
        try:
            self.ceph.start()
            self._boot()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it and remove all that it held."""
        atexit.unregister(self.stop)
        if self._process is not None:
            processes.kill(self._process)
        self._port.release()
        self.ceph.stop()
        self._scratch.remove()

    def conf(self, name: str = 'cinder') -> backends.Sections:
        """Return a cinder store; ``as_root`` has to be around its use."""
        return {f'{name}:cinder': {
            'cinder_endpoint_template': f'{self.url}/v3/%(project_id)s',
            'cinder_state_transition_timeout': 60,
        }}

    @contextlib.contextmanager
    def as_root(self) -> Iterator[None]:
        """Have this process attach volumes itself, with Ceph's own keys.

        The driver would ask sudo for it, and look for keys in ``/etc``.
        """
        import os_brick
        from os_brick import privileged
        from os_brick.initiator.connectors import rbd
        from oslo_concurrency import lockutils
        from oslo_config import cfg

        keys = (self.ceph.directory / 'client.glance.keyring').read_text()
        lockutils.set_defaults(str(self._scratch.path / 'lock'))
        os_brick.setup(cfg.CONF)
        privileged.default.set_client_mode(False)
        with mock.patch.object(
                rbd.RBDConnector, '_check_or_get_keyring_contents',
                staticmethod(lambda *args: keys)):
            yield

    def volumes(self) -> dict[str, Any]:
        """Return all volumes, as the API shows them, by id."""
        answer = web.request(
            f'{self.url}/v3/{PROJECT}/volumes/detail', 'GET', timeout=60,
            headers={'X-Auth-Token': f'{USER}:{PROJECT}'})
        return {each['id']: each for each in answer.json['volumes']}

    def create(self, gib: int) -> str:
        """Make a volume as a user does; return its id."""
        answer = web.request(
            f'{self.url}/v3/{PROJECT}/volumes', 'POST', timeout=60,
            headers={'X-Auth-Token': f'{USER}:{PROJECT}'},
            json={'volume': {'size': gib}})
        return str(answer.json['volume']['id'])

    def _boot(self) -> None:
        here = self._scratch.path
        etc = Path(sys.prefix, 'etc', 'cinder')
        (here / 'lock').mkdir()
        config = here / 'cinder.conf'
        config.write_text(settings.ini({
            'DEFAULT': {
                'auth_strategy': 'noauth_include_project_id',
                'enabled_backends': 'rbd',
                'transport_url': 'fake:/',
                'state_path': here,
                'api_paste_config': etc / 'api-paste.ini',
                'resource_query_filters_file': etc / 'resource_filters.json',
                'rootwrap_config': etc / 'rootwrap.conf',
                'osapi_volume_listen': '127.0.0.1',
                'osapi_volume_listen_port': self._port.number,
                'osapi_volume_workers': 1,
                'scheduler_default_filters': 'CapabilitiesFilter',
                'glance_api_servers': 'http://127.0.0.1:1',
                # Otherwise it waits a minute for the volume service.
                'scheduler_driver_init_wait_time': 1,
                'periodic_interval': 5,
                'periodic_fuzzy_delay': 1,
            },
            'database': {'connection': f'sqlite:///{here}/cinder.sqlite'},
            'oslo_concurrency': {'lock_path': here / 'lock'},
            'coordination': {'backend_url': f'file://{here}'},
            'rbd': {
                'volume_driver': 'cinder.volume.drivers.rbd.RBDDriver',
                'volume_backend_name': 'rbd',
                'rbd_pool': ceph.POOL,
                'rbd_user': 'glance',
                'rbd_ceph_conf': self.ceph.config,
                'report_dynamic_total_capacity': False,
            },
        }))
        self._process = processes.boot(
            [sys.executable, '-W', 'ignore', '-m',
             'tests.harness.backends.cinder_serve', str(config)],
            {'PATH': f'{sys.prefix}/bin{os.pathsep}{os.environ["PATH"]}',
             'PYTHONPATH': str(venvs.ROOT)},
            here / 'server.log', self._answers)

    def _answers(self) -> bool:
        try:
            return web.request(self.url, 'GET', timeout=5).status == 300
        except (OSError, http.client.HTTPException):
            return False


@functools.cache
def shared() -> Cinder:
    """Return the Cinder of this worker process, started at the first call.

    :raises unittest.SkipTest: where there is none, with the reason.
    """
    return Cinder().start()
