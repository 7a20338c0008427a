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
"""One stream out of several sources that hold the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from glance_ext import errors
from glance_ext.transfer.closing import closing


class Source(Protocol):
    """Somewhere that the bytes can be read from, more than once."""

    @property
    def seeks(self) -> bool:
        """Whether :meth:`chunks` gets to an offset without reading on."""

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes from ``offset`` on.

        :raises errors.StoreError: at any byte
        """


_S = TypeVar('_S', bound=Source)


class Stream(Generic[_S]):
    """The bytes of an image, read on from another source where one fails.

    Iterate over it once. A source that ends too early or too late counts as
    failed at that byte. What the reader already has is never read to it
    again.

    :param sources: tried in turn, and again from the first, for as long as
        ``retry`` returns
    :param size: how many bytes there have to be, or None
    :param retry: called with the failure of a source; raises it when there
        has been enough of that, or returns after a while
    :param prefix_matches: called with the next source and its bytes up to
        where the last one failed, it tells whether they are those that the
        reader has got; None where the reader compares the whole in the end,
        so that a source which can seek need not be read twice
    :param through: what every source's chunks are read through, with the
        source
    """

    def __init__(self, sources: Sequence[_S], size: int | None,
                 retry: Callable[[errors.StoreError], None],
                 prefix_matches: Callable[[_S, Iterator[bytes]], bool] | None,
                 through: Callable[[_S, Iterator[bytes]], Iterator[bytes]] = (
                     lambda source, chunks: chunks)
                 ) -> None:
        self._sources = sources
        self._size = size
        self._retry = retry
        self._prefix_matches = prefix_matches
        self._through = through
        self.position = 0
        #: The source that the last byte came from.
        self.source = sources[0]
        #: Whether bytes before came from another one.
        self.is_mixed = False

    def __iter__(self) -> Iterator[bytes]:
        turn = 0
        while True:
            source = self._sources[turn % len(self._sources)]
            if self.position and source is not self.source:
                self.is_mixed = True
            self.source = source
            try:
                yield from self._continue(self.source)
            except errors.StoreError as exc:
                self._retry(exc)
                turn += 1
            else:
                return

    def _continue(self, source: _S) -> Iterator[bytes]:
        seeks = bool(self.position and self._prefix_matches is None
                     and source.seeks)
        opened = self._through(
            source, source.chunks(self.position if seeks else 0))
        with closing(opened) as chunks:
            if self.position and not seeks:
                chunks = self._skip(source, chunks)
            for chunk in chunks:
                if self._size and self.position + len(chunk) > self._size:
                    raise errors.ShortRead(
                        f'{source} gave more than {self._size} bytes')
                self.position += len(chunk)
                yield chunk
        if self._size and self.position != self._size:
            raise errors.ShortRead(
                f'{source} gave {self.position} bytes of {self._size}')

    def _skip(self, source: _S, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Read ``source`` on to where the last one failed."""
        prefix = _Prefix(chunks, self.position)
        if self._prefix_matches is None:
            for _ in prefix:
                pass
        elif not self._prefix_matches(source, iter(prefix)):
            raise errors.CopiesDiffer(
                f'{source} does not hold the bytes that were read before')
        if prefix.missing:
            raise errors.ShortRead(
                f'{source} gave {self.position - prefix.missing} bytes of '
                f'{self._size or "more"}')
        return prefix.rest()


class _Prefix:
    """The first ``count`` bytes of ``chunks``, and then the rest."""

    def __init__(self, chunks: Iterator[bytes], count: int) -> None:
        self._chunks = chunks
        self._left = b''
        self.missing = count

    def __iter__(self) -> Iterator[bytes]:
        while self.missing:
            chunk = next(self._chunks, b'')
            if not chunk:
                return
            head, self._left = chunk[:self.missing], chunk[self.missing:]
            self.missing -= len(head)
            yield head

    def rest(self) -> Iterator[bytes]:
        if self._left:
            yield self._left
        yield from self._chunks
