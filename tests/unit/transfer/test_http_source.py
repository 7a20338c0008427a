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
"""Downloads from servers on bad days."""

import threading
import time

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from glance_ext import errors
from glance_ext.transfer import http_parts
from glance_ext.transfer.wire import Transport
from tests.harness.backends.behaviour import Pattern
from tests.unit.transfer.downloads import DownloadCase
from tests.unit.transfer.downloads import digest

MIB = 1 << 20


class TestDownload(DownloadCase):

    def test_every_size_arrives_whole(self):
        for size in (0, 1, http_parts.PART - 1, http_parts.PART,
                     http_parts.PART + 1, 3 * http_parts.PART + 5):
            for _, url, connections in self.each(size):
                download = self.download(url, connections=connections)
                chunks = list(download.chunks())
                self.assertEqual(digest(Pattern(size)),
                                 digest(b''.join(chunks)))
                self.assertEqual(size, download.size)
                self.assertTrue(all(chunks))
                self.assertLessEqual(max(map(len, chunks), default=0), MIB)

    def test_it_begins_at_any_byte(self):
        data = Pattern(9 * MIB)
        for _, url, connections in self.each(9 * MIB):
            for offset in (1, http_parts.PART, 9 * MIB - 1, 9 * MIB):
                download = self.download(url, connections=connections)
                self.assertEqual(
                    data[offset:9 * MIB], b''.join(download.chunks(offset)))

    def test_it_is_read_again_after_an_iterator_was_left(self):
        for _, url, connections in self.each(9 * MIB):
            download = self.download(url, connections=connections)
            chunks = download.chunks()
            begin = next(chunks)
            chunks.close()
            rest = b''.join(download.chunks(len(begin)))
            self.assertEqual(digest(Pattern(9 * MIB)), digest(begin + rest))

    def test_its_name_is_that_of_the_server_alone(self):
        self.assertEqual('the server localhost', str(self.download(
            'http://localhost:1/path?secret')))

    def test_several_connections_are_used_and_kept(self):
        path = '/image'
        url = self.server.serve(path, 40 * MIB, rate=200 * MIB)
        self.read(url, connections=4)
        self.assertEqual(10, len(self.server.log(path)))
        self.assertEqual(4, self.server.connections)

    def test_one_connection_needs_no_thread(self):
        url = self.server.serve('/image', 9 * MIB)
        for _ in self.download(url).chunks():
            self.assertNotIn('glance-ext-download', {
                thread.name for thread in threading.enumerate()})

    def test_several_are_used_only_with_ranges_and_a_strong_validator(self):
        for behaviour in ({'etag': False}, {'ranges': False}):
            url = self.server.serve('/image', 9 * MIB, **behaviour)
            download = self.download(url, connections=4)
            data = b''.join(download.chunks())
            self.assertEqual(digest(Pattern(9 * MIB)), digest(data))
            self.assertFalse(download.seeks)
        self.assertEqual(2, self.server.connections - 1)

    def test_other_framings_arrive_whole(self):
        for framing in ('chunked', 'close'):
            for _, url, connections in self.each(9 * MIB, framing=framing):
                self.assertEqual(
                    digest(Pattern(9 * MIB)),
                    digest(self.read(url, connections=connections)))

    def test_nothing_is_asked_for_compressed(self):
        self.read(self.server.serve('/image', b'data'))
        headers = self.server.log('/image')[0].headers
        self.assertEqual('identity', headers['accept-encoding'])


