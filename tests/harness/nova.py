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

"""A real nova-api, of which the Images API and nothing else is used."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
import shutil
import subprocess
import tempfile
from typing import Any, Self

from tests.harness import ports
from tests.harness import processes
from tests.harness import settings
from tests.harness import venvs
from tests.harness import web
from tests.harness.users import ADMIN
from tests.harness.users import User

DATABASES = ('api', 'main', 'cell0')


class Nova:
    """One that asks the Glance at ``glance``."""

    def __init__(self, glance: str) -> None:
        self.venv = venvs.ensure('nova')
        self.directory = Path(tempfile.mkdtemp(prefix='nova-'))
        self._glance = glance
        self._port = ports.Port()
        self.url = f'http://127.0.0.1:{self._port.number}'
        self._process: Any = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Boot it and wait until it answers."""
        template = _template(self.venv)
        for name in DATABASES:
            shutil.copy(template / f'{name}.sqlite', self.directory)
        _configure(self.venv, self.directory, self._glance)
        command = ['-m', 'tests.harness.nova_serve', str(self._port.number)]
        self._process = processes.boot(
            [str(self.venv / 'bin' / 'python'), '-W', 'ignore', *command],
            _environment(self.directory),
            self.directory / 'server.log',
            self._answers,
        )
        return self

    def _answers(self) -> bool:
        try:
            return web.request(self.url, 'GET').status < 500
        except OSError:
            return False

    def stop(self) -> None:
        """End it and remove all that it has."""
        if self._process is not None:
            processes.kill(self._process)
        self._port.release()
        if not os.environ.get('KEEP'):
            shutil.rmtree(self.directory, ignore_errors=True)

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        headers: dict[str, str] | None = None,
        user: User | None = ADMIN,
    ) -> web.Response:
        """Send a request as ``user``; None sends no token."""
        sent = dict(headers or {})
        if user is not None:
            sent.setdefault('X-Auth-Token', user.token)
        return web.request(self.url + path, method, None, sent, json=json)


def _environment(directory: Path) -> dict[str, str]:
    return {
        'PATH': os.environ['PATH'],
        'PYTHONPATH': str(venvs.ROOT),
        'PYTHONDONTWRITEBYTECODE': '1',
        'OS_NOVA_CONFIG_DIR': str(directory),
    }


def _configure(venv: Path, directory: Path, glance: str) -> Path:
    """Write its files; return the one with its options."""
    shipped = (venv / 'etc' / 'nova' / 'api-paste.ini').read_text()
    paste = shipped.replace(' authtoken ', ' headerauth ')
    (directory / 'api-paste.ini').write_text(paste + settings.HEADER_AUTH)
    path = directory / 'nova.conf'
    path.write_text(
        settings.ini(
            {
                'DEFAULT': {
                    'transport_url': 'fake://',
                    'state_path': directory,
                    'host': 'localhost',
                },
                'api_database': {
                    'connection': f'sqlite:///{directory}/api.sqlite'
                },
                'database': {
                    'connection': f'sqlite:///{directory}/main.sqlite'
                },
                'glance': {'api_servers': glance, 'num_retries': 0},
                'wsgi': {'api_paste_config': directory / 'api-paste.ini'},
                'oslo_concurrency': {'lock_path': directory},
                'oslo_messaging_notifications': {'driver': 'noop'},
            }
        )
    )
    return path


def _template(venv: Path) -> Path:
    """Return a directory with its databases; they take a minute to make."""
    template = venv / 'databases'
    with (venv / '.databases.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            fresh = Path(tempfile.mkdtemp(dir=venv))
            _make_databases(venv, fresh)
            fresh.rename(template)
    return template


def _make_databases(venv: Path, directory: Path) -> None:
    config = _configure(venv, directory, '')
    urls = {n: f'sqlite:///{directory}/{n}.sqlite' for n in DATABASES}
    where = '--database_connection'
    cell = ['--name', 'cell1', where, urls['main']]
    for command in (
        ['api_db', 'sync'],
        ['cell_v2', 'map_cell0', where, urls['cell0']],
        ['db', 'sync'],
        ['cell_v2', 'create_cell', *cell, '--transport-url', 'fake://'],
    ):
        program = [str(venv / 'bin' / 'nova-manage')]
        subprocess.run(
            [*program, '--config-file', str(config), *command],
            check=True,
            env=_environment(directory),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
