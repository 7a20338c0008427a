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


"""The data of a request, compared with what was announced as it passes."""

import hashlib
import importlib
from typing import Any

import webob
import webob.exc


def is_there(request: webob.Request) -> bool:
    """Whether a request brings data."""
    return bool(request.content_length) or _is_chunked(request)


def _is_chunked(request: webob.Request) -> bool:
    encoding = request.headers.get('Transfer-Encoding', '')
    return request.content_length is None and encoding.lower() == 'chunked'


class Body:
    """A request's data, which ends in an error if it is not as announced.

    The error comes while Glance still stores the data, which therefore
    never becomes an image's.

    :param size: how many bytes it must have, if that is known.
    :param checksum: its MD5 in hexadecimal digits, if that is known.
    """

    def __init__(
        self, request: webob.Request, size: int | None, checksum: str | None
    ) -> None:
        self._source = _source(request)
        self._size = size
        self._checksum = checksum
        self._digest = hashlib.md5(usedforsecurity=False)
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        """Return some bytes, none at the end.

        :raises webob.exc.HTTPBadRequest: it is not what was announced
        """
        chunk: bytes = self._source.read(size)
        self._count += len(chunk)
        if self._checksum:
            self._digest.update(chunk)
        # A store that knows the size does not look for the end.
        if not chunk or self._count == self._size:
            self._compare()
        return chunk

    def _compare(self) -> None:
        if self._size is not None and self._count != self._size:
            raise webob.exc.HTTPBadRequest(
                f'{self._size} bytes were announced, {self._count} came'
            )
        found = self._digest.hexdigest()
        if self._checksum and self._checksum != found:
            raise webob.exc.HTTPBadRequest(
                f'The checksum {self._checksum} was announced, the data has '
                f'{found}'
            )


def _source(request: webob.Request) -> Any:
    """Return the input of a request as the server gives it."""
    if _is_chunked(request):
        try:
            return _Chunks(importlib.import_module('uwsgi'))
        except ImportError:
            pass  # all other servers make one stream of the chunks
    return request.environ['wsgi.input']


class _Chunks:
    """The chunks of a request under uWSGI, as one stream."""

    def __init__(self, uwsgi: Any) -> None:
        self._uwsgi = uwsgi
        self._left = b''

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, one chunk when it is negative."""
        chunk = self._left or self._uwsgi.chunked_read()
        if size < 0:
            size = len(chunk)
        self._left = chunk[size:]
        return bytes(chunk[:size])
