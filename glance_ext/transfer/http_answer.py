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
"""Answers of HTTP servers, read strictly and within bounds (RFC 9112)."""

import datetime
import email.utils
import io
import re
import threading

from glance_ext import errors

#: Bytes that a transfer may have beside its data, and one more for so many
#: bytes of its data.
FREE = 1 << 20
SHARE = 100
#: The same for lines. Each takes as long as some hundred bytes of data do.
FREE_LINES = 10_000
LINE_SHARE = 256
#: How many answers may announce another one (RFC 9110, 15.2).
INTERIM = 10
_LINE = 64 * 1024
_HEADERS = 100

_STATUS = re.compile(rb'HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\0\r\n]*)?')
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0\r\n]*)")
_CHUNK = re.compile(rb'([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?')
#: No file has more bytes than 18 digits can tell.
_LENGTH = re.compile('[0-9]{1,18}')


def read_date(text: str) -> datetime.datetime | None:
    """Return what a header with a date says, or None: it is none."""
    if len(text) > 64 or not text.isascii() or not text.isprintable():
        return None
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


class Overhead:
    """Counts what a server sends, over all connections of one transfer.

    Status lines, headers, trailers, and the lines between chunks cost this
    host more than data does, and nothing else bounds them.

    :param name: how messages call the server
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._data = 0
        self._other = 0
        self._lines = 0

    def add_data(self, count: int) -> None:
        with self._lock:
            self._data += count

    def add_line(self, count: int) -> None:
        """Count a line, of so many bytes, that is not data.

        :raises errors.RemoteRefused: there is too much of that
        """
        with self._lock:
            self._other += count
            self._lines += 1
            is_much = (self._other > FREE + self._data // SHARE
                       or self._lines > FREE_LINES + self._data // LINE_SHARE)
        if is_much:
            raise errors.RemoteRefused(
                f'{self.name} sent {self._other} bytes in {self._lines} lines '
                f'beside {self._data} bytes of data')


class Answer:
    """The answer to one request, its headers read and its data not.

    Interim answers are skipped.

    :param is_tunnel: a 2xx answer has no data, as what follows is the tunnel
    :raises errors.RemoteUnavailable: the server broke off, or sent what is
        not HTTP
    :raises errors.RemoteRefused: the server sent too much beside the data

    :ivar headers: by their names in lower case; values of one name are
        joined by a comma and a space
    :ivar length: how many bytes the data has, or None: that shows
    :ivar is_chunked: the data ends with a chunk without bytes
    :ivar will_close: the server closes the connection after the data
    """

    def __init__(self, reader: io.BufferedReader, overhead: Overhead,
                 is_tunnel: bool = False) -> None:
        self._reader = reader
        self._overhead = overhead
        self.status, version = self._status()
        interim = 0
        while 100 <= self.status < 200 and self.status != 101:
            interim += 1
            if interim > INTERIM:
                raise errors.RemoteRefused(
                    f'{overhead.name} sent more than {INTERIM} interim '
                    'answers')
            self._fields()
            self.status, version = self._status()
        self.headers = self._fields()
        self.is_chunked = False
        self.length: int | None = None
        if self.status < 200 or self.status in (204, 304) or is_tunnel:
            self.length = 0
        else:
            self._frame(version)
        options = re.split(
            '[, \t]+', self.headers.get('connection', '').lower())
        self.will_close = ('close' in options
                           or version == 0 and 'keep-alive' not in options
                           or self.length is None and not self.is_chunked)
        #: Bytes of the data or of the chunk that were not read, or None: all
        #: until the connection ends.
        self._left = 0 if self.is_chunked else self.length
        self._is_first = True
        self._has_ended = False

    def read(self, most: int) -> bytes:
        """Return the next bytes of the data, or none at its end.

        Where the connection ended before the data did, that is none as well,
        unless it is chunked.
        """
        if self.is_chunked and not self._left and not self._has_ended:
            self._next_chunk()
        count = most if self._left is None else min(most, self._left)
        piece = self._reader.read1(count) if count else b''
        if count and not piece and self.is_chunked:
            raise self._broke_off('the data')
        if self._left is not None:
            self._left -= len(piece)
        self._overhead.add_data(len(piece))
        return piece

    def _status(self) -> tuple[int, int]:
        line = self._line('its headers')
        found = _STATUS.fullmatch(line)
        if found is None:
            raise self._invalid('the status line')
        return int(found[2]), int(found[1])

    def _fields(self) -> dict[str, str]:
        """Read headers or trailers, up to the empty line."""
        found: dict[str, str] = {}
        name = ''
        for _ in range(_HEADERS + 1):
            line = self._line('its headers')
            if not line:
                return found
            field = _HEADER.fullmatch(line)
            if field is not None:
                name = field[1].decode('ascii').lower()
                value = field[2].decode('latin-1').strip(' \t')
                found[name] = (f'{found[name]}, {value}' if name in found
                               else value)
            elif name and line[:1] in b' \t':
                # Folded (RFC 9112, 5.2).
                found[name] += ' ' + line.decode('latin-1').strip(' \t')
            else:
                raise self._invalid('a header')
        raise errors.RemoteRefused(
            f'{self._overhead.name} sent more than {_HEADERS} headers')

    def _frame(self, version: int) -> None:
        """Find out how long the data is (RFC 9112, 6.3)."""
        coding = self.headers.get('transfer-encoding')
        length = self.headers.get('content-length')
        if coding is not None:
            if length is not None or version == 0:
                raise self._invalid('two ways to tell the length')
            if coding.lower() != 'chunked':
                raise self._invalid('the transfer coding')
            self.is_chunked = True
        elif length is not None:
            same = {each.strip(' \t') for each in length.split(',')}
            if len(same) > 1 or not _LENGTH.fullmatch(min(same)):
                raise self._invalid('the length')
            self.length = int(min(same))

    def _next_chunk(self) -> None:
        if not self._is_first and self._line('the data'):
            raise self._invalid('the end of a chunk')
        self._is_first = False
        found = _CHUNK.fullmatch(self._line('the data'))
        if found is None:
            raise self._invalid('the size of a chunk')
        self._left = int(found[1], 16)
        if not self._left:
            self._has_ended = True
            self._fields()

    def _line(self, where: str) -> bytes:
        line = self._reader.readline(_LINE + 1)
        self._overhead.add_line(len(line))
        if not line.endswith(b'\n'):
            if len(line) > _LINE:
                raise errors.RemoteRefused(
                    f'{self._overhead.name} sent a line of more than {_LINE} '
                    'bytes beside the data')
            raise self._broke_off(where)
        return line[:-2] if line.endswith(b'\r\n') else line[:-1]

    def _broke_off(self, where: str) -> errors.RemoteUnavailable:
        return errors.RemoteUnavailable(
            f'{self._overhead.name} broke off within {where}')

    def _invalid(self, what: str) -> errors.RemoteUnavailable:
        return errors.RemoteUnavailable(
            f'{self._overhead.name} sent an answer that is not valid HTTP: '
            f'{what}')
