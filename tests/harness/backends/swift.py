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
"""A real Swift, which is a real S3 too, and what lies behind its API."""

from __future__ import annotations

import atexit
import functools
import hashlib
import http.client
import os
from pathlib import Path
import signal
import subprocess
from typing import Any

from tests.harness import backends
from tests.harness import ports
from tests.harness import processes
from tests.harness import venvs
from tests.harness import web
from tests.harness.backends import scratch
from tests.harness.backends import swift_api
from tests.harness.backends import swift_serve

USER, PASSWORD = swift_serve.USER, swift_serve.PASSWORD
ACCOUNT = f'AUTH_{USER.partition(":")[0]}'


def available() -> backends.Availability:
    """Tell whether Swift can be started; its environment is built here."""
    try:
        venvs.ensure('swift')
    except subprocess.CalledProcessError:
        return backends.Availability('swift absent: it could not be installed')
    return backends.Availability()


class Swift(swift_api.Account):
    """One Swift process with its own directory, port and identity service."""

    def __init__(self) -> None:
        available().require()
        self._scratch = scratch.Scratch('swift')
        self._port = ports.Port()
        url = f'http://127.0.0.1:{self._port.number}'
        s3 = (USER, PASSWORD)
        super().__init__(self._scratch.path, url, USER, PASSWORD, s3)
        self._process: Any = None
        atexit.register(self.stop)

    def __enter__(self) -> Swift:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Swift:
        """Boot it, with what it held before it was killed.

        :raises RuntimeError: when it does not come up, with its log's end.
        """
        try:
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
        self._identity.stop()
        self._port.release()
        self._scratch.remove()

    def kill(self) -> None:
        """End it at once, as a power cut would; ``start`` brings it back."""
        processes.kill(self._process)

    def freeze(self) -> None:
        """Let it accept connections and say nothing, until ``thaw``."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def uploads(self, bucket: str) -> dict[str, int]:
        """Return the multipart uploads that were neither ended nor aborted.

        :returns: how many of its parts are there, by ``KEY/UPLOAD``.
        """
        parts = self.objects(f'{bucket}+segments')
        # S3's API marks an upload with an object named like it until its end.
        return {
            mark: sum(name.startswith(f'{mark}/') for name in parts)
            for mark in parts
            if mark.count('/') == 1
        }

    def file(self, container: str, name: str) -> Path:
        """Return the file in which Swift keeps the bytes of an object.

        Truncated, Swift refuses it; changed, Swift sends it all and then
        refuses it. Either way it puts it aside, and the object is gone.
        """
        path = f'/{ACCOUNT}/{container}/{name}'
        salted = f'{swift_serve.PREFIX}{path}{swift_serve.SUFFIX}'
        digest = hashlib.md5(salted.encode()).hexdigest()
        objects = self.directory / swift_serve.DEVICE / 'objects'
        (found,) = objects.glob(f'*/*/{digest}/*.data')
        return found

    def _boot(self) -> None:
        python = venvs.ensure('swift') / 'bin' / 'python'
        port = str(self._port.number)
        program = 'tests.harness.backends.swift_serve'
        self._process = processes.boot(
            [str(python), '-m', program, str(self.directory), port],
            {
                'PATH': os.environ['PATH'],
                'PYTHONPATH': str(venvs.ROOT),
                'PYTHONWARNINGS': 'ignore',
            },
            self.directory / 'server.log',
            self._answers,
        )
        self._log_in()

    def _answers(self) -> bool:
        try:
            answer = web.request(f'{self.url}/healthcheck', 'GET', timeout=5)
        except (OSError, http.client.HTTPException):
            return False
        return answer.status == 200


@functools.cache
def shared() -> Swift:
    """Return the Swift of this worker process, started at the first call.

    :raises unittest.SkipTest: where there is none, with the reason.
    """
    return Swift().start()
