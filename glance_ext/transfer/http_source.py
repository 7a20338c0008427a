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
"""A file on an HTTP server, as a source of a transfer."""

from collections.abc import Callable, Iterator, Mapping
import threading
import time
from types import TracebackType
from typing import Self

from glance_ext import errors
from glance_ext.transfer import http_parts
from glance_ext.transfer import wire
from glance_ext.transfer.closing import closing
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_line import Route
from glance_ext.transfer.http_ranges import Ranges
from glance_ext.transfer.http_ranges import Version

#: A connection that gave so many bytes was worth it: another one follows
#: without a word.
_WORTH = 1 << 20
_LOOK_UP = 0.25

Retry = Callable[[errors.RemoteUnavailable], None]


def give_up(cause: errors.RemoteUnavailable) -> None:
    """Take the first failure for the last."""
    raise cause


class Download:
    """The bytes at a URI, of one version of what lies there.

    A connection that breaks off is followed by another one, from the very
    byte on, where the server has a strong ETag (or a date as good) and sends
    ranges. With several connections, parts of 4 MiB are fetched at the same
    time and yielded in order; at most as many parts as there are
    connections are in memory. That takes a server that answered the first
    request with a range; any other is read over one connection, and without
    a thread.

    What the server compresses stays compressed. The end of an answer that
    neither has a length nor is chunked is where the connection ends.

    Use it as a context manager: leaving it ends its threads and connections.

    :param url: its host is in messages, nothing else of it is
    :param connections: 1 where threads are green
    :param timeout: seconds from :meth:`open` to the last byte
    :param limit: bytes that there may be, or None
    :param limited_by: what sets that limit, for messages
    :param headers: sent with each request, also where a redirect leads
    :param check: called at least every second, in the reader's thread; what
        it raises ends the download
    :param retry: called with what failed; raises it when there has been
        enough of that, or returns after a while. Not called for a connection
        that gave a MiB before it failed. What it lets pass is done no sooner
        than the server wants, by Retry-After
    :raises errors.DestinationRefused: the URI is against the rules
    """

    def __init__(self, url: str, rules: Rules, *,
                 transport: wire.Transport | None = None,
                 connections: int = 1, timeout: float = 86400.0,
                 limit: int | None = None, limited_by: str = '',
                 headers: Mapping[str, str] | None = None,
                 check: Callable[[], None] = lambda: None,
                 retry: Retry = give_up) -> None:
        self._route = Route(url, rules, headers)
        self._transport = transport or wire.Transport()
        self._connections = connections
        self._timeout = timeout
        self._limit = limit
        self._limited_by = f' by {limited_by}' if limited_by else ''
        self._user_check = check
        self._retry = retry
        self._until = 0.0
        self._reader = 0
        self._is_closed = False
        self._parts: http_parts.Parts | None = None
        #: Whether the threads of a reading are to end.
        self._left = threading.Event()
        self._ranges = self._connect()
        self._is_open = False
        self._is_in_parts = False
        #: Whether the server can go on at any byte.
        self.seeks = False

    def __str__(self) -> str:
        return self._route.name

    @property
    def size(self) -> int | None:
        """How many bytes there are, once it is open, if that is known."""
        return self._ranges.version.size

    def open(self) -> None:
        """Send the first request. :meth:`chunks` does so as well.

        :raises errors.DestinationRefused: it leads where it must not
        :raises errors.RemoteRefused: the server does not give it
        :raises errors.RemoteUnavailable: ``retry`` raised it
        :raises errors.SourceTooLarge: there is more than ``limit``
        """
        self._reader = threading.get_ident()
        self._until = self._until or time.monotonic() + self._timeout
        while not self._is_open:
            try:
                self.seeks = self._ranges.open(
                    http_parts.PART if self._connections > 1 else None)
                self._is_in_parts = self._ranges.in_parts
                self._is_open = True
            except errors.RemoteUnavailable as exc:
                self._again(exc, 0)
        self._require_small(self.size or 0)

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes from ``offset`` on, in chunks of up to 1 MiB.

        It may be called again, after the iterator before was left.

        :raises errors.SourceChanged: what was read is worth nothing now, or
            the server cannot go on where it broke off; a new download may do
        :raises errors.RemoteUnavailable: ``retry`` raised it
        :raises errors.RemoteTimeout: that, or all the time is over
        :raises errors.ShortRead: the server gave more than it said
        """
        self.open()
        self._reader = threading.get_ident()
        size = self.size
        if (self._is_in_parts and size is not None
                and size - offset > http_parts.PART):
            yield from self._parallel(offset, size)
        else:
            yield from self._in_turn(offset, size)

    def close(self) -> None:
        """End all connections. May be called more than once."""
        self._is_closed = True
        if self._parts is not None:
            self._parts.leave()
        self._ranges.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def _in_turn(self, at: int, size: int | None) -> Iterator[bytes]:
        worth = at
        while size is None or at < size:
            try:
                with closing(self._ranges.fetch(at, None)) as chunks:
                    for chunk in chunks:
                        at += len(chunk)
                        self._require_small(at)
                        yield chunk
            except errors.RemoteUnavailable as exc:
                self._again(exc, at - worth)
                worth = at
            else:
                if size is None:
                    return

    def _parallel(self, offset: int, size: int) -> Iterator[bytes]:
        version = self._ranges.version
        fetchers = [self._ranges, *(
            self._connect(version) for _ in range(self._connections - 1))]
        self._parts = http_parts.Parts(fetchers, offset, size, self._again,
                                       self._check, self._left.set)
        try:
            with closing(self._parts) as chunks:
                yield from chunks
        finally:
            self._left.clear()
            self._ranges = self._connect(version)

    def _connect(self, version: Version | None = None) -> Ranges:
        return Ranges(self._route, self._transport, self._check, version)

    def _check(self) -> None:
        if threading.get_ident() == self._reader:
            self._user_check()
        if self._is_closed or self._left.is_set():
            raise http_parts.Left
        if time.monotonic() > self._until:
            raise errors.RemoteTimeout(
                f'{self} took longer than {self._timeout:g} seconds')

    def _again(self, cause: errors.RemoteUnavailable, gained: int) -> None:
        """Return when it is time for another attempt, or raise."""
        self._check()
        if gained >= _WORTH:
            return
        until = time.monotonic() + cause.retry_after
        self._retry(cause)
        while (left := until - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, _LOOK_UP))

    def _require_small(self, count: int) -> None:
        if self._limit is not None and count > self._limit:
            raise errors.SourceTooLarge(
                f'{self} has more than the {self._limit} bytes that are '
                f'allowed{self._limited_by}')
