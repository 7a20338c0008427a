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
"""Sending a file to where a URI says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from glance_ext import errors
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_line import Line
from glance_ext.transfer.http_line import Route

#: What an answer may say of what was stored.
_KEPT = ('etag', 'content-md5', 'repr-digest', 'x-goog-hash', 'x-trans-id')
_KEPT_PREFIX = 'x-amz-'


@dataclass(frozen=True)
class Stored:
    """:ivar headers: digests and tags, by their names in lower case"""

    status: int
    headers: dict[str, str]


def put(url: str, rules: Rules, chunks: Iterable[bytes], size: int, *,
        transport: wire.Transport | None = None,
        content_type: str = 'application/octet-stream',
        check: Callable[[], None] = lambda: None) -> Stored:
    """Send ``size`` bytes to a URI. No redirect is followed.

    :param check: called at least every second while the server takes
        nothing; what it raises ends the connection
    :raises errors.DestinationRefused: the rules say no
    :raises errors.RemoteRefused: the server does, or redirects
    :raises errors.RemoteUnavailable: it may have got a part, and can be
        tried again from byte 0
    :raises errors.ShortRead: there were not so many chunks
    """
    route = Route(url, rules)
    line = Line(route, transport or wire.Transport(), check)
    try:
        answer = line.put({'Content-Length': str(size),
                           'Content-Type': content_type},
                          _exactly(chunks, size))
        if answer.status not in (200, 201, 202, 204):
            raise line.failure(answer)
        return Stored(answer.status, {
            name: value for name, value in answer.headers.items()
            if name in _KEPT or name.startswith(_KEPT_PREFIX)})
    finally:
        line.close()


def _exactly(chunks: Iterable[bytes], size: int) -> Iterable[bytes]:
    left = size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise errors.ShortRead(
            f'there are {"more" if left < 0 else "fewer"} than {size} bytes '
            'to send')
