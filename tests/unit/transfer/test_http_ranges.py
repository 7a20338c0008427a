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
"""Ranges: what counts as a part of one version of a file."""

import re
import time
from typing import Any
import unittest

from glance_ext import errors
from glance_ext.transfer import http_parts
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from tests.harness.backends import http_raw
from tests.harness.backends.http_raw import answer

RULES = Rules(allowed_hosts=['127.0.0.1'])
DATA = bytes(range(250)) * 4
TAG = '"one"'


def span(headers: dict[str, str]) -> tuple[int, int] | None:
    found = re.fullmatch(r'bytes=(\d+)-(\d*)', headers.get('range', ''))
    return found and (int(found[1]), min(int(found[2] or 999) + 1, 1000))


def part(headers: dict[str, str], size: str = '1000', **more: str) -> bytes:
    """Answer as a good server does."""
    start, stop = span(headers) or (0, 1000)
    if 'range' not in headers:
        return answer(200, DATA, **{'etag': TAG} | more)
    return answer(206, DATA[start:stop], **{
        'etag': TAG, 'content_range': f'bytes {start}-{stop - 1}/{size}'
        } | more)


class RangesCase(unittest.TestCase):

    def setUp(self):
        self.addCleanup(setattr, http_parts, 'PART', http_parts.PART)
        http_parts.PART = 100

    def read(self, serve, **more: Any) -> bytes:
        self.server = self.enterContext(
            http_raw.Server(lambda headers, body: serve(headers)))
        self.causes = []

        def retry(cause: errors.RemoteUnavailable) -> None:
            self.causes.append(cause)
            if len(self.causes) > 30:
                raise cause

        with Download(self.server.url, RULES, retry=retry, **more) as download:
            return b''.join(download.chunks())

    def cut(self, serve):
        """Have the first answer break off after 300 bytes."""
        def first(headers):
            whole = serve(headers)
            return whole[:len(whole) - 700] if len(
                self.server.requests) == 1 else whole
        return first


class TestParts(RangesCase):

    def test_good_server_is_read_in_parts(self):
        self.assertEqual(DATA, self.read(part, connections=4))
        self.assertEqual(10, len(self.server.requests))
        self.assertEqual(10, len({headers['range']
                                  for headers in self.server.requests}))
        self.assertEqual({None, TAG}, {headers.get('if-range')
                                       for headers in self.server.requests})

    def test_server_that_sends_less_of_a_range_is_asked_for_the_rest(self):
        def less(headers):
            start, stop = span(headers) or (0, 1000)
            stop = min(stop, start + 70)
            return answer(206, DATA[start:stop], etag=TAG,
                          content_range=f'bytes {start}-{stop - 1}/1000')
        for connections in (4, 2):
            self.assertEqual(DATA, self.read(less, connections=connections))

    def test_size_that_is_not_told_means_one_connection(self):
        self.assertEqual(DATA, self.read(
            lambda headers: part(headers, size='*'), connections=4))
        self.assertEqual(2, len(self.server.requests))

    def test_whole_answer_to_a_range_means_one_connection(self):
        """Whatever the server says that it accepts."""
        self.assertEqual(DATA, self.read(lambda headers: answer(
            200, DATA, etag=TAG, accept_ranges='bytes'), connections=4))
        self.assertEqual(1, len(self.server.requests))

    def test_server_that_sends_a_whole_later_on_is_not_believed(self):
        def whole(headers):
            return (part(headers) if len(self.server.requests) == 1
                    else answer(200, DATA, etag=TAG))
        with self.assertRaises(errors.SourceChanged):
            self.read(whole, connections=2)

    def test_weak_tag_and_a_fresh_date_mean_one_connection(self):
        for more in ({'etag': 'W/"one"'}, {'etag': ''}, {
                'etag': '', 'last_modified': 'Wed, 25 Nov 2026 03:00:01 GMT',
                'date': 'Wed, 25 Nov 2026 03:00:59 GMT'}):
            self.assertEqual(DATA, self.read(
                lambda headers, more=more: part(headers, **more),
                connections=4))
            self.assertEqual(2, len(self.server.requests))

    def test_date_that_is_old_enough_is_a_validator(self):
        dates = {'etag': '', 'last_modified': 'Tue, 24 Nov 2026 03:00:00 GMT',
                 'date': 'Wed, 25 Nov 2026 03:00:00 GMT'}
        self.assertEqual(DATA, self.read(
            lambda headers: part(headers, **dates), connections=4))
        self.assertEqual(10, len(self.server.requests))
        self.assertEqual(dates['last_modified'],
                         self.server.requests[-1]['if-range'])

    def test_parts_in_chunks_are_read_to_their_end(self):
        def chunked(headers):
            start, stop = span(headers)
            return answer(
                206, b'%x\r\n%b\r\n0\r\n\r\n' % (
                    stop - start, DATA[start:stop]), etag=TAG,
                content_range=f'bytes {start}-{stop - 1}/1000',
                transfer_encoding='chunked')
        self.assertEqual(DATA, self.read(chunked, connections=2))


