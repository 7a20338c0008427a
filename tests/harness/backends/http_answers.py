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
"""How the server of ``http`` answers, down to the wire."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import fcntl
import hashlib
import http.server
import re
import select
import socket
import struct
import termios
import time
from typing import Any

from tests.harness.backends import listener
from tests.harness.backends.behaviour import Behaviour
from tests.harness.backends.behaviour import File
from tests.harness.backends.behaviour import Pattern
from tests.harness.backends.behaviour import Request

PIECE = 256 << 10
LINGER = struct.Struct('ii')
Data = bytes | Pattern
Found = tuple[File, Data, Behaviour] | None


class Listener(listener.Listener):
    """The server's threads.

    :param connected: counts a connection and returns its number.
    :param find: notes a request and returns what is to be served, how.
    """

    def __init__(
        self, connected: Callable[[], int], find: Callable[[Request], Found]
    ) -> None:
        self.connected = connected
        self.find = find
        super().__init__('hostile', Handler)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, orderly unless it is to be reset."""
        linger = request.getsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, LINGER.size
        )
        if LINGER.unpack(linger)[0]:
            self.close_request(request)
        else:
            super().shutdown_request(request)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = 'HTTP/1.1'
    server: Listener

    def setup(self) -> None:
        """Give it its number."""
        super().setup()
        self._number = self.server.connected()

    def do_HEAD(self) -> None:
        """Answer without the data."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer as the path's behaviour has it."""
        headers = {name.lower(): text for name, text in self.headers.items()}
        path = self.path.partition('?')[0]
        request = Request(self.command, path, headers, self._number)
        found = self.server.find(request)
        try:
            if found is None:
                self._start(request, 404, {'Content-Length': '0'})
            else:
                self._answer(request, *found)
        except OSError:
            self.close_connection = True  # the client has gone

    def _answer(
        self, request: Request, file: File, data: Data, behaviour: Behaviour
    ) -> None:
        head = request.method == 'HEAD'
        status = (head and behaviour.head_status) or behaviour.status
        start, stop, headers = span(request, data, behaviour)
        if status != 200 or stop < start:
            if behaviour.location:
                headers['Location'] = behaviour.location
            headers['Content-Length'] = '0'
            status = status if status != 200 else 416
            return self._start(request, status, headers)
        request.start = start
        if behaviour.framing == 'chunked':
            headers['Transfer-Encoding'] = 'chunked'
        elif behaviour.framing == 'length':
            length = stop - start + behaviour.length_off_by
            headers['Content-Length'] = str(length)
        if behaviour.framing == 'close' or behaviour.length_off_by:
            headers['Connection'] = 'close'
        partial = 'Content-Range' in headers
        self._start(request, 206 if partial else 200, headers)
        if not head:
            self._send(request, file, data, behaviour, stop)

    def _start(
        self, request: Request, status: int, headers: dict[str, str]
    ) -> None:
        request.status = status
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()

    def _send(
        self,
        request: Request,
        file: File,
        data: Data,
        behaviour: Behaviour,
        stop: int,
    ) -> None:
        """Send the data, until the first fault that ends the answer."""
        chunked = behaviour.framing == 'chunked'
        size = min(PIECE, max(1, (behaviour.rate or PIECE * 20) // 20))
        begun = time.monotonic()
        at = request.start
        fault = 'none yet'
        while fault:
            end, fault = behaviour.end(request.start, stop)
            while at < end:
                piece = data[at:min(at + size, end)]
                frame = b'%x\r\n%b\r\n' % (len(piece), piece)
                self.connection.sendall(frame if chunked else piece)
                at += len(piece)
                request.sent += len(piece)
                if behaviour.rate:
                    due = begun + request.sent / behaviour.rate
                    time.sleep(max(0.0, due - time.monotonic()))
            if fault == 'stall':
                self._wait(file)
                behaviour = dataclasses.replace(behaviour, stall_at=None)
            elif fault:
                self.close_connection = True
                return self._reset() if fault == 'reset' else None
        if chunked:
            self.connection.sendall(b'0\r\n\r\n')
        request.ended = True

    def _wait(self, file: File) -> None:
        """Be silent until the file is released.

        :raises ConnectionError: when the client does not wait so long.
        """
        while not file.released.wait(0.02):
            self._check()

    def _reset(self) -> None:
        """Let the connection's end be a reset, after what was sent.

        :raises ConnectionError: when the client has gone before.
        """
        # It would overtake what the client has not acknowledged yet.
        while any(fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4))):
            self._check()
            time.sleep(0.002)
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(1, 0)
        )

    def _check(self) -> None:
        """Raise ConnectionError when the client has gone."""
        poll = select.poll()
        poll.register(self.connection, select.POLLRDHUP)
        if poll.poll(0):
            raise ConnectionError

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the log of the tests clean: ``requests`` has it all."""


def span(
    request: Request, data: Data, behaviour: Behaviour
) -> tuple[int, int, dict[str, str]]:
    """Return what part of the data is asked for, and its headers.

    An end before the beginning stands for a range that is not there.
    """
    size = len(data)
    headers = {'Content-Type': 'application/octet-stream'}
    etag = ''
    if behaviour.etag:
        etag = f'"{tag(data)}"'
        headers['ETag'] = etag
    if not behaviour.ranges:
        return 0, size, headers
    headers['Accept-Ranges'] = 'bytes'
    wanted = re.fullmatch(r'bytes=(\d*)-(\d*)', request.range or '-')
    same = request.headers.get('if-range', etag) == etag
    if not wanted or not any(wanted.groups()) or not same:
        return 0, size, headers
    first, last = wanted.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        headers['Content-Range'] = f'bytes */{size}'
        return start, start - 1, headers
    headers['Content-Range'] = f'bytes {start}-{stop - 1}/{size}'
    return start, stop, headers


def tag(data: Data) -> str:
    """Return what tells one file from another: its ETag without quotes."""
    if isinstance(data, Pattern):
        return f'{len(data):x}-{data.seed:x}'
    return hashlib.sha256(data).hexdigest()[:16]
