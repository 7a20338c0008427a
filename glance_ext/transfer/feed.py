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
"""What a sink reads from: a file-like object that another thread fills."""

import collections
from collections.abc import Iterator
import threading

#: A feed that holds this many bytes takes no more until some are read.
LIMIT = 2 << 20


class Feed:
    """A bounded queue of chunks, read like a file.

    The pump calls :meth:`put`, :meth:`end` and :meth:`abort`; the sink
    :meth:`read` or iteration, and :meth:`close` when it is done with it.
    """

    def __init__(self) -> None:
        self._chunks: collections.deque[bytes] = collections.deque()
        self._held = 0
        self._ended = False
        self._aborted: BaseException | None = None
        self._closed = False
        self._changed = threading.Condition()
        #: How many bytes the sink has read.
        self.bytes_read = 0

    def put(self, chunk: bytes, timeout: float) -> bool:
        """Add a chunk. False if there was no room for ``timeout`` seconds.

        A chunk for a sink that is done is dropped.
        """
        with self._changed:
            if not self._changed.wait_for(
                    lambda: self._held < LIMIT or self._closed, timeout):
                return False
            if not self._closed:
                self._chunks.append(chunk)
                self._held += len(chunk)
                self._changed.notify_all()
            return True

    @property
    def aborted(self) -> bool:
        """Whether the pump has given this sink up."""
        return self._aborted is not None

    def is_at_end(self) -> bool:
        """Wait for the next byte; True if the end comes instead."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._chunks or self._ended or self._aborted)
            return not self._chunks and not self._aborted

    def end(self) -> None:
        """Say that no more bytes follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abort(self, cause: BaseException) -> None:
        """Have the sink's next read raise ``cause``, and drop the rest."""
        with self._changed:
            self._aborted = self._aborted or cause
            self._chunks.clear()
            self._held = 0
            self._changed.notify_all()

    def close(self) -> None:
        """Say that the sink reads no more."""
        with self._changed:
            self._closed = True
            self._chunks.clear()
            self._held = 0
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, or all that is left, or b'' at the end.

        Like a file's, a short answer means that the end has come.
        """
        parts: list[bytes] = []
        count = 0
        while size < 0 or count < size:
            part = self._next(size - count if size >= 0 else -1)
            if not part:
                break
            parts.append(part)
            count += len(part)
        self.bytes_read += count
        return parts[0] if len(parts) == 1 else b''.join(parts)

    def __iter__(self) -> Iterator[bytes]:
        while part := self._next(-1):
            self.bytes_read += len(part)
            yield part

    def _next(self, most: int) -> bytes:
        with self._changed:
            self._changed.wait_for(
                lambda: self._chunks or self._ended or self._aborted)
            if self._aborted:
                raise self._aborted
            if not self._chunks:
                return b''
            part = self._chunks.popleft()
            if 0 <= most < len(part):
                self._chunks.appendleft(part[most:])
                part = part[:most]
            self._held -= len(part)
            self._changed.notify_all()
            return part
