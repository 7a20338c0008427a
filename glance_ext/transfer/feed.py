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

    The pump calls :meth:`put`, :meth:`end` and :meth:`abort`; one thread,
    the sink's, :meth:`read` or iteration, and :meth:`close` when it is done
    with it.
    """

    def __init__(self) -> None:
        self._chunks: collections.deque[bytes] = collections.deque()
        self._held = 0
        self._ended = False
        self._aborted: BaseException | None = None
        self._closed = False
        self._changed = threading.Condition()
        #: What the sink has begun to read, and where it is in there.
        self._chunk = b''
        self._at = 0
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
        return not (self._has_more() or self.aborted)

    def end(self) -> None:
        """Say that no more bytes follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abort(self, cause: BaseException) -> None:
        """Have the sink's next read raise ``cause``, and drop the rest."""
        with self._changed:
            self._aborted = self._aborted or cause
            self._drop()

    def close(self) -> None:
        """Say that the sink reads no more."""
        with self._changed:
            self._closed = True
            self._drop()

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, or all that is left, or b'' at the end.

        Like a file's, a short answer means that the end has come.
        """
        parts: list[bytes | memoryview] = []
        left = size
        while left and self._has_more():
            end = len(self._chunk) if left < 0 else min(
                self._at + left, len(self._chunk))
            whole = end - self._at == len(self._chunk)
            parts.append(self._chunk if whole else
                         memoryview(self._chunk)[self._at:end])
            if left > 0:
                left -= end - self._at
            self._at = end
        if self._aborted:
            raise self._aborted
        self.bytes_read += sum(map(len, parts))
        if len(parts) == 1 and isinstance(parts[0], bytes):
            return parts[0]
        return b''.join(parts)

    def __iter__(self) -> Iterator[bytes]:
        while self._has_more():
            chunk, self._at = self._chunk[self._at:], len(self._chunk)
            self.bytes_read += len(chunk)
            yield chunk
        if self._aborted:
            raise self._aborted

    def _has_more(self) -> bool:
        """Wait for a byte to read; False if the end comes, or an abort."""
        if self._aborted:
            return False
        if self._at < len(self._chunk):
            return True
        self._chunk, self._at = b'', 0
        with self._changed:
            self._changed.wait_for(
                lambda: self._chunks or self._ended or self._aborted)
            if self._aborted or not self._chunks:
                return False
            self._chunk = self._chunks.popleft()
            self._held -= len(self._chunk)
            self._changed.notify_all()
            return True

    def _drop(self) -> None:
        self._chunks.clear()
        self._held = 0
        self._changed.notify_all()
