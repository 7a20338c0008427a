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

"""The server that Tempest's images come from, and exports go to."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import functools
import http.server
from pathlib import Path
import random
import threading

from tests.harness import ports

# How long slow.img takes.
SLOW_SECONDS = 30


@contextlib.contextmanager
def served(directory: Path) -> Iterator[int]:
    """Serve ``small.img``, ``small.qcow2``, ``slow.img`` and what was PUT.

    Yield the port on 127.0.0.1.
    """
    directory.mkdir()
    data = random.Random(0).randbytes(1 << 20)
    (directory / 'small.img').write_bytes(data)
    (directory / 'small.qcow2').write_bytes(_qcow2())
    ended = threading.Event()
    handler = functools.partial(_Handler, ended, directory=str(directory))
    port = ports.Port()
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', port.number), handler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield port.number
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        port.release()


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def __init__(
        self, ended: threading.Event, *args: object, **kwargs: object
    ) -> None:
        self._ended = ended
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        """Answer as the base class does; ``slow.img`` a byte at a time."""
        if self.path != '/slow.img':
            super().do_GET()
            return
        self.send_response(200)
        self.send_header('Content-Length', str(SLOW_SECONDS * 10))
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(SLOW_SECONDS * 10):
                self.wfile.write(b'\1')
                if self._ended.wait(0.1):
                    break

    def do_PUT(self) -> None:
        """Keep the body under the name in the path."""
        data = b''.join(self._body())
        Path(self.translate_path(self.path)).write_bytes(data)
        self.send_response(201)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def _body(self) -> Iterator[bytes]:
        if self.headers.get('Transfer-Encoding') != 'chunked':
            yield self.rfile.read(int(self.headers['Content-Length']))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _qcow2(size: int = 1 << 20) -> bytes:
    """Return an empty qcow2 image, version 3, of ``size`` virtual bytes."""
    header = b'QFI\xfb' + (3).to_bytes(4)
    header += bytes(8 + 4) + (16).to_bytes(4) + size.to_bytes(8)
    header += bytes(4) + (1).to_bytes(4)  # encryption, L1 entries
    header += (3 << 16).to_bytes(8) + (1 << 16).to_bytes(8)  # L1, refcounts
    header += (1).to_bytes(4) + bytes(4 + 8)  # refcount clusters, snapshots
    header += bytes(24) + (4).to_bytes(4) + (104).to_bytes(4)
    return header.ljust(4 << 16, b'\0')
