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
"""The process of a real Glance: how it starts, ends and is set up."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
import http.client
import os
from pathlib import Path
import shutil
import signal
import sys
import tempfile
from typing import Any, Self

from tests.harness import database as databases
from tests.harness import faults
from tests.harness import mariadb
from tests.harness import ports
from tests.harness import processes as sessions
from tests.harness import serve
from tests.harness import servers
from tests.harness import settings
from tests.harness import venvs
from tests.harness import web

_living: set[Instance] = set()


class Instance:
    """One Glance with its own directory, database, stores and port.

    :param directory: where it lives; a temporary one, removed by ``stop``
        unless the environment says ``KEEP=1``, when None.
    :param venv: the name of an environment (``glance-28``) or its path; the
        one that runs the test, if Glance is in it, when None.
    :param server: a key of ``servers.SERVERS``.
    :param database: None (sqlite), ``mariadb`` (a fresh one), or an object
        like ``databases.Sqlite``.
    :param stores: ids of the file stores, by descending weight; ``()`` is a
        Glance without ``enabled_backends``.
    :param config: ``{section: {option: value}}`` over the defaults; None
        removes an option.
    :param auth: ``header``, ``keystone`` (then ``keystone`` is a running
        one) or ``none``.
    :param extension: whether our filter is in the pipelines.
    :param inject: whether faults can be injected into the stores.
    :param packages: directories with more packages for its server.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        venv: str | Path | None = None,
        server: str = 'waitress',
        processes: int = 1,
        threads: int = 8,
        database: Any = None,
        stores: tuple[str, ...] = ('fast', 'slow', 'cold'),
        config: settings.Options | None = None,
        auth: str = 'header',
        keystone: Any = None,
        extension: bool = True,
        inject: bool = True,
        packages: Sequence[Path] = (),
    ) -> None:
        self._temporary = directory is None
        self.directory = Path(
            directory or tempfile.mkdtemp(prefix='glance-ext-')
        )
        self.venv = _venv(venv)
        self.release = _release(self.venv)
        self.stores = tuple(store.partition(':')[0] for store in stores)
        self.keystone = keystone
        self._server = server
        self._auth = auth
        self._extension = extension
        self._inject = inject
        self._packages = tuple(packages)
        self._port = ports.Port()
        self.port = self._port.number
        self.url = f'http://127.0.0.1:{self.port}'
        if database == 'mariadb':
            database = mariadb.Database()
        self.database = database or databases.Sqlite(self.directory)
        self._created = False
        self._loaded = self.directory / 'loaded'
        self._process: Any = None
        self.faults = faults.Faults(self.directory)
        self._launch = servers.Launch(
            self.venv,
            self.release,
            self.directory,
            self.port,
            processes,
            threads,
        )
        self.options = settings.options(
            self.directory,
            self.url,
            self.port,
            processes,
            self.database.url,
            stores,
            '' if auth == 'none' else 'keystone',
        )
        settings.merge(self.options, {
            'wsgi': {'python_interpreter': self.venv / 'bin' / 'python'}
        })
        if keystone is not None:
            settings.merge(self.options, keystone.authtoken())
        settings.merge(self.options, config or {})
        _living.add(self)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 120) -> Self:
        """Boot it and wait until it answers.

        :raises RuntimeError: when it ends or stays silent for ``timeout``
            seconds, with the end of its log.
        :raises unittest.SkipTest: where its server cannot be had.
        """
        try:
            self.prepare()
            self._process = self._boot(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def _boot(self, timeout: float) -> Any:
        command = servers.command(self._server, self._launch)
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(('OS_', 'VIRTUAL_ENV', 'PYTHON'))
        } | {
            'OS_GLANCE_CONFIG_DIR': str(self.directory / 'etc'),
            'PYTHONPATH': os.pathsep.join(
                map(str, (venvs.ROOT, *self._packages))
            ),
            'PYTHONWARNINGS': 'ignore',
            'PYTHONDONTWRITEBYTECODE': '1',
        }
        shutil.rmtree(self._loaded, ignore_errors=True)
        self._loaded.mkdir()
        env[serve.LOADED] = str(self._loaded)
        if self._inject:
            env[serve.FAULTS] = str(self.directory)
        log = self.directory / 'server.log'
        # Apache leaves its children alone when it is killed.
        gentle = self._server == 'mod_wsgi'
        death = signal.SIGTERM if gentle else signal.SIGKILL
        return sessions.boot(command, env, log, self._ready, timeout, death)

    def _ready(self) -> bool:
        """Whether every process serves, not only the quickest.

        A worker that is still loading does not hear a signal to stop.
        """
        status = self._status()
        if status == 500:
            raise RuntimeError('it answers 500')
        # The eventlet server loads once, before it forks.
        wanted = 0 if self._server == 'eventlet' else self._launch.processes
        ready = len(list(self._loaded.iterdir())) >= wanted
        return ready and 0 < status < 500

    def prepare(self) -> None:
        """Write its files and make its database; ``start`` does it too."""
        names = ('etc', 'lock', 'staging', 'tasks', 'images', *self.stores)
        for name in names:
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.configure()
        shipped = self.venv / 'etc' / 'glance' / 'glance-api-paste.ini'
        (self.directory / 'etc' / 'glance-api-paste.ini').write_text(
            settings.paste(
                shipped.read_text(), self._auth == 'header', self._extension
            )
        )
        if not self._created:
            self.database.create(self.venv)
            self._created = True

    def configure(self, config: settings.Options | None = None) -> None:
        """Change its options; they hold from the next start or SIGHUP."""
        settings.merge(self.options, config or {})
        path = self.directory / 'etc' / 'glance-api.conf'
        path.write_text(settings.ini(self.options))

    def manage(self, *arguments: str) -> str:
        """Run ``glance-manage`` with its options; return what it printed."""
        path = self.directory / 'etc' / 'glance-api.conf'
        return databases.manage(self.venv, path, *arguments)

    def answers(self) -> bool:
        """Whether it serves requests now."""
        return 0 < self._status() < 500

    def _status(self) -> int:
        """Return the status of a cheap request; 0 is no answer."""
        try:
            return web.request(f'{self.url}/versions', 'GET', timeout=5).status
        except (OSError, http.client.HTTPException):
            return 0

    def stop(
        self, signal: int = signal.SIGTERM, timeout: float = 60
    ) -> tuple[int, float]:
        """End it for good; return the return code and the seconds it took.

        The code is -9 when it outlived ``timeout``.
        """
        ended = self.halt(_gentle(signal), timeout)
        _living.discard(self)
        self._port.release()
        self.database.drop()
        if self._temporary and not os.environ.get('KEEP'):
            shutil.rmtree(self.directory, ignore_errors=True)
        return ended

    def halt(
        self, signal: int = signal.SIGTERM, timeout: float = 60
    ) -> tuple[int, float]:
        """As ``stop``, but everything stays for another ``start``."""
        if self._process is None:
            return 0, 0.0
        return sessions.stop(self._process, signal, timeout)

    def kill(self) -> None:
        """End all its processes at once; everything stays for a start."""
        sessions.kill(self._process)

    def hup(self) -> None:
        """Ask the main process to read its options again."""
        self._process.send_signal(signal.SIGHUP)

    def restart(self, config: settings.Options | None = None) -> Self:
        """Halt it, change options, start it again."""
        self.halt()
        self.configure(config)
        return self.start()

    def processes_alive(self) -> list[int]:
        """Return the ids of its processes."""
        return sessions.members(self._process.pid) if self._process else []

    def log(self) -> str:
        """Return what its server has written so far."""
        path = self.directory / 'server.log'
        return path.read_text(errors='replace') if path.exists() else ''


def _venv(venv: str | Path | None) -> Path:
    if isinstance(venv, Path) or (venv and os.sep in venv):
        return Path(venv)
    if venv is None and (Path(sys.prefix) / 'bin' / 'glance-api').exists():
        return Path(sys.prefix)
    return venvs.ensure(venv or 'glance-33')


def _release(venv: Path) -> int:
    """Return the major version of the Glance in a virtual environment."""
    (found,) = venv.glob('lib/python3*/site-packages/glance-*.dist-info')
    return int(found.name.removeprefix('glance-').partition('.')[0])


def _gentle(death: int) -> int:
    """Return SIGTERM for SIGKILL where what is measured is to be written."""
    measured = 'COVERAGE_PROCESS_START' in os.environ
    return signal.SIGTERM if measured and death == signal.SIGKILL else death


@atexit.register
def _stop_all() -> None:
    for instance in list(_living):
        instance.stop(signal.SIGKILL)


# A run that is ended from outside (a time limit) cleans up too: unittest
# lets KeyboardInterrupt through, and the exit hooks run.
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
