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
"""A server that answers as the rows of ``hostile_rows`` have it."""

from __future__ import annotations

import http.server
import pathlib
import ssl
import time
from typing import Any

from tests.harness.backends import hostile_rows
from tests.harness.backends import listener

GOOD = hostile_rows.Row('good', hostile_rows.whole(hostile_rows.LENGTH), '')


class Server(listener.Listener):
    """Answers every request with the one row, and ``/good`` as it should.

    :ivar sent: how many bytes it got rid of
    :ivar rate: bytes per second that one connection sends, or 0
    """

    def __init__(self, row: hostile_rows.Row = GOOD, rate: int = 0) -> None:
        self.row = row
        self.rate = rate
        self.sent = 0
        super().__init__('hostile', Handler)

    def secure(self, pem: pathlib.Path, tickets: int = 2) -> str:
        """Speak TLS from now on; return the URL. Threads shake hands."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.num_tickets = tickets
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False)
        return f'https://localhost:{self.url.rpartition(":")[2]}/row'

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, for one request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        row = GOOD if self.path == '/good' else self.server.row
        self.close_connection = True
        begun = time.monotonic()
        sent = 0
        for piece in row.serve():
            try:
                self.connection.sendall(piece)
            except OSError:
                return  # the client has seen enough
            sent += len(piece)
            self.server.sent += len(piece)
            if self.server.rate:
                time.sleep(max(
                    0.0, begun + sent / self.server.rate - time.monotonic()))

    def do_PUT(self) -> None:
        """Take what comes, and answer."""
        left = int(self.headers['content-length'])
        while left and (piece := self.rfile.read1(min(left, 1 << 20))):
            left -= len(piece)
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the log of the tests clean."""
