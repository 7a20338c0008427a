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
"""Workers beside a Glance under test, and the board between them."""

from __future__ import annotations

from collections.abc import Sequence
import functools
import os
from pathlib import Path
import shutil
import signal
import socket
import tempfile
from typing import Any
import unittest
import uuid

from tests.harness import instance
from tests.harness import ports
from tests.harness import processes
from tests.harness import serve
from tests.harness import settings
from tests.harness import venvs

HOST = '127.0.0.1'
REDIS = 6379


def redis() -> str:
    """Return the URL of an empty board in this machine's Redis.

    :raises unittest.SkipTest: where there is none
    """
    if not _answers(REDIS):
        raise unittest.SkipTest('skipped: Redis absent')
    return (f'redis://{HOST}:{REDIS}/7'
            f'?namespace=glance_ext_{uuid.uuid4().hex[:12]}')


def forget(url: str) -> None:
    """Take an empty or full board out of Redis again."""
    import redis as client

    namespace = url.rpartition('=')[2]
    with client.Redis(HOST, REDIS, db=7) as connection:
        for key in connection.scan_iter(f'{namespace}*'):
            connection.delete(key)


@functools.cache
def etcd() -> str:
    """Return the URL of an etcd of our own, which ends with this process.

    :raises unittest.SkipTest: where it is not installed
    """
    if not shutil.which('etcd'):
        raise unittest.SkipTest('skipped: etcd absent')
    directory = Path(tempfile.mkdtemp(prefix='glance-ext-etcd-'))
    port, peer = ports.Port().number, ports.Port().number
    here, there = (f'http://{HOST}:{number}' for number in (port, peer))
    processes.boot(
        [
            'etcd', '--data-dir', str(directory / 'data'),
            '--listen-client-urls', here, '--advertise-client-urls', here,
            '--listen-peer-urls', there,
            '--initial-advertise-peer-urls', there,
            '--initial-cluster', f'default={there}',
        ],
        dict(os.environ),
        directory / 'server.log',
        lambda: _answers(port),
    )  # fmt: skip
    return f'etcd://{HOST}:{port}'


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 2).close()
    except OSError:
        return False
    return True


class Worker:
    """One ``glance-ext-worker`` with the options of a Glance.

    :param stores: the ids of the stores it has; None has all of them
    :param config: ``{section: {option: value}}`` over those of the Glance
    :param arguments: more of its command line
    """

    def __init__(self, glance: instance.Instance, name: str = 'worker',
                 stores: tuple[str, ...] | None = None,
                 config: settings.Options | None = None,
                 arguments: Sequence[str] = ()) -> None:
        self.glance = glance
        self._file = glance.directory / 'etc' / f'{name}.conf'
        self._log = glance.directory / f'{name}.log'
        self._stores = stores
        self._config = config or {}
        self._arguments = arguments
        self._process: Any = None

    def configure(self, config: settings.Options) -> None:
        """Change its options; they hold from the next start or SIGHUP."""
        options: Any = {name: dict(section) for name, section
                        in self.glance.options.items()}
        settings.merge(options, config)
        if self._stores is not None:
            options['DEFAULT']['enabled_backends'] = ','.join(
                f'{store}:file' for store in self._stores)
            options['glance_store']['default_backend'] = self._stores[0]
        self._file.write_text(settings.ini(options))

    def start(self, wait: bool = True) -> Worker:
        """Boot it, and wait until it looks for work, or do not wait."""
        self.configure(self._config)
        python = str(self.glance.venv / 'bin' / 'python')
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(('OS_', 'VIRTUAL_ENV', 'PYTHON'))}
        env |= {'PYTHONPATH': str(venvs.ROOT), 'PYTHONWARNINGS': 'ignore',
                'PYTHONDONTWRITEBYTECODE': '1',
                serve.FAULTS: str(self.glance.directory)}
        known = len(self.log())
        command = [python, '-m', 'tests.harness.serve', 'worker',
                   str(self._file), *self._arguments]
        self._process = processes.boot(
            command, env, self._log,
            lambda: 'Looking for actions' in self.log()[known:]
        ) if wait else processes.spawn(command, env, self._log)
        return self

    def log(self) -> str:
        """Return what it has written so far."""
        return self._log.read_text() if self._log.exists() else ''

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process.pid, number)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 60
             ) -> tuple[int, float]:
        """End it; return its status and the seconds that it took."""
        if self._process is None:
            return 0, 0.0
        return processes.stop(self._process, number, timeout)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            processes.kill(self._process)

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self._process.pid)

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None
