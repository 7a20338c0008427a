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
"""A shell in which our programs need no time to start.

A line runs in bash, as a reader types it: with its quotes, variables, pipes
and redirections. What it finds in place of a program of ours asks this
process to run it, where it is loaded already.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
import os
from pathlib import Path
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

from tests.harness import commands
from tests.harness import programs

# What runs in place of a program: it passes on its words, and gives back
# what it is answered.
_STUB = f"""#!{sys.executable} -IS
import json, os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(os.path.join(os.path.dirname(sys.argv[0]), 'socket'))
with link, link.makefile('rw') as file:
    words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    print(json.dumps(words), file=file, flush=True)
    status, output, errors = json.loads(file.readline())
print(errors, end='', file=sys.stderr, flush=True)
print(output, end='')
sys.exit(status)
"""
# root has it, and needs no password.
_SUDO = '#!/bin/sh\nexec "$@"\n'
_MODULES = {
    'glance-ext-manage': 'glance_ext.cmd.manage',
    'glance-ext-status': 'glance_ext.cmd.status',
}


class Console:
    """A shell with programs of the client's environment and of this one.

    :param directory: an existing one for what belongs to the console
    :param clients: the variables of each program that speaks to a server
    :param server: the variables of those that run beside one
    """

    def __init__(
        self,
        directory: Path,
        clients: Mapping[str, Mapping[str, str]],
        server: Mapping[str, str],
    ) -> None:
        self.directory = directory
        self._clients = dict(clients)
        self._server = dict(server)
        self._bin = directory / 'bin'
        self._bin.mkdir()
        for name in (*clients, *_MODULES):
            self._program(name, _STUB)
        self._program('sudo', _SUDO)
        # A request that the server refuses is a line that failed.
        (directory / '.curlrc').write_text('fail-with-body\nmax-time = 60\n')
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._bin / 'socket'))
        self._listener.listen()

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()

    def run(
        self, line: str, env: Mapping[str, str], timeout: float = 60
    ) -> tuple[int, str]:
        """Run a line; return its status, and both of its outputs in one.

        :raises AssertionError: it has not ended after ``timeout`` seconds.
        """
        path = os.pathsep.join(
            (str(self._bin), str(Path(sys.prefix) / 'bin'), os.defpath))
        deadline = time.monotonic() + timeout
        with tempfile.TemporaryFile('w+') as output, subprocess.Popen(
            ['bash', '-o', 'pipefail', '-c', line],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env={'PATH': path, 'HOME': str(self.directory),
                 'LANG': 'C.UTF-8', 'COLUMNS': '79', **self._server, **env},
            start_new_session=True,
        ) as process:
            ended = os.pidfd_open(process.pid)
            try:
                while True:
                    left = max(deadline - time.monotonic(), 0)
                    ready = select.select(
                        [self._listener, ended], [], [], left)[0]
                    if not ready:
                        raise AssertionError(f'it runs on: {line}')
                    if ended in ready:
                        break
                    self._serve()
            finally:
                os.close(ended)
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            output.seek(0)
            return process.wait(), output.read()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        with link, link.makefile('rw') as file:
            name, *words = json.loads(file.readline())
            run = self._client if name in self._clients else self._beside
            print(json.dumps(run(name, words)), file=file, flush=True)

    def _client(self, name: str, words: list[str]) -> tuple[int, str, str]:
        done = programs.shared().run(
            [name, *words], self._clients[name], typed=True)
        return done.returncode, done.stdout, done.stderr

    def _beside(self, name: str, words: list[str]) -> tuple[int, str, str]:
        command = commands.Command(
            _MODULES[name], words, self.directory, self._server)
        try:
            output, errors = command.communicate()
        finally:
            command.kill()
        assert command.returncode is not None
        return command.returncode, output, errors

    def _program(self, name: str, text: str) -> None:
        path = self._bin / name
        path.write_text(text)
        path.chmod(0o755)