class TestResuming(RangesCase):

    def test_cut_is_gone_on_with_at_the_very_byte(self):
        self.assertEqual(DATA, self.read(self.cut(part)))
        self.assertEqual(['bytes=300-', TAG], [
            self.server.requests[1][name] for name in ('range', 'if-range')])

    def test_part_that_is_not_the_one_asked_for_is_refused(self):
        for content_range in ('bytes 299-999/1000', 'bytes 301-999/1000',
                              'bytes 300-998/1000', 'bytes 300-999/999',
                              'bytes 300-1000/1000', 'bytes 999-300/1000',
                              'bytes */1000', 'bytes 300-999', 'items 3-4/5',
                              ''):
            with self.subTest(content_range), self.assertRaises(
                    errors.RemoteRefused):
                self.read(self.cut(lambda headers, it=content_range: part(
                    headers, **({'content_range': it}
                                if 'range' in headers else {}))))

    def test_another_version_is_noticed_by_its_tag_or_its_size(self):
        for change in ({'etag': '"two"'},
                       {'content_range': 'bytes 300-999/1001'}):
            with self.subTest(change), self.assertRaises(
                    errors.SourceChanged):
                self.read(self.cut(lambda headers, it=change: part(
                    headers, **(it if 'range' in headers else {}))))

    def test_shorter_version_is_noticed(self):
        with self.assertRaises(errors.SourceChanged):
            self.read(self.cut(lambda headers: answer(416) if 'range'
                               in headers else part(headers)))

    def test_unknown_size_takes_a_part_that_goes_to_the_end(self):
        def serve(headers):
            if 'range' in headers:
                return part(headers)
            return answer(200, b'12c\r\n%b\r\n' % DATA[:300], etag=TAG,
                          transfer_encoding='chunked')
        self.assertEqual(DATA, self.read(serve))

    def test_unknown_size_may_turn_out_to_be_what_was_read(self):
        def serve(headers):
            if 'range' in headers:
                return answer(416, content_range='bytes */300')
            return answer(200, b'12c\r\n%b\r\n' % DATA[:300], etag=TAG,
                          transfer_encoding='chunked')
        self.assertEqual(DATA[:300], self.read(serve))


class TestAnswers(RangesCase):

    def test_what_is_compressed_stays_so(self):
        self.assertEqual(DATA, self.read(
            lambda headers: part(headers, content_encoding='gzip')))

    def test_server_is_asked_again_no_sooner_than_it_wants(self):
        for after in ('1', 'Wed, 25 Nov 2015 03:00:00 GMT', 'soon', '-1'):
            def busy(headers, after=after):
                return (answer(429, retry_after=after) if len(
                    self.server.requests) == 1 else part(headers))
            begun = time.monotonic()
            self.assertEqual(DATA, self.read(busy))
            self.assertEqual(after == '1', time.monotonic() - begun > 1)

    def test_nobody_waits_for_ever(self):
        with self.assertRaises(errors.RemoteTimeout):
            self.read(lambda headers: answer(503, retry_after='9' * 400),
                      timeout=0.3)
        self.assertEqual(300, self.causes[0].retry_after)

    def test_what_is_no_http_is_not_quoted(self):
        for cause, text in (
                (errors.RemoteUnavailable, b'SSH-2.0-secret\r\n'),
                (errors.RemoteUnavailable, b''),
                (errors.RemoteUnavailable, b'HTTP/1.1 secret\r\n\r\n'),
                (errors.RemoteRefused,
                 b'HTTP/1.1 200 OK\r\n' + b'secret: 1\r\n' * 200)):
            with self.assertRaises(cause) as caught:
                self.read(lambda headers, it=text: it)
            self.assertNotIn('secret', caught.exception.message)

    def test_answer_that_breaks_off_in_its_headers_is_none(self):
        for text in (b'HTTP/1.1 200 OK\r\n', b'HTTP/1.1 200 OK\r\nServer: a',
                     b'HTTP/1.1 200 OK\r\nServer: a\r\n'):
            with self.subTest(text), self.assertRaises(
                    errors.RemoteUnavailable):
                self.read(lambda headers, it=text: it)

    def test_redirect_without_a_uri_is_refused(self):
        for location in ('', 'http://[', 'with blank', 'b\xfccher'):
            with self.subTest(location), self.assertRaises(
                    (errors.RemoteRefused, errors.DestinationRefused)):
                self.read(lambda headers, it=location: answer(
                    302, location=it))

    def test_signed_redirect_that_expires_is_signed_again(self):
        def serve(headers):
            number = len(self.server.requests)
            if number in (1, 4):
                return answer(302, location=f'/signed{number}')
            if number == 3:
                return answer(403)
            return part(headers)[:-700 if number == 2 else None]
        self.assertEqual(DATA, self.read(serve))
        self.assertEqual(5, len(self.server.requests))
