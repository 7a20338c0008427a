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
"""Our commands, each in a fork of the test's own process.

An import of Glance takes seconds, and a test of a command runs a dozen: the
test's process imports it once, and uses nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
import importlib
import os
from pathlib import Path
import signal
import sys
import time
import traceback
from typing import Any
import uuid

from tests.harness import processes

_IMPORTED = (
    'glance_ext.host.setup',
    'glance_ext.plugins.hash',
    'glance_ext.upkeep.backfill',
    'glance_ext.upkeep.coverage',
    'glance_ext.upkeep.draining',
    'glance_ext.upkeep.reaping',
    'glance_ext.upkeep.restoring',
    'glance_ext.upkeep.scrub',
    'glance_store._drivers.filesystem',
    'glance_store._drivers.s3',
    'glance_store._drivers.swift.store',
    'glance_store._drivers.vmware_datastore',
)


class Command:
    """One run of a command. Its output goes to files in ``directory``."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        directory: Path,
        env: dict[str, str] | None = None,
    ) -> None:
        base = directory / f'command-{uuid.uuid4().hex[:8]}'
        self._out = base.with_suffix('.out')
        self._err = base.with_suffix('.err')
        self.returncode: int | None = None
        for name in (module, *_IMPORTED):
            importlib.import_module(name)
        for path in (self._out, self._err):
            path.touch()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            status = 70
            try:
                processes.die_with_parent()
                status = self._run(module, list(arguments), env or {})
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._runs():
            os.kill(self.pid, number)

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end; return what it printed on each stream."""
        deadline = time.monotonic() + timeout
        while self._runs():
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f'it runs on:\n{self.errors()}')
            time.sleep(0.01)
        return self._out.read_text(), self.errors()

    def errors(self) -> str:
        """Return what it has printed on standard error so far."""
        return self._err.read_text()

    def kill(self) -> None:
        """End it at once; nothing where it has ended."""
        if self._runs():
            os.kill(self.pid, signal.SIGKILL)
            self._runs(0)

    def _runs(self, how: int = os.WNOHANG) -> bool:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode is None

    def _run(
        self, module: str, arguments: list[str], env: dict[str, str]
    ) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for name in [name for name in os.environ if name.startswith('OS_')]:
            del os.environ[name]
        os.environ.update(env)
        for number, path in ((1, self._out), (2, self._err)):
            with path.open('ab') as file:
                os.dup2(file.fileno(), number)
        sys.stdout = open(1, 'w', closefd=False)
        sys.stderr = open(2, 'w', closefd=False)
        main: Any = importlib.import_module(module).main
        status: int = main(arguments)
        return status
