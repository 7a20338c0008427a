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
"""An HTTP server whose every byte is the test's own."""

from __future__ import annotations

from collections.abc import Callable
import http.server

from tests.harness.backends import listener

Headers = dict[str, str]


class Server(listener.Listener):
    """Answers a GET or a PUT with whatever ``answer`` returns.

    :param answer: called with the request's headers, their names in lower
        case, and its body; returns the answer, from its status line on, and
        the connection is closed after it
    """

    def __init__(self, answer: Callable[[Headers, bytes], bytes]) -> None:
        self.answer = answer
        #: The headers of every request, the oldest first.
        self.requests: list[Headers] = []
        super().__init__('raw', Handler)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.requests.append(headers)
        body = self.rfile.read(int(headers.get('content-length', 0)))
        self.wfile.write(self.server.answer(headers, body))
        self.close_connection = True

    do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log of the tests clean."""


def answer(status: int, body: bytes = b'', **headers: str) -> bytes:
    """Return an answer. An underscore in a name stands for a hyphen."""
    head = [f'HTTP/1.1 {status} Whatever']
    if 'transfer_encoding' not in headers:
        headers = {'content_length': str(len(body))} | headers
    head += [
        f'{name.replace("_", "-")}: {text}' for name, text in headers.items()
    ]
    return '\r\n'.join([*head, '', '']).encode() + body
