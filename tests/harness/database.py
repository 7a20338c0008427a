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
"""Where a Glance under test keeps its rows."""

from __future__ import annotations

from collections.abc import Sequence
import fcntl
import os
from pathlib import Path
import shutil
import sqlite3
import subprocess
import tempfile
from typing import Any


class Sqlite:
    """A file of its own, copied from a template synced once per release."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / 'glance.sqlite'
        # Writers wait for each other instead of failing after 5 seconds.
        self.url = f'sqlite:///{self._file}?timeout=60'

    def create(self, venv: Path) -> None:
        """Make the tables of the release in ``venv``."""
        shutil.copy(_template(venv), self._file)
        self.sql('pragma journal_mode=wal')

    def sql(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement and return its rows."""
        connection = sqlite3.connect(
            self._file, timeout=60, isolation_level=None
        )
        try:
            return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def drop(self) -> None:
        """Nothing: the file goes with the instance's directory."""


def _template(venv: Path) -> Path:
    template = venv / 'glance.sqlite'
    with (venv / '.glance.sqlite.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            fresh = venv / 'glance.sqlite.new'
            fresh.unlink(missing_ok=True)
            sync(venv, f'sqlite:///{fresh}')
            fresh.rename(template)
    return template


def sync(venv: Path, url: str) -> None:
    """Let the release's own ``glance-manage`` make its tables."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / 'glance-api.conf'
        config.write_text(f'[database]\nconnection = {url}\n')
        manage(venv, config, 'db', 'sync')


def manage(venv: Path, config: Path, *arguments: str) -> str:
    """Run ``glance-manage`` and return what it printed.

    :raises RuntimeError: when it fails, with its output.
    """
    command = [venv / 'bin' / 'glance-manage', '--config-file', config]
    done = subprocess.run(
        [*command, *arguments],
        env=dict(os.environ, PYTHONWARNINGS='ignore'),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f'glance-manage: {done.stdout}')
    return done.stdout
