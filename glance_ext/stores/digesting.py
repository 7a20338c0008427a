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
"""One pass over the copies of an image, believed only if it is sure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from glance_ext import errors
from glance_ext.stores import budgets
from glance_ext.transfer.ahead import read_ahead
from glance_ext.transfer.closing import closing
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.failover import Source
from glance_ext.transfer.failover import Stream
from glance_ext.transfer.progress import Progress

#: Told the digests when everything was read, it returns if they are right.
Believe = Callable[[Mapping[str, str]], None]
#: Takes every chunk of a source, to wherever they go, and into the digests;
#: calls the third with these; returns them.
Deliver = Callable[[Iterable[bytes], Digests, Believe], dict[str, str]]


class Readable(Source, Protocol):
    """A source that says what it has, for :class:`Pass`."""

    @property
    def store(self) -> str:
        """The store whose budget it takes; '' where there is none."""

    def size(self, patience: float | None = None) -> int | None:
        """Return how many bytes are there now, or None: nobody knows.

        :raises errors.StoreError:
        """


_R = TypeVar('_R', bound=Readable)


@dataclass(frozen=True)
class Pass:
    """How to read an image for its digests.

    :ivar algorithms: what to calculate; those of ``recorded`` are added
    :ivar recorded: ``{algorithm: hex digest}`` that the data must have
    :ivar size: the bytes that there have to be, or 0: not known
    :ivar threads: how many calculate; 0 where threads are green
    :ivar stall_timeout: seconds without a byte after which a copy is left
    :ivar check: called often; what it raises ends the pass
    :ivar retry: called with a copy's failure; raises it when there has been
        enough of that, or returns after a while: then the next copy goes on
    :ivar sleep: waits for the budget; what it raises ends the pass
    :ivar progress: counts the bytes
    """

    algorithms: frozenset[str]
    recorded: Mapping[str, str]
    size: int
    threads: int
    stall_timeout: float
    check: Callable[[], None]
    retry: Callable[[errors.StoreError], None]
    sleep: Callable[[float], None]
    progress: Progress

    def read(self, copies: Sequence[_R], deliver: Deliver | None = None
             ) -> tuple[_R, dict[str, str]]:
        """Read a copy to its end; return it and ``{algorithm: hex digest}``.

        A copy that does not agree with what is recorded is passed over for
        the others.

        :param deliver: where the bytes go; without it, only into the digests
        :raises errors.HashMismatch: no copy agrees
        :raises errors.StoreError: what ``retry`` raised; or the last copy
            that was read is not whole, or not there any more
        :raises BaseException: what ``deliver`` raised
        """
        left = list(copies)
        while True:
            try:
                return self._read_once(left, deliver or self._digest_all)
            except _Contradicted as exc:
                stream, bad = exc.args
            copy = stream.source
            left.remove(copy)
            if stream.is_mixed:
                # The bytes before may be the bad ones: alone, this copy
                # still has to show what it holds.
                left.insert(0, copy)
            if not left:
                raise errors.HashMismatch(
                    f'The {bad} of the data in {copy} is not the one that '
                    f'is recorded; nothing was changed')

    def _read_once(self, copies: Sequence[_R], deliver: Deliver
                   ) -> tuple[_R, dict[str, str]]:
        self.progress.restart()
        with self._digests() as digests:
            # Where nothing is recorded, nobody would notice in the end that
            # two copies were not the same.
            stream = Stream(
                copies, self.size or None, self.retry,
                None if self.recorded else
                lambda copy, chunks: (self._digest(copy, chunks)
                                      == digests.so_far()),
                self._read_ahead)

            def believe(found: Mapping[str, str]) -> None:
                self._confirm(stream)
                if bad := self._contradicted(found):
                    raise _Contradicted(stream, bad)
            found = deliver(self._paid(stream), digests, believe)
            # Not before: it may be another one by now.
            return stream.source, found

    def _paid(self, stream: Stream[_R]) -> Iterator[bytes]:
        with closing(stream) as chunks:
            for chunk in chunks:
                self._spend(stream.source, chunk)
                yield chunk

    def _digest_all(self, chunks: Iterable[bytes], digests: Digests,
                    believe: Believe) -> dict[str, str]:
        with closing(chunks) as source:
            for chunk in source:
                digests.update(chunk)
                self.progress.advance(len(chunk))
        found = digests.finish()
        believe(found)
        return found

    def _read_ahead(self, copy: _R, chunks: Iterator[bytes]
                    ) -> Iterator[bytes]:
        if not self.threads:
            return chunks
        return read_ahead(chunks, self.stall_timeout, self.check, str(copy))

    def _digests(self) -> Digests:
        return Digests(sorted(self.algorithms | self.recorded.keys()),
                       self.threads)

    def _digest(self, copy: _R, chunks: Iterator[bytes]
                ) -> dict[str, str]:
        with self._digests() as digests:
            for chunk in chunks:
                self._spend(copy, chunk)
                digests.update(chunk)
            return digests.finish()

    def _spend(self, copy: _R, chunk: bytes) -> None:
        self.check()
        budgets.take_all(len(chunk), self.sleep)
        budgets.take([copy.store], len(chunk), self.sleep)

    def _confirm(self, stream: Stream[_R]) -> None:
        """Believe a read only if the store still has that many bytes there.

        RBD gives zeros, to the last byte and without an error, for an image
        that is deleted while it is read.
        """
        stored = stream.source.size(self.stall_timeout)
        if stored is not None and stored != stream.position:
            raise errors.ShortRead(
                f'{stream.source} says that it holds {stored} bytes; it gave '
                f'{stream.position}')

    def _contradicted(self, found: Mapping[str, str]) -> str | None:
        """Return the algorithm by which the data is not what it should be.

        Glance keeps a caller's hexadecimal digits as they came.
        """
        for algorithm, value in self.recorded.items():
            if found[algorithm] != value.lower():
                return algorithm
        return None


class _Contradicted(Exception):
    """A copy is not what is recorded: the stream, and by which digest."""
