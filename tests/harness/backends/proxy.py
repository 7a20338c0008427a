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
"""A small HTTP proxy, in threads of this process."""

from __future__ import annotations

import http.server
import select
import socket
from urllib import parse

from tests.harness.backends import listener


class Proxy(listener.Listener):
    """Passes on what it is asked for, to wherever it is.

    ``asked`` has the method and the target of each request as they came in,
    and ``credentials`` the last Proxy-Authorization. A ``status`` is answered
    to all, instead.
    """

    def __init__(self, status: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.credentials: str | None = None
        self.status = status
        super().__init__('proxy', Handler)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: Proxy
    # Nothing of what follows the head may be read with it.
    rbufsize = 0

    def do_CONNECT(self) -> None:
        """Pass on bytes, both ways."""
        if self._refuses():
            return
        host, _, port = self.path.rpartition(':')
        with socket.create_connection((host.strip('[]'), int(port))) as there:
            self.send_response(200)
            self.end_headers()
            self._relay(there)

    def do_GET(self) -> None:
        """Pass on a request for an absolute URI, and the answer."""
        if self._refuses():
            return
        url = parse.urlsplit(self.path)
        path = url._replace(scheme='', netloc='').geturl()
        head = [f'{self.command} {path} HTTP/1.1', 'Connection: close']
        head += [f'{name}: {text}' for name, text in self.headers.items()]
        with socket.create_connection(
            (url.hostname, url.port or 80)
        ) as there:
            there.sendall('\r\n'.join([*head, '', '']).encode())
            self._relay(there)

    def _refuses(self) -> bool:
        self.server.asked.append((self.command, self.path))
        self.server.credentials = self.headers.get('Proxy-Authorization')
        if self.server.status:
            self.send_response(self.server.status)
            self.send_header('Content-Length', '0')
            self.end_headers()
        return bool(self.server.status)

    def _relay(self, there: socket.socket) -> None:
        ends = {there: self.connection, self.connection: there}
        while True:
            for source in select.select(list(ends), [], [])[0]:
                data = source.recv(1 << 16)
                if not data:
                    return
                ends[source].sendall(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log of the tests clean."""
