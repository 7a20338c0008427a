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

"""A real Glance with version 1 of the API: release 15, of 2017."""

from __future__ import annotations

import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any, Self

from tests.harness import ports
from tests.harness import processes
from tests.harness import settings
from tests.harness import venvs
from tests.harness import web
from tests.harness.users import ADMIN
from tests.harness.users import User

POLICY = {
    'default': '',
    'context_is_admin': 'role:admin',
    'publicize_image': 'role:admin',
}


class Glance15:
    """One of them, with a sqlite database and a file store."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix='glance-15-'))
        self._ports = ports.Port(), ports.Port()
        self.url = f'http://127.0.0.1:{self._ports[0].number}'
        self._process: Any = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Boot it and wait until it answers."""
        port, registry = (str(port.number) for port in self._ports)
        options = {
            'DEFAULT': {
                'registry_host': '127.0.0.1',
                'registry_port': registry,
                'use_user_token': True,
                'send_identity_headers': True,
            },
            'database': {
                'connection': f'sqlite:///{self.directory}/glance.sqlite'
            },
            'glance_store': {
                'stores': 'file,http',
                'default_store': 'file',
                'filesystem_store_datadir': self.directory / 'images',
            },
            'oslo_policy': {'policy_file': self.directory / 'policy.json'},
            'oslo_messaging_notifications': {'driver': 'noop'},
        }
        (self.directory / 'images').mkdir()
        (self.directory / 'glance.conf').write_text(settings.ini(options))
        (self.directory / 'policy.json').write_text(json.dumps(POLICY))
        python = venvs.ensure('glance-15') / 'bin' / 'python'
        module = ('-m', 'tests.harness.glance15_serve')
        where = (str(self.directory), port, registry)
        self._process = processes.boot(
            [str(python), '-W', 'ignore', *module, *where],
            {
                'PATH': os.environ['PATH'],
                'PYTHONPATH': str(venvs.ROOT),
                'PYTHONDONTWRITEBYTECODE': '1',
            },
            self.directory / 'server.log',
            self._answers,
        )
        return self

    def _answers(self) -> bool:
        try:
            return self.request('GET', '/v1/images').status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End it and remove all that it has."""
        if self._process is not None:
            processes.kill(self._process)
        for port in self._ports:
            port.release()
        if not os.environ.get('KEEP'):
            shutil.rmtree(self.directory, ignore_errors=True)

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        user: User | None = ADMIN,
        timeout: float = 30,
    ) -> web.Response:
        """Send a request as ``user``; None sends no token."""
        sent = dict(headers or {})
        if user is not None:
            sent.setdefault('X-Auth-Token', user.token)
        return web.request(
            self.url + path, method, body, sent, timeout, json
        )
