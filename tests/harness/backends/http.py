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
"""An HTTP server that does to its clients what servers do on bad days."""

from __future__ import annotations

import atexit
import functools
import threading
from typing import Any

from tests.harness import backends
from tests.harness.backends import http_answers
from tests.harness.backends.behaviour import Behaviour
from tests.harness.backends.behaviour import File
from tests.harness.backends.behaviour import Pattern
from tests.harness.backends.behaviour import Request


def available() -> backends.Availability:
    """Tell that it can run: it needs nothing but Python."""
    return backends.Availability()


class Server:
    """A server in threads of this process, from its making to ``stop``.

    ``requests`` has what was asked so far, oldest first, and
    ``connections`` how often somebody connected.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._files: dict[str, File] = {}
        self._lock = threading.Lock()
        self._listener = http_answers.Listener(self.connected, self.find)
        self.url = self._listener.url
        atexit.register(self.stop)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def serve(
        self, path: str, data: bytes | Pattern | int, **behaviour: Any
    ) -> str:
        """Serve this at a path from now on; return its URL.

        :param data: a number stands for a ``Pattern`` of that many bytes.
        :param behaviour: see ``Behaviour``; it is honest if nothing is said.
        """
        data = Pattern(data) if isinstance(data, int) else data
        self._files[path] = File(data, Behaviour(**behaviour))
        return self.url + path

    def change(self, path: str, data: bytes | Pattern | int) -> None:
        """Let a file be another one, also its ETag, from the next GET on."""
        data = Pattern(data) if isinstance(data, int) else data
        self._files[path].data = data

    def release(self, path: str) -> None:
        """Let answers that stall, now or later, go on."""
        self._files[path].released.set()

    def log(self, path: str, method: str = 'GET') -> list[Request]:
        """Return the requests for a path, oldest first."""
        return [
            each
            for each in self.requests
            if (each.path, each.method) == (path, method)
        ]

    def sent(self, path: str) -> int:
        """Return how many bytes of data went out for a path."""
        return sum(each.sent for each in self.log(path))

    def forget(self) -> None:
        """Forget all files and counts."""
        self._files.clear()
        self.requests.clear()
        self.connections = 0

    def stop(self) -> None:
        """End it, and all that is under way."""
        atexit.unregister(self.stop)
        self._listener.stop()

    def connected(self) -> int:
        """Count a connection; return its number, from 1."""
        with self._lock:
            self.connections += 1
            return self.connections

    def find(self, request: Request) -> Any:
        """Note a request; return its file, data and behaviour, or None."""
        with self._lock:
            self.requests.append(request)
            file = self._files.get(request.path)
            return file and (file, *file.now(request.method))


@functools.cache
def shared() -> Server:
    """Return the server of this worker process."""
    return Server()
