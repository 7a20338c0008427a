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
"""The hostile HTTP server does what it says, and counts it."""

import contextlib
import http.client
import threading
import time

import glance_store
from glance_store import exceptions

from tests.harness import web
from tests.harness.backends import http as hostile
from tests.harness.backends import stores
from tests.services import backend_case

DATA, MIB = backend_case.DATA, backend_case.MIB


class HttpTest(backend_case.BackendCase):
    def setUp(self):
        super().setUp()
        self.server = hostile.Server()
        self.addCleanup(self.assert_silent, self.server.url)
        self.addCleanup(self.server.stop)

    def ask(self, url, wanted=None, method='GET', timeout=30, **headers):
        """Return the answer; ``wanted`` is the Range without its unit."""
        if wanted:
            headers['Range'] = f'bytes={wanted}'
        headers = {name.replace('_', '-'): headers[name] for name in headers}
        return web.request(url, method, headers=headers, timeout=timeout)

    def partial(self, url, wanted=None):
        """Return what comes before the answer is cut off."""
        with self.assertRaises(http.client.IncompleteRead) as cut:
            self.ask(url, wanted)
        return cut.exception.partial

    def test_the_http_driver_reads_from_it(self):
        url = self.server.serve('/image', DATA)
        with stores.multi_store({'http:http': {}}):
            self.assertEqual(DATA, self.get(url, 'http'))
            self.assertEqual(
                MIB, glance_store.get_size_from_uri_and_backend(url, 'http')
            )
            with self.assertRaises(exceptions.NotFound):
                self.get(f'{self.server.url}/none', 'http')
        with stores.single_store({'http:http': {}}):
            self.assertEqual(DATA, self.get(url))

    def test_ranges(self):
        url = self.server.serve('/image', DATA)
        etag = self.ask(url, method='HEAD').headers['ETag']
        for wanted, start, stop in (
            ('0-0', 0, 1),
            ('100-199', 100, 200),
            ('1000-', 1000, MIB),
            ('-7', MIB - 7, MIB),
            (f'5-{2 * MIB}', 5, MIB),
        ):
            with self.subTest(wanted):
                answer = self.ask(url, wanted, If_Range=etag)
                self.assertEqual(206, answer.status)
                self.assertEqual(DATA[start:stop], answer.body)
                self.assertEqual(
                    f'bytes {start}-{stop - 1}/{MIB}',
                    answer.headers['Content-Range'],
                )
        beyond = self.ask(url, f'{MIB}-')
        self.assertEqual(416, beyond.status)
        self.assertEqual(f'bytes */{MIB}', beyond.headers['Content-Range'])
        other = self.ask(url, '5-9', If_Range='"other"')
        self.assertEqual((200, DATA), (other.status, other.body))
        deaf = self.server.serve('/deaf', DATA, ranges=False, etag=False)
        whole = self.ask(deaf, '5-9')
        self.assertEqual((200, DATA), (whole.status, whole.body))
        self.assertIsNone(whole.headers['ETag'])
        self.assertIsNone(whole.headers['Accept-Ranges'])

    def test_ways_to_tell_the_end(self):
        for framing, length in (
            ('length', str(MIB)),
            ('chunked', None),
            ('close', None),
        ):
            with self.subTest(framing):
                url = self.server.serve('/image', DATA, framing=framing)
                answer = self.ask(url)
                self.assertEqual(DATA, answer.body)
                self.assertEqual(length, answer.headers['Content-Length'])

    def test_statuses(self):
        for status in (302, 403, 404, 500):
            with self.subTest(status):
                url = self.server.serve(
                    '/image', DATA, status=status, location='/other', times=1
                )
                answer = self.ask(url)
                self.assertEqual((status, b''), (answer.status, answer.body))
                self.assertEqual('/other', answer.headers['Location'])
                self.assertEqual(DATA, self.ask(url).body)
        url = self.server.serve('/image', DATA, head_status=405)
        self.assertEqual(405, self.ask(url, method='HEAD').status)
        self.assertEqual(DATA, self.ask(url).body)

    def test_cut_off_at_a_byte_and_read_on_from_there(self):
        for framing in ('length', 'chunked'):
            with self.subTest(framing):
                url = self.server.serve(
                    '/image', DATA, truncate_at=300_000, framing=framing
                )
                first = self.partial(url)
                self.assertEqual(DATA[:300_000], first)
                rest = self.ask(url, f'{len(first)}-').body
                self.assertEqual(DATA, first + rest)
                self.assertEqual(first, self.partial(url))
        sent = [each.sent for each in self.server.log('/image')]
        self.assertEqual(2 * [300_000, MIB - 300_000, 300_000], sent)
        self.assertEqual(2 * (MIB + 300_000), self.server.sent('/image'))
        self.assertEqual(6, self.server.connections)
        url = self.server.serve('/empty', DATA, truncate_at=0)
        self.assertEqual(b'', self.partial(url))

    def test_cut_off_every_so_many_bytes(self):
        url = self.server.serve('/image', DATA, cut_every=400_000)
        read = self.partial(url)
        read += self.partial(url, f'{len(read)}-')
        read += self.ask(url, f'{len(read)}-').body
        self.assertEqual(DATA, read)

    def test_a_reset_comes_after_what_was_sent(self):
        url = self.server.serve('/image', DATA, reset_at=500_000, times=1)
        host = self.server.url.split('/')[2]
        with contextlib.closing(http.client.HTTPConnection(host)) as client:
            client.request('GET', '/image')
            answer = client.getresponse()
            self.assertEqual(DATA[:500_000], answer.read(500_000))
            with self.assertRaises(ConnectionResetError):
                answer.read(1)
        self.assertEqual(DATA, self.ask(url).body)

    def test_silence_until_it_is_released(self):
        for at in (0, 1000):
            url = self.server.serve('/image', DATA, stall_at=at)
            with self.subTest(at), self.assertRaises(TimeoutError):
                self.ask(url, timeout=0.3)
            timer = threading.Timer(0.3, self.server.release, ['/image'])
            timer.start()
            begun = time.monotonic()
            self.assertEqual(DATA, self.ask(url).body)
            self.assertGreater(time.monotonic() - begun, 0.25)
            timer.join()

    def test_slow(self):
        url = self.server.serve('/image', 100_000, rate=200_000)
        begun = time.monotonic()
        self.assertEqual(100_000, len(self.ask(url).body))
        self.assertGreater(time.monotonic() - begun, 0.45)

    def test_lies_about_the_length(self):
        url = self.server.serve('/image', DATA, length_off_by=10)
        self.assertEqual(DATA, self.partial(url))
        self.assertEqual(
            str(MIB + 10),
            self.ask(url, method='HEAD').headers['Content-Length'],
        )
        url = self.server.serve('/image', DATA, length_off_by=-10)
        self.assertEqual(DATA[:-10], self.ask(url).body)

    def test_another_file_between_two_ranges(self):
        other = bytes(reversed(DATA))
        url = self.server.serve('/image', DATA, becomes=other)
        first = self.ask(url, '0-9')
        self.assertEqual(DATA[:10], first.body)
        second = self.ask(url, '10-19')
        self.assertEqual(other[10:20], second.body)
        self.assertNotEqual(first.headers['ETag'], second.headers['ETag'])
        guarded = self.ask(url, '10-19', If_Range=first.headers['ETag'])
        self.assertEqual((200, other), (guarded.status, guarded.body))
        self.server.change('/image', DATA)
        self.assertEqual(DATA, self.ask(url).body)

    def test_requests_and_connections_are_counted(self):
        self.server.serve('/image', DATA)
        host = self.server.url.split('/')[2]
        with contextlib.closing(http.client.HTTPConnection(host)) as client:
            for wanted in ('bytes=0-9', 'bytes=10-29'):
                client.request('GET', '/image', headers={'Range': wanted})
                client.getresponse().read()
        found = self.server.log('/image')
        self.assertEqual([(206, 0, 10), (206, 10, 20)],
                         [(each.status, each.start, each.sent)
                          for each in found])
        self.assertEqual({1}, {each.connection for each in found})
        self.assertEqual('bytes=10-29', found[1].range)
        self.server.forget()
        self.assertEqual(404, self.ask(f'{self.server.url}/image').status)
        self.assertEqual(1, self.server.connections)
