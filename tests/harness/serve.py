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
"""What runs inside the server process: the patches, and two servers.

``python -m tests.harness.serve waitress PORT THREADS`` and ``... eventlet``
serve in this process, and ``... worker FILE`` is a worker with the options of
a file; the other servers load ``tests.harness.wsgi``.
"""

import os
from pathlib import Path
import signal
import sqlite3
import sys
import threading
from typing import Any

from tests.harness import dying
from tests.harness import faulty
from tests.harness import processes

FAULTS = 'GLANCE_EXT_TEST_FAULTS'
LOADED = 'GLANCE_EXT_TEST_LOADED'


def prepare() -> None:
    """Make this process fit for tests; call it before Glance is loaded."""
    processes.die_with_parent()
    # Workers that a server forks after this point: the eventlet glance-api.
    os.register_at_fork(after_in_child=processes.die_with_parent)
    _begin_immediate()
    if FAULTS in os.environ:
        faulty.install(os.environ[FAULTS])


def loaded() -> None:
    """Tell the test that this process has its application."""
    if FAULTS in os.environ and 'glance_ext.actions.run' in sys.modules:
        dying.install(os.environ[FAULTS])
    (Path(os.environ[LOADED]) / str(os.getpid())).touch()


def _begin_immediate() -> None:
    """Open sqlite transactions with the write lock.

    A transaction that reads first and writes later cannot wait for another
    writer: sqlite answers "database is locked" at once, timeout or not.
    Glance 28..30 read through a second connection inside a transaction; that
    one stays a plain reader, or it would wait for its own thread for ever.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    opened = threading.local()

    @event.listens_for(Engine, 'before_cursor_execute', retval=True)
    def immediate(
        connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        if statement == 'BEGIN' and connection.dialect.name == 'sqlite':
            outer = getattr(opened, 'outer', None)
            if outer is None or not outer.holds():
                opened.outer = _Outer(cursor.connection, connection.info)
                statement = 'BEGIN IMMEDIATE'
        return statement, parameters


class _Outer:
    """A thread's own transaction, until it ends or its connection moves."""

    def __init__(
        self, connection: sqlite3.Connection, info: dict[str, Any]
    ) -> None:
        self._connection = connection
        self._info = info
        info['outer'] = self

    def holds(self) -> bool:
        """Whether it is still open and of the same thread."""
        try:
            open_still = self._connection.in_transaction
        except sqlite3.ProgrammingError:
            return False  # closed meanwhile
        return open_still and self._info.get('outer') is self


def _waitress(port: int, threads: int) -> None:
    # waitress leaves SIGTERM to its default, which skips the exit hooks that
    # Glance drains its pools in.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.argv = ['glance-api']
    import waitress

    from tests.harness import wsgi

    waitress.serve(
        wsgi.application,
        host='127.0.0.1',
        port=port,
        threads=threads,
        max_request_body_size=1 << 40,
    )


def _eventlet() -> None:
    config = os.path.join(
        os.environ['OS_GLANCE_CONFIG_DIR'], 'glance-api.conf'
    )
    sys.argv = ['glance-api', '--config-file', config]
    from glance.cmd import api  # first of all: it patches the library

    prepare()
    api.main()


def _worker(config: str, *arguments: str) -> None:
    prepare()
    from glance_ext.cmd import worker

    sys.exit(worker.main(['--config-file', config, *arguments]))


def main() -> None:
    """Serve as the command line says."""
    server, *numbers = sys.argv[1:]
    if server == 'waitress':
        _waitress(*map(int, numbers))
    elif server == 'worker':
        _worker(*numbers)
    else:
        _eventlet()


if __name__ == '__main__':
    main()
