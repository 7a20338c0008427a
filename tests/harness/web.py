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
"""One HTTP request and its whole answer, by nothing but the library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import dataclasses
from email.message import Message
import http.client
import json as jsons
from typing import Any
import urllib.parse


@dataclasses.dataclass(frozen=True)
class Response:
    """An answer: ``headers`` ignore case, ``body`` is undecoded."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return jsons.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text, for messages."""
        return self.body.decode(errors='replace')


def request(
    url: str,
    method: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30,
    json: Any = None,
) -> Response:
    """Send one request on a connection of its own.

    An iterable body goes out chunked, bytes with their length; ``json`` is
    sent in the place of a body, unless it is None.

    :param timeout: seconds for each single operation of the socket.
    :raises http.client.IncompleteRead: when the answer is cut off; its
        ``partial`` holds what came.
    :raises OSError: when the server cannot be reached.
    """
    parts = urllib.parse.urlsplit(url)
    target = urllib.parse.urlunsplit(('', '', *parts[2:4], '')) or '/'
    connection = http.client.HTTPConnection(
        parts.hostname or '', parts.port, timeout=timeout
    )
    all_headers = {'Connection': 'close', **(headers or {})}
    if json is not None:
        body = jsons.dumps(json).encode()
        all_headers.setdefault('Content-Type', 'application/json')
    chunked = body is not None and not isinstance(body, bytes)
    if chunked:
        all_headers['Transfer-Encoding'] = 'chunked'
    try:
        try:
            connection.request(
                method, target, body, all_headers, encode_chunked=chunked
            )
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a body answers before it has read it.
            pass
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
