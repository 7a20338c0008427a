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


"""The data of images, on its way to a server and from one to a file."""

from collections.abc import Iterable, Iterator
import errno
import hashlib
import os
import stat
from typing import Any, BinaryIO

# uWSGI takes no chunk of a MiB or more unless it is told to.
CHUNK = 1 << 16


#: Bytes, an iterable of bytes, or what has ``read(size)`` and gives bytes.
Data = Any


class Upload:
    """Data that is sent once, or again from its beginning."""

    def __init__(self, data: Data) -> None:
        self._data = data
        seekable = getattr(data, 'seekable', None)
        self._start = data.tell() if seekable and seekable() else None
        self._begun = False

    def __iter__(self) -> Iterator[bytes]:
        self._begun = True
        data = self._data
        if isinstance(data, bytes):
            yield from (data[i:i + CHUNK] for i in range(0, len(data), CHUNK))
        elif hasattr(data, 'read'):
            while chunk := data.read(CHUNK):
                yield chunk
        else:
            yield from data

    def again(self) -> bool:
        """Whether it can be sent again; it is at its beginning then."""
        if self._start is not None:
            self._data.seek(self._start)
            return True
        return isinstance(self._data, bytes) or not self._begun


def chunks(
    answer: Any, algorithm: str, digest: str | None
) -> Iterator[bytes]:
    """Yield the body of an answer, compared with its digest at the end.

    :param algorithm: a name of ``hashlib``. Where the algorithm is unknown
        here, or no digest is recorded, nothing is compared.
    :raises OSError: the data is not what was recorded
    """
    body = _read(answer)
    if digest and algorithm in hashlib.algorithms_available:
        hasher = hashlib.new(algorithm, usedforsecurity=False)
        body = _proved(body, hasher, digest)
    return body


def _proved(body: Iterator[bytes], hasher: Any, digest: str
            ) -> Iterator[bytes]:
    for chunk in body:
        hasher.update(chunk)
        yield chunk
    if (found := hasher.hexdigest()) != digest:
        raise OSError(errno.EPIPE, f'The data has the digest {found}, and '
                                   f'{digest} is recorded')


def _read(answer: Any) -> Iterator[bytes]:
    with answer:
        yield from answer.iter_content(CHUNK)


def write(
    body: Iterable[bytes], data: BinaryIO | None, path: str | None
) -> Iterable[bytes] | None:
    """Write a body to ``data``, else to ``path``; else return it.

    A file at ``path`` is on its disk when this returns.
    """
    if data is None and path is None:
        return body
    if data is not None:
        for chunk in body:
            data.write(chunk)
        return None
    with open(str(path), 'wb') as file:
        for chunk in body:
            file.write(chunk)
        file.flush()
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            os.fsync(file.fileno())
    return None
