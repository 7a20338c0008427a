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
"""Parts of one file, fetched by several threads and read in order."""

import collections
from collections.abc import Callable, Iterator, Sequence
import threading
from typing import Protocol

from glance_ext import errors

#: Bytes of a part; the last one has fewer.
PART = 4 << 20
#: So many parts may wait for a slow one, lest its connection be the only one
#: at work.
_AHEAD = 2
#: The reader looks up this often, in seconds, while it waits.
_LOOK_UP = 0.25
#: A thread ends within a look-up, unless it waits for a name service.
_GRACE = 5.0


class Left(Exception):
    """Nobody reads any more."""


class Fetcher(Protocol):
    """One thread's connection."""

    def fetch(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield bytes from ``start`` on, at the most to ``stop``.

        :raises errors.RemoteUnavailable: what was yielded holds
        """

    def close(self) -> None:
        """Hang up."""


class _Part:
    def __init__(self, start: int, stop: int) -> None:
        self.at = start
        self.stop = stop
        self.is_done = False
        self.chunks: collections.deque[bytes] = collections.deque()


class Parts:
    """Iterate over it once. Leaving the iterator ends the threads.

    Two parts more than there are fetchers are in memory, at the most.

    :param fetchers: the first one is given the first part
    :param again: called with the failure of a part and how many bytes it had
        given; raises it, or returns when it is time to go on
    :param check: called at least every second; what it raises ends it all
    :param leave: called when nobody reads any more, so that fetchers notice
    """

    def __init__(self, fetchers: Sequence[Fetcher], start: int, stop: int,
                 again: Callable[[errors.RemoteUnavailable, int], None],
                 check: Callable[[], None], leave: Callable[[], None]
                 ) -> None:
        self._fetchers = fetchers
        self._next = start
        self._stop = stop
        self._again = again
        self._check = check
        self._leave = leave
        self._changed = threading.Condition()
        #: Those in memory, in order; of these, those that nobody fetches.
        self._open: collections.deque[_Part] = collections.deque()
        self._todo: collections.deque[_Part] = collections.deque()
        self._failed: collections.deque[
            tuple[_Part, BaseException, int]] = collections.deque()
        self._left = False
        self._threads: list[threading.Thread] = []

    def __iter__(self) -> Iterator[bytes]:
        self._begin()
        self._threads = [threading.Thread(
            target=self._work, args=(fetcher, self._todo.popleft()),
            name='glance-ext-download', daemon=True)
            for fetcher in self._fetchers[:len(self._todo)]]
        try:
            for thread in self._threads:
                thread.start()
            while self._open:
                yield from self._read(self._open[0])
                with self._changed:
                    self._open.popleft()
                    self._begin()
                    self._changed.notify_all()
        finally:
            self.leave()

    def leave(self) -> None:
        """End the threads. May be called more than once, by anybody."""
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._leave()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_GRACE)

    def _read(self, part: _Part) -> Iterator[bytes]:
        ended = False
        while not ended:
            with self._changed:
                self._changed.wait_for(
                    lambda: part.chunks or part.is_done or self._failed,
                    _LOOK_UP)
                ended = part.is_done
                chunks = list(part.chunks)
                part.chunks.clear()
                failed = self._failed.popleft() if self._failed else None
            self._check()
            while chunks:
                yield chunks.pop(0)
            if failed is not None:
                self._resume(*failed)

    def _resume(self, part: _Part, cause: BaseException, gained: int) -> None:
        if not isinstance(cause, errors.RemoteUnavailable):
            raise cause
        self._again(cause, gained)
        with self._changed:
            self._todo.append(part)
            self._changed.notify_all()

    def _take(self) -> _Part | None:
        """Return a part to fetch, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._todo or self._left)
            return None if self._left else self._todo.popleft()

    def _begin(self) -> None:
        while (self._next < self._stop
               and len(self._open) < len(self._fetchers) + _AHEAD):
            part = _Part(self._next, min(self._next + PART, self._stop))
            self._next = part.stop
            self._open.append(part)
            self._todo.append(part)

    def _work(self, fetcher: Fetcher, part: _Part | None) -> None:
        try:
            while part is not None:
                self._fetch(fetcher, part)
                part = self._take()
        finally:
            fetcher.close()

    def _fetch(self, fetcher: Fetcher, part: _Part) -> None:
        start = part.at
        try:
            while part.at < part.stop:
                for chunk in fetcher.fetch(part.at, part.stop):
                    with self._changed:
                        part.chunks.append(chunk)
                        part.at += len(chunk)
                        self._changed.notify_all()
            with self._changed:
                part.is_done = True
                self._changed.notify_all()
        except BaseException as exc:
            with self._changed:
                self._failed.append((part, exc, part.at - start))
                self._changed.notify_all()
