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
"""What a hostile HTTP server may answer, a row for each way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import itertools
import time
from typing import NamedTuple

MIB = 1 << 20
DATA = bytes(range(251)) * 261
SIZE = len(DATA)
#: A flood ends after so many bytes, lest it outlast who does not notice it.
ENDLESS = 96 * MIB
OK = ''

Pieces = Callable[[], Iterable[bytes]]


class Row(NamedTuple):
    """One way.

    :ivar serve: yields what is sent, to any request
    :ivar code: of the error that a download ends with; '' where it ends well
    :ivar data: what is read where it ends well
    """

    name: str
    serve: Pieces
    code: str
    data: bytes = DATA


def head(*fields: str, status: str = 'HTTP/1.1 200 OK') -> bytes:
    return '\r\n'.join([status, *fields, '', '']).encode('latin-1')


def bare(*pieces: bytes) -> Pieces:
    return lambda: pieces


def whole(*fields: str, data: bytes = DATA) -> Pieces:
    return bare(head(*fields), data)


LENGTH = f'Content-Length: {SIZE}'
CHUNKED = 'Transfer-Encoding: chunked'
TAG = 'ETag: "one"'
CHUNK = b'%x\r\n%b\r\n' % (SIZE, DATA)
LAST = b'0\r\n\r\n'
PARTIAL = 'HTTP/1.1 206 Partial Content'


def part(content_range: str, *fields: str, data: bytes = DATA) -> Pieces:
    return bare(head(f'Content-Range: {content_range}', TAG, *fields,
                     f'Content-Length: {len(data)}', status=PARTIAL), data)


def flood(before: bytes, piece: bytes) -> Pieces:
    """Repeat a piece, in parcels of 64 KiB or more."""
    parcel = piece * (1 + 65536 // len(piece))

    def serve() -> Iterator[bytes]:
        yield before
        for _ in range(ENDLESS // len(parcel)):
            yield parcel
    return serve


def drip(before: bytes, piece: bytes) -> Pieces:
    """Send a piece every 20 ms, for some seconds."""
    def serve() -> Iterator[bytes]:
        yield before
        for _ in range(300):
            yield piece
            time.sleep(0.02)
    return serve


def silent(before: bytes) -> Pieces:
    return drip(before, b'')


def redirect(location: str) -> Pieces:
    return bare(head(f'Location: {location}', 'Content-Length: 0',
                     status='HTTP/1.1 302 Found'))


def busy(retry_after: str, for_ever: bool = False) -> Pieces:
    """Be busy once, and then no more."""
    calls = itertools.count()

    def serve() -> Iterable[bytes]:
        if next(calls) % 2 and not for_ever:
            return whole(LENGTH)()
        return [head(f'Retry-After: {retry_after}', 'Content-Length: 0',
                     status='HTTP/1.1 503 Busy')]
    return serve


def chunks(*pieces: bytes) -> Pieces:
    return bare(head(CHUNKED), *pieces)


GONE, NO, LATE = 'remote_unavailable', 'remote_refused', 'remote_timeout'
SHORT, LED = 'short_read', 'destination_refused'
#: There was data before, and no validator to go on with.
CUT = 'source_changed'

ROWS = [
    # What is not HTTP, and what is cut.
    Row('nothing', bare(), GONE),
    Row('a cut status line', bare(b'HTTP/1.1 20'), GONE),
    Row('a status line alone', bare(b'HTTP/1.1 200 OK\r\n'), GONE),
    Row('a cut header', bare(b'HTTP/1.1 200 OK\r\nContent-Le'), GONE),
    Row('headers without an end', bare(head(LENGTH)[:-2]), GONE),
    Row('no data', bare(head(LENGTH)), GONE),
    Row('cut data', bare(head(LENGTH), DATA[:-1]), CUT),
    Row('a cut size of a chunk', chunks(b'1'), GONE),
    Row('a cut chunk', chunks(CHUNK[:-3]), CUT),
    Row('a cut end of a chunk', chunks(CHUNK[:-1]), CUT),
    Row('no last chunk', chunks(CHUNK), CUT),
    Row('a cut last chunk', chunks(CHUNK, b'0\r\n'), CUT),
    Row('cut trailers', chunks(CHUNK, b'0\r\nA: b\r\n'), CUT),
    Row('another protocol', bare(b'SSH-2.0-OpenSSH_9.2\r\n'), GONE),
    Row('HTTP/0.9', bare(DATA), GONE),
    Row('HTTP/2', bare(b'HTTP/2 200\r\n\r\n', DATA), GONE),
    Row('HTTP/1', bare(b'HTTP/1 200 OK\r\n\r\n', DATA), GONE),
    *(Row(version, bare(head(LENGTH, status=f'{version} 200 OK'), DATA), GONE)
      for version in ('HTTP/1.10', 'ICY', 'http/1.1')),
    Row('no status', bare(b'HTTP/1.1 \r\n\r\n'), GONE),
    *(Row(f'status {status}', bare(head(status=f'HTTP/1.1 {status}')), GONE)
      for status in ('OK 200', '-200 OK', '+200 OK', '2000 OK', '099 OK')),
    Row('a status line with NUL', bare(
        b'HTTP/1.1 200 O\0K\r\n' + head(LENGTH)[17:], DATA), GONE),
    Row('an empty line first', bare(b'\r\n' + head(LENGTH), DATA), GONE),
    # Statuses.
    Row('no reason', bare(head(LENGTH, status='HTTP/1.1 200'), DATA), OK),
    Row('lines without CR', bare(
        head(LENGTH).replace(b'\r', b''), DATA), OK),
    Row('204 with data', bare(
        head(LENGTH, status='HTTP/1.1 204 No Content'), DATA), NO),
    Row('304 with data', bare(
        head(LENGTH, status='HTTP/1.1 304 Not Modified'), DATA), NO),
    Row('101', bare(head('Upgrade: h2c', 'Connection: Upgrade',
                         status='HTTP/1.1 101 Switching'), DATA), NO),
    Row('206 without a range', bare(
        head(LENGTH, status=PARTIAL), DATA), NO),
    Row('416 for ever', bare(head(
        'Content-Range: bytes */5', 'Content-Length: 0',
        status='HTTP/1.1 416 Range')), NO),
    Row('status 999', bare(head(status='HTTP/1.1 999 What')), GONE),
    # Lengths.
    Row('more than the length', whole(LENGTH, data=DATA + b'x'), SHORT),
    Row('the length twice, alike', whole(LENGTH, LENGTH), OK),
    Row('the length twice in a line', whole(f'{LENGTH}, {SIZE}'), OK),
    Row('two lengths', whole(LENGTH, 'Content-Length: 7'), GONE),
    Row('two lengths in a line', whole(f'{LENGTH}, 7'), GONE),
    Row('a negative length', whole('Content-Length: -1'), GONE),
    Row('a length with a sign', whole(f'Content-Length: +{SIZE}'), GONE),
    Row('a length with an underscore', whole('Content-Length: 6_5511'), GONE),
    Row('a length in hex', whole(f'Content-Length: {SIZE:#x}'), GONE),
    Row('a length with a blank', whole('Content-Length: 65 511'), GONE),
    Row('a length in digits of elsewhere', bare(
        b'HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n', DATA), GONE),
    Row('an empty length', whole('Content-Length: '), GONE),
    Row('a length of 18 digits', whole('Content-Length: ' + '9' * 18),
        'source_too_large'),
    Row('a length of 19 digits', whole('Content-Length: ' + '9' * 19), GONE),
    Row('a length of 5,000 digits', whole(
        'Content-Length: ' + '9' * 5000), GONE),
    Row('length and chunks', bare(head(LENGTH, CHUNKED), CHUNK, LAST), GONE),
    Row('length and chunks, and data', whole(CHUNKED, LENGTH), GONE),
    Row('chunks twice', bare(head(CHUNKED, CHUNKED), CHUNK, LAST), GONE),
    Row('gzip, chunked', bare(
        head('Transfer-Encoding: gzip, chunked'), CHUNK, LAST), GONE),
    Row('identity', whole('Transfer-Encoding: identity', LENGTH), GONE),
    Row('a misspelt coding', whole('Transfer-Encoding: xchunked'), GONE),
    Row('an empty coding', whole('Transfer-Encoding:', LENGTH), GONE),
    Row('chunks with HTTP/1.0', bare(
        head(CHUNKED, status='HTTP/1.0 200 OK'), CHUNK, LAST), GONE),
    Row('no length', whole(), OK),
    Row('compressed without being asked', whole(
        LENGTH, 'Content-Encoding: gzip'), OK),
    Row('multipart', part('bytes 0-65510/65511',
                          'Content-Type: multipart/byteranges; boundary=x'),
        OK),
    # Headers.
    Row('a folded header', whole('X-A: b\r\n c', LENGTH), OK),
    Row('a folded length', whole('Content-Length:\r\n 65511'), OK),
    Row('a fold before any header', bare(
        b'HTTP/1.1 200 OK\r\n X: y\r\n' + LENGTH.encode() + b'\r\n\r\n',
        DATA), GONE),
    Row('a blank before the colon', whole(f'Content-Length : {SIZE}'), GONE),
    Row('a header without a colon', whole('Content-Length', LENGTH), GONE),
    Row('a header without a name', whole(': x', LENGTH), GONE),
    Row('a header with NUL', whole('X-A: \0', LENGTH), GONE),
    Row('a header with CR', whole('X-A: b\rX-B: c', LENGTH), GONE),
    Row('a name with a control', whole('X\x01: b', LENGTH), GONE),
    Row('headers in latin-1', whole('X-A: \xff', LENGTH), OK),
    Row('60 headers', whole(*['X-A: b'] * 60, LENGTH), OK),
    Row('a long header', whole('X-A: ' + 'a' * 60_000, LENGTH), OK),
    Row('a header that is too long', whole('X-A: ' + 'a' * 66_000, LENGTH),
        NO),
    Row('a header without an end', flood(head()[:-2] + b'X-A: ', b'a'), NO),
    Row('a status line without an end', flood(b'HTTP/1.1 200 ', b'a'), NO),
    Row('headers without end', flood(head()[:-2], b'X-A: b\r\n'), NO),
    Row('long headers without end', flood(
        head()[:-2], b'X-A: ' + b'a' * 60_000 + b'\r\n'), NO),
    Row('folds without end', flood(head()[:-2] + b'X-A: b\r\n', b' c\r\n'),
        NO),
    Row('empty lines without end', flood(b'', b'\r\n'), GONE),
    # Interim answers.
    Row('three 100', bare(*[head(status='HTTP/1.1 100 Continue')] * 3,
                          head(LENGTH), DATA), OK),
    Row('early hints', bare(head(
        'Link: </a>', status='HTTP/1.1 103 Early Hints'), head(LENGTH),
        DATA), OK),
    Row('ten of them', bare(*[head(status='HTTP/1.1 102 Wait')] * 10,
                            head(LENGTH), DATA), OK),
    Row('eleven of them', bare(*[head(status='HTTP/1.1 102 Wait')] * 11,
                               head(LENGTH), DATA), NO),
    Row('100 without end', flood(
        b'', head(status='HTTP/1.1 100 Continue')), NO),
    Row('103 with many headers without end', flood(
        b'', head(*['X-A: ' + 'a' * 5000] * 90,
                  status='HTTP/1.1 103 Early Hints')), NO),
    # Chunks.
    Row('chunks', chunks(CHUNK, LAST), OK),
    Row('chunks with extensions', chunks(
        b'%x;a="b;c"\r\n%b\r\n' % (SIZE, DATA), LAST), OK),
    Row('a size with blanks after it', chunks(
        b'%x  \r\n%b\r\n' % (SIZE, DATA), LAST), OK),
    Row('trailers', chunks(CHUNK, b'0\r\nA: b\r\n\r\n'), OK),
    Row('a size with a blank before it', chunks(b' ' + CHUNK, LAST), GONE),
    Row('a size with a sign', chunks(b'+' + CHUNK, LAST), GONE),
    Row('a negative size', chunks(b'-' + CHUNK, LAST), GONE),
    Row('a size with 0x', chunks(b'0x' + CHUNK, LAST), GONE),
    Row('a size with an underscore', chunks(b'0_' + CHUNK, LAST), GONE),
    Row('a size with NUL', chunks(b'\0' + CHUNK, LAST), GONE),
    Row('a size with a bare CR', chunks(b'5\r;\r\n', DATA, LAST), GONE),
    Row('no size', chunks(b'\r\n', LAST), GONE),
    Row('a size in words', chunks(b'all\r\n', DATA, LAST), GONE),
    Row('a size of 16 digits', chunks(b'f' * 16 + b'\r\n', DATA), GONE),
    Row('a size of 15 digits', chunks(b'f' * 15 + b'\r\n', DATA), CUT),
    Row('a size of 5,000 digits', chunks(b'0' * 5000 + CHUNK, LAST), GONE),
    Row('no end of a chunk', chunks(CHUNK[:-2], LAST), CUT),
    Row('more than the size of a chunk', chunks(CHUNK[:-2], b'x\r\n', LAST),
        CUT),
    Row('data behind the last chunk', chunks(CHUNK, LAST, b'x'), SHORT),
    Row('chunks with HTTP headers between', chunks(
        CHUNK, head(LENGTH), DATA), CUT),
    Row('a long extension', flood(head(CHUNKED) + b'5;', b'a'), NO),
    Row('extensions without end', flood(
        head(CHUNKED), b'1;' + b'a' * 60_000 + b'\r\nx\r\n'), NO),
    Row('chunks of one byte', flood(head(CHUNKED), b'1\r\nx\r\n'), NO),
    Row('sizes of many digits', flood(
        head(CHUNKED), b'000000000000001 ; \r\nx\r\n'), NO),
    Row('trailers without end', flood(
        head(CHUNKED) + CHUNK + b'0\r\n', b'A: b\r\n'), NO),
    Row('long trailers without end', flood(
        head(CHUNKED) + CHUNK + b'0\r\n', b'A: ' + b'b' * 60_000 + b'\r\n'),
        NO),
    # Ranges.
    Row('a range that is all', part(f'bytes 0-{SIZE - 1}/{SIZE}'), OK),
    Row('a range of other bytes', part(f'bytes 1-{SIZE}/{SIZE + 1}'), NO),
    Row('a range beyond the size', part(f'bytes 0-{SIZE - 1}/7'), NO),
    Row('a range that ends before it begins', part('bytes 0--1/7'), NO),
    Row('a range of another length', part(f'bytes 0-7/{SIZE}'), NO),
    Row('a range in lines', part(f'lines 0-{SIZE - 1}/{SIZE}'), NO),
    Row('two ranges', part(f'bytes 0-{SIZE - 1}/{SIZE}',
                           'Content-Range: bytes 1-2/3'), NO),
    Row('a range of 5,000 digits', part('bytes 0-' + '9' * 5000 + '/*'), NO),
    Row('a size of a range of 5,000 digits', part(
        f'bytes 0-{SIZE - 1}/' + '9' * 5000), NO),
    Row('a negative range', part(f'bytes -0-{SIZE - 1}/{SIZE}'), NO),
    Row('a range with a sign', part(f'bytes +0-{SIZE - 1}/{SIZE}'), NO),
    Row('a range of an unknown size', part(f'bytes 0-{SIZE - 1}/*'), NO),
    Row('a range of digits of elsewhere', part('bytes 0-\xb2/5'), NO),
    # Numbers and dates.
    *(Row(f'Retry-After: {text[:40]}', busy(text), OK) for text in (
        '', '-1', '+1', '0', '0.5', 'NaN', '1e-9', 'soon', '\xb2', '0x1',
        'Mon, 01 Jan 99999999999999999999 00:00:00 GMT',
        'Mon, 01 Jan 0000 00:00:00 GMT', 'Mon, 01 Jan 0001 00:00:00 +9999',
        'Wed, 25 Nov 2015 03:00:00 GMT', 'Mon, 99 Jan 2024 25:61:61 GMT',
        'Wed, 25 Nov 2015 03:00:00 +99999999999999999999', ',' * 5000)),
    *(Row(f'a date: {date[:40]}', whole(
        LENGTH, f'Last-Modified: {changed}', f'Date: {date}'), OK)
      for changed, date in (
        ('Wed, 25 Nov 2015 03:00:00 GMT', 'garbage'),
        ('garbage', 'Wed, 25 Nov 2015 03:00:00 GMT'),
        ('Mon, 01 Jan 0001 00:00:00 +2359', 'Fri, 31 Dec 9999 23:59:59 GMT'),
        ('Wed, 25 Nov 2015 03:00:00 -0000', 'Wed, 25 Nov 2016 03:00:00 GMT'),
        ('Mon, 01 Jan 99999999999999999999 00:00:00 GMT', '5'),
        ('Wed, 25 Nov 2015 03:00:00 +9' + '9' * 50, ':' * 60_000))),
    # Redirects.
    Row('a loop', redirect('/row'), NO),
    Row('a redirect without a place', bare(head(
        'Content-Length: 0', status='HTTP/1.1 301 Moved')), NO),
    Row('an empty place', redirect(''), NO),
    *(Row(f'redirect to {place[:40]}', redirect(place), code)
      for place, code in (
        ('//', NO), ('http:', NO), ('http://', NO), ('http://[', NO),
        ('ftp://127.0.0.1/', LED), ('file:///etc/passwd', LED),
        ('gopher://127.0.0.1/', LED), ('javascript:1', LED),
        ('http://user@127.0.0.1/', LED), ('http://u:p@127.0.0.1/', LED),
        ('http://10.0.0.1/', LED), ('http://169.254.169.254/', LED),
        ('//10.0.0.1/', LED), ('\\\\10.0.0.1/', LED), ('/\\10.0.0.1/', LED),
        ('http://0x7f.1/', LED), ('http://2130706433/', LED),
        ('http://0177.0.0.1/', LED), ('http://127.1/', LED),
        ('http://[::ffff:10.0.0.1]/', LED), ('http://[::1]/', LED),
        ('http://127.0.0.1:0/', LED), ('http://127.0.0.1:99999/', LED),
        ('http://127.0.0.1#@10.0.0.1/', LED),
        ('http://127.0.0.1\t/', NO), ('/a b', NO), ('/\xfcber', NO),
        ('/row\r\n X: y', NO), ('http://127.0.0.1./', LED),
        ('http://127.0.0.1/' + 'a' * 66_000, NO))),
    Row('data without end', flood(head(), b'x'), 'source_too_large'),
]

#: These show only when somebody waits for them.
SLOW_ROWS = [
    Row('a trailer that drips', drip(
        head(CHUNKED) + CHUNK + b'0\r\n', b'A: b\r\n'), CUT),
    Row('100 and nothing', silent(head(status='HTTP/1.1 100 Continue')),
        LATE),
    *(Row(f'Retry-After: {text[:40]}', busy(text, for_ever=True), LATE)
      for text in (
        '300', '9' * 400, '9' * 60_000, 'Fri, 31 Dec 9999 23:59:59 GMT',
        'Fri, 31 Dec 9999 23:59:59 -2359')),
    Row('silence', silent(b''), LATE),
    Row('silence in the headers', silent(head()[:-2]), LATE),
    Row('silence in the data', silent(head(LENGTH) + DATA[:9]), CUT),
    Row('silence in a chunk', silent(head(CHUNKED) + CHUNK[:9]), CUT),
    Row('headers that drip', drip(head()[:-2], b'X-A: b\r\n'), LATE),
    Row('interim answers that drip', drip(
        b'', head(status='HTTP/1.1 100 Continue')), LATE),
    Row('data that drips', drip(head(LENGTH), b'x'), CUT),
    Row('chunks that drip', drip(head(CHUNKED), b'1\r\nx\r\n'), CUT),
]