class TestBadDays(DownloadCase):

    def test_server_that_cuts_is_gone_on_with_at_the_very_byte(self):
        for path, url, connections in self.each(12 * MIB, cut_every=3 << 19):
            self.assertEqual(digest(Pattern(12 * MIB)),
                             digest(self.read(url, connections=connections)))
            self.assertEqual([], self.failures)
            self.assertEqual(12 * MIB, self.server.sent(path))

    def test_resets_cost_no_more_than_a_part(self):
        for path, url, connections in self.each(12 * MIB, reset_at=9 * MIB):
            self.assertEqual(digest(Pattern(12 * MIB)),
                             digest(self.read(url, connections=connections)))
            self.assertLessEqual(self.server.sent(path),
                                 12 * MIB + http_parts.PART)

    def test_server_that_ignores_range_cannot_be_gone_on_with(self):
        for _, url, connections in self.each(9 * MIB, ranges=False,
                                             truncate_at=5 * MIB):
            with self.assertRaises(errors.SourceChanged):
                self.read(url, connections=connections)

    def test_server_without_a_validator_cannot_be_gone_on_with(self):
        for _, url, connections in self.each(9 * MIB, etag=False,
                                             truncate_at=5 * MIB):
            with self.assertRaises(errors.SourceChanged):
                self.read(url, connections=connections)

    def test_before_the_first_byte_every_server_is_asked_again(self):
        for _, url, connections in self.each(
                9 * MIB, etag=False, ranges=False, truncate_at=0, times=2):
            self.assertEqual(digest(Pattern(9 * MIB)),
                             digest(self.read(url, connections=connections)))
            self.assertEqual(2, len(self.failures))

    def test_server_that_promises_too_much_fails(self):
        for _, url, connections in self.each(5 * MIB, length_off_by=9):
            with self.assertRaises(
                    (errors.SourceChanged, errors.RemoteRefused)):
                self.read(url, connections=connections)

    def test_server_that_gives_more_than_it_promised_fails(self):
        for _, url, connections in self.each(5 * MIB, length_off_by=-9):
            with self.assertRaises((errors.ShortRead, errors.RemoteRefused)):
                self.read(url, connections=connections)

    def test_file_that_changes_between_ranges_is_noticed(self):
        for _, url, connections in self.each(
                20 * MIB, becomes=Pattern(20 * MIB, 1), cut_every=3 * MIB):
            with self.assertRaises(errors.SourceChanged):
                self.read(url, connections=connections)

    def test_server_that_stalls_is_left_for_another_connection(self):
        for _, url, connections in self.each(9 * MIB, stall_at=5 * MIB):
            begun = time.monotonic()
            self.assertEqual(digest(Pattern(9 * MIB)),
                             digest(self.read(url, connections=connections)))
            self.assertLess(time.monotonic() - begun, 2)

    def test_server_that_stalls_for_ever_ends_in_a_timeout(self):
        url = self.server.serve('/image', 9 * MIB, stall_at=0)
        with self.assertRaises(errors.RemoteTimeout):
            self.read(url, transport=Transport(patience=0.1))
        self.assertEqual(4, len(self.failures))

    def test_hundred_bytes_a_second_end_in_a_timeout(self):
        for _, url, connections in self.each(9 * MIB, rate=100):
            with self.assertRaises(errors.RemoteTimeout):
                self.read(url, connections=connections,
                          transport=Transport(patience=0.1))

    def test_all_the_time_there_is_ends_whatever_comes(self):
        for _, url, connections in self.each(20 * MIB, rate=2 * MIB):
            begun = time.monotonic()
            with self.assertRaises(errors.RemoteTimeout) as caught:
                self.read(url, connections=connections, timeout=0.3)
            self.assertIn('longer than 0.3 seconds', str(caught.exception))
            self.assertLess(time.monotonic() - begun, 1.5)

    def test_5xx_is_asked_again(self):
        for _, url, connections in self.each(9 * MIB, status=503, times=2):
            self.assertEqual(digest(Pattern(9 * MIB)),
                             digest(self.read(url, connections=connections)))
            self.assertEqual(['the server 127.0.0.1 answered 503'] * 2,
                             [cause.message for cause in self.failures])

    def test_what_asking_again_does_not_change_is_not(self):
        for status in (204, 304, 400, 401, 403, 404, 410, 416, 451):
            url = self.server.serve('/image', b'', status=status)
            with self.subTest(status), self.assertRaises(
                    errors.RemoteRefused):
                self.read(url)
        self.assertEqual([], self.failures)

    def test_nobody_who_listens_is_worth_another_attempt(self):
        self.server.stop()
        with self.assertRaises(errors.RemoteUnavailable):
            self.read(self.server.url)
        self.assertEqual(4, len(self.failures))

    def test_more_than_the_limit_is_refused_known_or_not(self):
        for framing in ('length', 'chunked'):
            for path, url, connections in self.each(9 * MIB, framing=framing):
                got = 0
                with self.assertRaises(errors.SourceTooLarge):
                    for chunk in self.download(
                            url, connections=connections,
                            limit=6 * MIB).chunks():
                        got += len(chunk)
                self.assertLessEqual(got, 6 * MIB)

    def test_check_ends_it_within_a_second_and_all_that_belongs_to_it(self):
        class Cancelled(Exception):
            pass

        for _, url, connections in self.each(20 * MIB, stall_at=5 * MIB):
            until = time.monotonic() + 0.3

            def check(until: float = until) -> None:
                if time.monotonic() > until:
                    raise Cancelled

            with self.assertRaises(Cancelled):
                self.read(url, connections=connections, check=check,
                          transport=Transport())
            self.assertLess(time.monotonic() - until, 1)
            self.assertNotIn('glance-ext-download', {
                thread.name for thread in threading.enumerate()})

    def test_memory_is_bounded_by_the_parts_in_flight(self):
        path = '/image'
        url = self.server.serve(path, 40 * MIB)
        chunks = self.download(url, connections=3).chunks()
        read = len(next(chunks))
        time.sleep(0.5)
        held = self.server.sent(path) - read
        self.assertLessEqual(held, (3 + 2) * http_parts.PART + MIB)
        chunks.close()


class TestSecrets(DownloadCase):

    def test_no_message_holds_a_path_or_a_query_or_a_word_of_the_server(self):
        for behaviour in ({'status': 404}, {'status': 503},
                          {'status': 302, 'location': '/secret?secret'},
                          {'status': 302, 'location': 'http://secret/'},
                          {'ranges': False, 'truncate_at': 0}):
            url = self.server.serve('/secret', 9 * MIB, **behaviour)
            self.failures.clear()
            with self.assertRaises(errors.ActionError) as caught:
                self.read(f'{url}?secret=secret')
            for cause in (caught.exception, *self.failures):
                self.assertNotIn('secret', cause.message)


class TestSchedules(DownloadCase):

    @settings(max_examples=25, deadline=None)
    @given(size=strategies.integers(0, 90_000),
           cut=strategies.integers(500, 40_000),
           connections=strategies.integers(1, 5),
           offset=strategies.integers(0, 90_000),
           part=strategies.integers(1000, 30_000),
           reset=strategies.integers(0, 90_000))
    def test_any_cuts_give_exactly_the_bytes(
            self, size, cut, connections, offset, part, reset):
        data = Pattern(size)
        url = self.server.serve('/image', size, cut_every=cut, reset_at=reset,
                                times=200)
        offset = min(offset, size)
        kept, http_parts.PART = http_parts.PART, part
        try:
            found = b''.join(self.download(
                url, connections=connections, retry=lambda cause: None
            ).chunks(offset))
        finally:
            http_parts.PART = kept
        self.assertEqual(data[offset:size], found)
