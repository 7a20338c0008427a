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
"""A mirror that gives each connection a share of its bandwidth.

``python -m bench.mirror MIB`` runs one and prints its port. ``/limited`` gives
20 MB/s to each connection and is 30 ms away, ``/cut`` breaks off after 24 MiB
as well, ``/free`` does neither. ``/sent`` tells how many bytes went out since
it was asked last.
"""

from collections.abc import Iterator
import contextlib
import hashlib
import http.client
import http.server
import itertools
import re
import subprocess
import sys
import threading
import time

_MIB = 1 << 20
_RATE, _AWAY, _CUT = 20_000_000, 0.03, 24 * _MIB
_PIECE = 64 * 1024
#: Twice the same, so that a piece may begin anywhere in the first.
_BLOCKS = memoryview(hashlib.shake_256(b'bench').digest(_MIB) * 2)


class Mirror:
    """The process, as the measurement sees it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, how: str) -> str:
        return f'http://127.0.0.1:{self._port}/{how}'

    def sent(self) -> int:
        """Return how many bytes went out since this was asked last."""
        connection = http.client.HTTPConnection('127.0.0.1', self._port)
        with contextlib.closing(connection):
            connection.request('GET', '/sent')
            return int(connection.getresponse().read())


@contextlib.contextmanager
def served(mib: int) -> Iterator[Mirror]:
    """Have a mirror of one file of so many MiB."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'bench.mirror', str(mib)],
        stdout=subprocess.PIPE, text=True)
    try:
        yield Mirror(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    sent = 0
    lock = threading.Lock()

    def __init__(self, size: int) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.size = size

    def handle_error(self, *_: object) -> None:
        """Clients may leave."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server: _Server

    def do_GET(self) -> None:
        how, size = self.path.strip('/'), self.server.size
        if how == 'sent':
            text = str(self.server.sent).encode()
            self.server.sent = 0
            self._start(200, len(text))
            self.wfile.write(text)
            return
        found = re.fullmatch(r'bytes=(\d+)-(\d*)',
                             self.headers.get('Range', ''))
        start = int(found[1]) if found else 0
        stop = int(found[2] or size - 1) + 1 if found else size
        stop = min(stop, size)
        if how != 'free':
            time.sleep(_AWAY)
        self._start(206 if found else 200, stop - start,
                    f'bytes {start}-{stop - 1}/{size}' if found else '')
        if how == 'cut' and stop - start > _CUT:
            stop = start + _CUT
            self.close_connection = True
        self._send(start, stop, 0 if how == 'free' else _RATE)

    def _start(self, status: int, length: int, given: str = '') -> None:
        self.send_response(status)
        self.send_header('Content-Length', str(length))
        self.send_header('ETag', '"bench"')
        self.send_header('Accept-Ranges', 'bytes')
        if given:
            self.send_header('Content-Range', given)
        self.end_headers()

    def _send(self, at: int, stop: int, rate: int) -> None:
        begun = time.monotonic()
        for sent in itertools.count(0, _PIECE):
            if rate:
                time.sleep(max(0.0, begun + sent / rate - time.monotonic()))
            if at + sent >= stop:
                break
            first = (at + sent) % _MIB
            count = min(_PIECE, stop - at - sent)
            with self.server.lock:
                self.server.sent += count
            self.wfile.write(_BLOCKS[first:first + count])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == '__main__':
    server = _Server(int(sys.argv[1]) * _MIB)
    print(server.server_port, flush=True)
    server.serve_forever()
