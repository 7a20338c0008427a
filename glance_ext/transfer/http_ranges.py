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
"""Ranges of a file on an HTTP server, all of the same version of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
import time

from glance_ext import errors
from glance_ext.transfer import http_answer
from glance_ext.transfer import wire
from glance_ext.transfer.http_answer import Answer
from glance_ext.transfer.http_line import Line
from glance_ext.transfer.http_line import Route

#: What is handed on at once, unless that takes longer than so many seconds.
_CHUNK = 512 * 1024
_HURRY = 0.25
_CONTENT_RANGE = re.compile(
    r'bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)')
#: A file that was changed so many seconds before it was sent was not changed
#: twice in between (RFC 9110, 8.8.2.2).
_SETTLED = 60


@dataclass(frozen=True)
class Version:
    """What tells one version of a file from another.

    :ivar size: in bytes, or None where the server does not say
    :ivar validator: for If-Range: a strong ETag, or a date that is as good;
        None where the server has neither
    """

    size: int | None
    validator: str | None


class Ranges:
    """A file as one connection sees it.

    :param check: called at least every second while there is something to
        wait for
    :param version: where another connection knows it; else :meth:`open` has
        to be called first
    """

    def __init__(self, route: Route, transport: wire.Transport,
                 check: wire.Check, version: Version | None = None) -> None:
        self._name = route.name
        self._line = Line(route, transport, check)
        self.version = version or Version(None, None)
        #: Whether :meth:`open` was answered with the part that it asked for.
        self.in_parts = False
        #: An answer that waits for being read, from which byte on, and how
        #: many bytes it has, if that is known.
        self._answer: Answer | None = None
        self._at = 0
        self._left: int | None = None

    def open(self, most: int | None) -> bool:
        """Ask for the file, or for its first ``most`` bytes if it has them.

        :returns: whether the server sends ranges of this version
        :raises errors.RemoteUnavailable: not this time
        :raises errors.RemoteRefused: not ever
        """
        self.version = Version(None, None)
        answer = self._get(0, most)
        ranged = answer.status == 206
        if ranged:
            self.version = self._take_part(answer, 0, most)
            if None not in (self.version.size, self.version.validator):
                self.in_parts = True
                return True
        if answer.status != 200:
            # A file that cannot be had in parts; or, with 416, an empty one.
            self.version = Version(None, None)
            answer = self._get(0, None)
        self.version = self._take_whole(answer)
        ranged = ranged or answer.headers.get(
            'accept-ranges', '').strip().lower() == 'bytes'
        return ranged and self.version.validator is not None

    def fetch(self, start: int, stop: int | None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, or to the end.

        A server may end a range sooner: then there is more to ask for. What
        :meth:`open` has asked for is taken from there.

        :raises errors.RemoteUnavailable: it broke off; what was yielded
            holds
        :raises errors.SourceChanged: the server does not have, or does not
            send, these bytes of this version
        :raises errors.ShortRead: it sent more than it said
        """
        answer = self._answer
        if answer is None or self._at != start:
            answer = self._ask(start, stop)
        self._answer = None
        if answer is None:
            return
        try:
            yield from _batched(self._body(answer, self._left))
            self._line.finish()
        except BaseException:
            self._line.close()
            raise

    def close(self) -> None:
        """Hang up. May be called more than once."""
        self._answer = None
        self._line.close()

    def _ask(self, start: int, stop: int | None) -> Answer | None:
        """Return an answer to read, or None if ``start`` is the end."""
        known = self.version
        if start and known.validator is None:
            raise errors.SourceChanged(
                f'{self._name} does not tell one version of the file from '
                'another, so nothing can be gone on with')
        answer = self._get(start, stop)
        if (known.size is None and answer.status == 416 and answer.headers.get(
                'content-range', '').strip() == f'bytes */{start}'):
            return None
        found = None
        if answer.status == 200 and start == 0 and stop is None:
            found = self._take_whole(answer)
        elif answer.status == 206:
            found = self._take_part(answer, start, stop)
        # Anything else is this version as a whole, or another one; if that
        # is shorter, it is 416.
        if (found is None or found.validator != known.validator
                or known.size not in (found.size, None)):
            self.close()
            raise errors.SourceChanged(
                f'{self._name} has another version of the file now, or does '
                'not send a part of it')
        return answer

    def _take_whole(self, answer: Answer) -> Version:
        if answer.status != 200:
            raise self._refused()
        self._answer, self._at, self._left = answer, 0, answer.length
        return Version(answer.length, _validator(answer.headers))

    def _take_part(self, answer: Answer, start: int,
                   stop: int | None) -> Version:
        found = _CONTENT_RANGE.fullmatch(
            answer.headers.get('content-range', '').strip())
        if found is None:
            raise self._refused()
        first, end = int(found[1]), int(found[2]) + 1
        size = self.version.size if found[3] == '*' else int(found[3])
        if (first != start or end <= start
                or answer.length not in (end - start, None)
                or end > min(each for each in (stop, size, end)
                             if each is not None)
                # Nothing would tell that there is more.
                or (stop is None and self.version.size is None
                    and end != size)):
            raise self._refused()
        self._answer, self._at, self._left = answer, start, end - start
        # A part may leave out what the whole had (RFC 9110, 15.3.7).
        return Version(size, _validator(answer.headers)
                       or self.version.validator)

    def _get(self, start: int, stop: int | None) -> Answer:
        if self._answer is not None:
            self.close()
        headers: dict[str, str] = {}
        if start or stop is not None:
            end = '' if stop is None else stop - 1
            headers['Range'] = f'bytes={start}-{end}'
            if self.version.validator:
                headers['If-Range'] = self.version.validator
        answer = self._line.get(headers)
        if answer.status == 416:
            self._line.close()
        return answer

    def _body(self, answer: Answer, left: int | None) -> Iterator[bytes]:
        while left != 0:
            with wire.translated(self._name):
                piece = answer.read(_CHUNK if left is None
                                    else min(_CHUNK, left))
            if not piece and left is None:
                break
            if not piece:
                raise errors.RemoteUnavailable(
                    f'{self._name} broke off {left} bytes before the end')
            if left is not None:
                left -= len(piece)
            yield piece
        with wire.translated(self._name):
            # What ends chunks is not read yet.
            if left is not None and answer.is_chunked and answer.read(1):
                raise errors.ShortRead(
                    f'{self._name} gave more bytes than it said')

    def _refused(self) -> errors.RemoteRefused:
        self.close()
        return errors.RemoteRefused(
            f'{self._name} answered with other bytes than were asked for')


def _batched(pieces: Iterator[bytes]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size, begun = 0, time.monotonic()
    try:
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= _CHUNK or time.monotonic() - begun > _HURRY:
                yield b''.join(batch)
                batch, size, begun = [], 0, time.monotonic()
    except errors.RemoteUnavailable:
        # These bytes came, and need not come again.
        if batch:
            yield b''.join(batch)
        raise
    if batch:
        yield b''.join(batch)


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return what If-Range takes of these headers (RFC 9110, 13.1.5)."""
    tag = headers.get('etag', '').strip()
    if re.fullmatch(r'"[!#-~]*"', tag):
        return tag
    modified = headers.get('last-modified', '')
    changed = http_answer.read_date(modified)
    sent = http_answer.read_date(headers.get('date', ''))
    if changed is None or sent is None:
        return None
    return modified if (sent - changed).total_seconds() >= _SETTLED else None
