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

"""Several digests of one stream, in one pass, beside its reader."""

from collections.abc import Iterable
import hashlib
import queue
import threading
import time
from types import TracebackType
from typing import Self

from glance_ext.transfer import ahead

#: How many batches wait for a thread, at the most.
_WAITING = 2

_Batch = list[bytes | memoryview]


class Digests:
    """Hex digests of the chunks that :meth:`update` is given.

    :param algorithms: names that ``hashlib.new`` takes; said twice is once
    :param threads: how many threads calculate; 0 calculates in the caller's
        own, as a process with green threads has to
    :raises ValueError: for an algorithm that this Python lacks

    Use it as a context manager: leaving it ends its threads, whatever
    happened. At most two batches of half a MiB wait per thread, and
    :meth:`update` blocks while they do.
    """

    def __init__(self, algorithms: Iterable[str], threads: int = 2) -> None:
        self._hashers = {name: hashlib.new(name, usedforsecurity=False)
                         for name in dict.fromkeys(algorithms)}
        hashers = list(self._hashers.values())
        count = min(threads, len(hashers))
        self._workers = [_Worker(hashers[i::count]) for i in range(count)]
        self._batch: _Batch = []
        self._batched = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        if not self._workers:
            for hasher in self._hashers.values():
                hasher.update(chunk)
            # Green threads run when others let them.
            time.sleep(0)
            return
        # A store may give chunks of many MiB (RBD gives 8). Slices of one
        # share its memory, so what waits is bounded for these as well.
        view: bytes | memoryview = chunk
        if len(chunk) > ahead.UNIT:
            view = memoryview(chunk)
        for start in range(0, len(chunk), ahead.UNIT):
            piece = view[start:start + ahead.UNIT]
            self._batch.append(piece)
            self._batched += len(piece)
            if self._batched >= ahead.UNIT:
                self._hand_over()

    def finish(self) -> dict[str, str]:
        """Return ``{algorithm: hex digest}`` of all bytes taken."""
        self._hand_over()
        self.close()
        return {name: hasher.hexdigest()
                for name, hasher in self._hashers.items()}

    def so_far(self) -> dict[str, str]:
        """Return ``{algorithm: hex digest}`` of the bytes up to here.

        More bytes may follow.
        """
        self._hand_over()
        for worker in self._workers:
            worker.batches.join()
        return {name: hasher.copy().hexdigest()
                for name, hasher in self._hashers.items()}

    def close(self) -> None:
        """End the threads. May be called more than once."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.batches.put(None)
        for worker in workers:
            worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def _hand_over(self) -> None:
        batch, self._batch, self._batched = self._batch, [], 0
        for worker in self._workers:
            worker.batches.put(batch)


class _Worker(threading.Thread):
    """Feeds its own hashers; no other thread touches them until it ends."""

    def __init__(self, hashers: list['hashlib._Hash']) -> None:
        super().__init__(name='glance-ext-digest', daemon=True)
        self.batches: queue.Queue[_Batch | None] = queue.Queue(
            _WAITING)
        self._hashers = hashers
        self.start()

    def run(self) -> None:
        while (batch := self.batches.get()) is not None:
            for piece in batch:
                for hasher in self._hashers:
                    hasher.update(piece)
            self.batches.task_done()
