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

"""A local HTTP server that answers as it was told, for the client's tests."""

from collections.abc import Mapping
import dataclasses
import http.server
import json
import threading
from typing import Any

from keystoneauth1 import session
from keystoneauth1 import token_endpoint


@dataclasses.dataclass(frozen=True)
class Reply:
    """One answer; a body that is no text goes out as JSON."""

    status: int = 200
    body: Any = ''
    content_type: str = 'application/json'
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    #: Cut the connection instead of answering.
    cut: bool = False


@dataclasses.dataclass(frozen=True)
class Request:
    """One request that came in.

    ``body`` is its JSON, None without one, or the data that was sent.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


_DATA = 'application/octet-stream'

NOT_FOUND = Reply(
    404,
    {'message': 'Not known.<br /><br />\n\n\n', 'title': 'Not Found'},
)


class Server:
    """Answers each ``METHOD /path`` with what :meth:`on` said.

    Use it as a context manager. Several replies are given one after the
    other, and the last one from then on; a path that nobody spoke of is 404.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: dict[str, list[Reply]] = {}
        self._http = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), self._handler()
        )
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,)
        )
        self.url = f'http://127.0.0.1:{self._http.server_port}'

    def __enter__(self) -> 'Server':
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def on(self, call: str, *replies: Reply) -> None:
        """Answer ``call``, such as ``GET /v2/images/1``, with these."""
        self._replies[call] = list(replies)

    def calls(self) -> list[str]:
        """Return what was asked, as ``METHOD /path``."""
        return [f'{each.method} {each.path}' for each in self.requests]

    def session(self) -> session.Session:
        """Return a session with a token, whose endpoint is this server."""
        auth = token_endpoint.Token(f'{self.url}/v2', 'a-token')
        return session.Session(auth=auth)

    def _reply_to(self, request: Request) -> Reply:
        self.requests.append(request)
        replies = self._replies.get(f'{request.method} {request.path}')
        if not replies:
            return NOT_FOUND
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _handler(server) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply = server._reply_to(
                    Request(
                        self.command, self.path, self.headers, self._sent()
                    )
                )
                if reply.cut:
                    self.close_connection = True
                    return
                text, content_type = reply.body, reply.content_type
                if not isinstance(text, str):
                    if reply.status >= 400 and self._wants_text():
                        # As Glance answers to a client that accepts text.
                        words = text['message'].replace('<br />', '\n')
                        text = f'{reply.status} Error\n\n{words}'
                        content_type = 'text/plain'
                    else:
                        text = json.dumps(text)
                body = text.encode()
                self.send_response(reply.status)
                self.send_header('Content-Type', content_type)
                self.send_header('Content-Length', str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def _sent(self) -> Any:
                if self.headers.get('Transfer-Encoding') == 'chunked':
                    sent = b''
                    while size := int(self.rfile.readline(), 16):
                        sent += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    length = int(self.headers.get('Content-Length') or 0)
                    sent = self.rfile.read(length)
                if not sent:
                    return None
                data = self.headers.get('Content-Type') == _DATA
                return sent if data else json.loads(sent)

            def _wants_text(self) -> bool:
                return self.headers.get('Accept') == 'text/plain'

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler
