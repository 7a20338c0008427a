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
"""A MariaDB database of its own for a Glance under test."""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Sequence
import contextlib
import fcntl
import json
import os
from pathlib import Path
import shutil
import subprocess
import tempfile
from typing import Any
import unittest
import uuid

from tests.harness import database
from tests.harness import ports
from tests.harness import processes

HOST = '127.0.0.1'


class Database:
    """A fresh database on this machine's server, dropped by ``drop``.

    The server is the one at 127.0.0.1:3306, if root may enter without a
    password, else a private one, where ``mariadbd`` is installed.

    :raises unittest.SkipTest: where there is neither.
    """

    def __init__(self) -> None:
        self._port = _server()
        self._name = f'glance_ext_{uuid.uuid4().hex[:12]}'
        user = f'mysql+pymysql://root@{HOST}:{self._port}'
        self.url = f'{user}/{self._name}?charset=utf8mb4'

    def create(self, venv: Path) -> None:
        """Make the tables of the release in ``venv``.

        ``glance-manage`` does it once per environment; afterwards its
        statements are played back, which is ten times faster.
        """
        name = self._name
        self._run(None, f'create database {name} character set utf8mb4')
        script = venv / 'glance.mariadb.json'
        with (venv / '.glance.mariadb.lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not script.exists():
                database.sync(venv, self.url)
                script.write_text(json.dumps(self._dump()))
                return
        connection = _connect(self._port, name)
        with connection, connection.cursor() as cursor:
            cursor.execute('set foreign_key_checks = 0')
            for statement, rows in json.loads(script.read_text()):
                cursor.execute(statement)
                for row in rows:
                    cursor.execute(*row)

    def sql(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement (``?`` for parameters) and return its rows."""
        statement = statement.replace('%', '%%').replace('?', '%s')
        return self._run(self._name, statement, tuple(parameters))

    @contextlib.contextmanager
    def holding_inserts(self, table: str) -> Iterator[None]:
        """Let no insert into a table go on while the block lasts."""
        gate = f"'{self._name}.{table}'"
        connection = _connect(self._port, self._name)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(f'select get_lock({gate}, 0)')
                cursor.execute(
                    f'create trigger held before insert on {table} for each '
                    f'row begin do get_lock({gate}, 60); '
                    f'do release_lock({gate}); end')
                yield
        finally:
            self.sql('drop trigger held')

    def drop(self) -> None:
        """Take the database away."""
        self._run(None, f'drop database if exists {self._name}')

    def _dump(self) -> list[Any]:
        found = []
        for (table,) in self.sql('show tables'):
            ((_, statement),) = self.sql(f'show create table `{table}`')
            rows = self.sql(f'select * from `{table}`')
            marks = ', '.join(['%s'] * len(rows[0])) if rows else ''
            insert = f'insert into `{table}` values ({marks})'
            found.append((statement, [(insert, row) for row in rows]))
        return found

    def _run(
        self,
        name: str | None,
        statement: str,
        parameters: tuple[object, ...] | None = None,
    ) -> Any:
        connection = _connect(self._port, name)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()


def _connect(port: int, name: str | None = None) -> Any:
    import pymysql

    return pymysql.connect(
        host=HOST, port=port, user='root', database=name, autocommit=True
    )


def _answers(port: int) -> bool:
    import pymysql

    try:
        _connect(port).close()
    except pymysql.MySQLError:
        return False
    return True


_private: list[int] = []


def _server() -> int:
    """Return the port of a server that can be used."""
    if _private:
        return _private[0]
    if not _answers(3306):
        if not shutil.which('mariadbd'):
            raise unittest.SkipTest('skipped: MariaDB absent')
        _private.append(_start())
        return _private[0]
    return 3306


def _start() -> int:
    """Start a server that ends with this process; return its port."""
    directory = Path(tempfile.mkdtemp(prefix='glance-ext-mariadb-'))
    port = ports.Port()
    owner = []
    if os.getuid() == 0:
        shutil.chown(directory, 'mysql')
        owner = ['--user=mysql']
    data = f'--datadir={directory}/data'
    subprocess.run(
        [
            'mariadb-install-db', '--no-defaults', *owner, data,
            '--auth-root-authentication-method=normal', '--skip-test-db',
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    process = processes.boot(
        [
            'mariadbd', '--no-defaults', *owner, data,
            f'--socket={directory}/socket', f'--pid-file={directory}/pid',
            f'--port={port.number}', f'--bind-address={HOST}',
            '--skip-log-bin', '--skip-name-resolve',
            '--innodb-flush-log-at-trx-commit=0',
        ],
        dict(os.environ),
        directory / 'server.log',
        lambda: _answers(port.number),
    )  # fmt: skip

    @atexit.register
    def end() -> None:
        processes.kill(process)
        shutil.rmtree(directory, ignore_errors=True)

    return port.number
