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
import dataclasses
import fcntl
import functools
import hashlib
import http.server
import random
import re
import socket
import struct
import termios
import threading
import time
from typing import Any

from tests.harness import backends
from tests.harness.backends import listener

PIECE = 256 << 10


def available() -> backends.Availability:
    """Tell that it can run: it needs nothing but Python."""
    return backends.Availability()


class Pattern:
    """``size`` bytes that take no memory; sliced and measured like bytes.

    No two of its aligned blocks look alike to a reader that mixes up
    offsets: what repeats has a prime length.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size = size
        self.seed = seed
        self._block = random.Random(seed).randbytes(65537)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> bytes:
        start, stop, _ = wanted.indices(self._size)
        first = start % len(self._block)
        count = max(0, stop - start)
        blocks = self._block * ((first + count) // len(self._block) + 1)
        return blocks[first:first + count]


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What is done to those who GET a path. All offsets are of the file.

    A fault at an offset strikes answers that begin before it (or at 0), so
    a client that goes on from there gets the rest.
    """

    # Another status comes without data; HEAD may have one of its own.
    status: int = 200
    head_status: int | None = None
    location: str | None = None
    # Whether Range is heeded (206, 416 and If-Range), and an ETag sent.
    ranges: bool = True
    etag: bool = True
    # How the end is told: ``length``, ``chunked`` or ``close``.
    framing: str = 'length'
    # Bytes by which Content-Length is wrong.
    length_off_by: int = 0
    # The connection is closed, reset, or left silent at this offset.
    truncate_at: int | None = None
    reset_at: int | None = None
    stall_at: int | None = None
    # The connection is closed after so many bytes of every answer.
    cut_every: int | None = None
    # Bytes per second of one connection.
    rate: int | None = None
    # What the file is from the second GET on.
    becomes: bytes | Pattern | None = None
    # The number of GETs that meet status and faults; None is all of them.
    times: int | None = None

    def calmed(self) -> Behaviour:
        """Return it without what ``times`` limits."""
        return dataclasses.replace(
            self,
            status=200,
            head_status=None,
            length_off_by=0,
            truncate_at=None,
            reset_at=None,
            stall_at=None,
            cut_every=None,
        )

    def end(self, start: int, stop: int) -> tuple[int, str]:
        """Return where an answer meets its first fault, and which."""
        cut = start + self.cut_every if self.cut_every else None
        faults = [
            (self.truncate_at, 'truncate'),
            (self.reset_at, 'reset'),
            (self.stall_at, 'stall'),
            (cut, 'truncate'),
        ]
        met = [
            (at, kind)
            for at, kind in faults
            if at is not None
            and at < stop
            and (start < at or at == start == 0)
        ]
        return min(met, default=(stop, ''))


@dataclasses.dataclass
class Request:
    """One request, and how far it was answered until now."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    status: int = 0
    start: int = 0
    sent: int = 0
    ended: bool = False

    @property
    def range(self) -> str | None:
        """The Range header."""
        return self.headers.get('range')


class _File:
    def __init__(self, data: bytes | Pattern, behaviour: Behaviour) -> None:
        self.data = data
        self.behaviour = behaviour
        self.gets = 0
        self.released = threading.Event()

    def now(self, method: str) -> tuple[bytes | Pattern, Behaviour]:
        """Return what the next request of this method meets."""
        behaviour, before = self.behaviour, self.gets
        self.gets += method == 'GET'
        if before and behaviour.becomes is not None:
            self.data = behaviour.becomes
        if behaviour.times is not None and before >= behaviour.times:
            behaviour = behaviour.calmed()
        return self.data, behaviour


class Server:
    """A server in threads of this process, from its making to ``stop``.

    ``requests`` has what was asked so far, oldest first, and
    ``connections`` how often somebody connected.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        handler = type('Handler', (_Handler,), {'hostile': self})
        self._listener = _Listener('hostile', handler)
        self.url = self._listener.url
        atexit.register(self.stop)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def serve(
        self, path: str, data: bytes | Pattern | int, **behaviour: Any
    ) -> str:
        """Serve this at a path, in the place of what was there; return its URL.

        :param data: a number stands for a ``Pattern`` of that many bytes.
        :param behaviour: see ``Behaviour``; it is honest if nothing is said.
        """
        data = Pattern(data) if isinstance(data, int) else data
        self._files[path] = _File(data, Behaviour(**behaviour))
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


class _Listener(listener.Listener):
    def shutdown_request(self, request: Any) -> None:
        # A reset must not be announced by an orderly end.
        size = struct.calcsize('ii')
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, size)
        if struct.unpack('ii', linger)[0]:
            self.close_request(request)
        else:
            super().shutdown_request(request)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    hostile: Server

    def setup(self) -> None:
        super().setup()
        self._number = self.hostile.connected()

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        headers = {name.lower(): each for name, each in self.headers.items()}
        path = self.path.partition('?')[0]
        request = Request(self.command, path, headers, self._number)
        found = self.hostile.find(request)
        try:
            if found is None:
                self._refuse(request, 404, {})
            else:
                self._serve(request, *found)
            request.ended = True
        except OSError:
            self.close_connection = True

    def _refuse(
        self, request: Request, status: int, headers: dict[str, str]
    ) -> None:
        request.status = status
        self.send_response(status)
        for name, value in ({'Content-Length': '0'} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def _serve(
        self,
        request: Request,
        file: _File,
        data: bytes | Pattern,
        behaviour: Behaviour,
    ) -> None:
        status = behaviour.status
        if request.method == 'HEAD':
            status = behaviour.head_status or status
        if status != 200:
            where = behaviour.location
            headers = {'Location': where} if where else {}
            return self._refuse(request, status, headers)
        start, stop, headers = _span(request, data, behaviour)
        if stop < start:
            return self._refuse(request, 416, headers)
        request.status = 206 if 'Content-Range' in headers else 200
        request.start = start
        if behaviour.framing == 'chunked':
            headers['Transfer-Encoding'] = 'chunked'
        elif behaviour.framing == 'length':
            length = stop - start + behaviour.length_off_by
            headers['Content-Length'] = str(length)
        if behaviour.framing == 'close' or behaviour.length_off_by:
            headers['Connection'] = 'close'
        self.send_response(request.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if request.method == 'GET':
            self._send(request, file, data, behaviour, stop)
