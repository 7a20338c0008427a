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
"""Whatever a server answers, a download ends soon, in plain words."""

from concurrent import futures
import contextlib
import unittest

from glance_ext import errors
from glance_ext.transfer import http_answer
from glance_ext.transfer import http_put
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from glance_ext.transfer.wire import Transport
from tests.harness.backends import hostile
from tests.harness.backends import hostile_rows

RULES = Rules(allowed_hosts=['127.0.0.1'])
#: What the buffers of both ends may hold, beside what is allowed.
BUFFERS = 8 << 20


class HostileServersTest(unittest.TestCase):

    def serve(self, row: hostile_rows.Row) -> hostile.Server:
        return self.enterContext(hostile.Server(row))

    def download(self, url: str, connections: int = 1, patience: float = 20,
                 timeout: float = 60) -> tuple[str, bytes]:
        """Return the code of the error, and what was read."""
        failures: list[errors.RemoteUnavailable] = []

        def retry(cause: errors.RemoteUnavailable) -> None:
            failures.append(cause)
            if len(failures) > 1:
                raise cause
        data = b''
        try:
            with Download(url, RULES, timeout=timeout, limit=16 << 20,
                          transport=Transport(patience=patience),
                          connections=connections, retry=retry) as download:
                for chunk in download.chunks():
                    data += chunk
        except errors.ActionError as exc:
            self.assertNotRegex(exc.message, '[^ -~]')
            self.assertLess(len(exc.message), 200)
            return exc.code, data
        return '', data

    def check(self, server: hostile.Server, row: hostile_rows.Row,
              **how: float) -> None:
        """Download what a row serves, and then what is good."""
        server.row, server.sent = row, 0
        code, data = self.download(f'{server.url}/row', **how)
        self.assertEqual(row.code, code)
        if not code:
            self.assertEqual(row.data, data)
        if code != 'source_too_large':
            self.assertLess(server.sent, BUFFERS)
        self.assertEqual(('', hostile_rows.DATA),
                         self.download(f'{server.url}/good'))

    def test_each_download_ends_as_documented_and_the_next_one_is_good(self):
        server = self.serve(hostile.GOOD)
        for row in hostile_rows.ROWS:
            for connections in (1, 2):
                with self.subTest(row.name, connections=connections):
                    self.check(server, row, connections=connections)

    def test_targets_may_send_no_more_than_sources(self):
        server = self.serve(hostile.GOOD)
        for row in hostile_rows.ROWS:
            if row.code == 'remote_refused' and row.name.endswith('end'):
                server.row, server.sent = row, 0
                # Nothing behind the headers is read: that is no failure.
                with self.subTest(row.name), contextlib.suppress(
                        errors.RemoteRefused):
                    http_put.put(f'{server.url}/row', RULES, [b'data'], 4)
                self.assertLess(server.sent, BUFFERS)

    def test_slow_servers_are_not_waited_for(self):
        rows = hostile_rows.SLOW_ROWS
        with futures.ThreadPoolExecutor(len(rows)) as pool:
            ends = [pool.submit(self.check, self.serve(row), row,
                                patience=0.2, timeout=0.5) for row in rows]
        for row, end in zip(rows, ends, strict=True):
            with self.subTest(row.name):
                end.result()


class OverheadTest(unittest.TestCase):

    def test_overhead_grows_with_the_data(self):
        for name, lines in (('bytes', [http_answer.FREE, 1 << 20]),
                            ('lines', [0] * (10_000 + (100 << 20) // 256))):
            overhead = http_answer.Overhead('the server X')
            overhead.add_data(100 << 20)
            for line in lines:
                overhead.add_line(line)
            with self.subTest(name), self.assertRaisesRegex(
                    errors.RemoteRefused,
                    'the server X sent [0-9]+ bytes in [0-9]+ lines beside '
                    '104857600 bytes of data'):
                overhead.add_line(1)

    def test_small_chunks_are_no_flood(self):
        data = bytes(1024) * 20_000
        row = hostile_rows.Row('', hostile_rows.chunks(
            (b'400\r\n' + bytes(1024) + b'\r\n') * 20_000,
            hostile_rows.LAST), '')
        with hostile.Server(row) as server, Download(
                f'{server.url}/row', RULES) as download:
            self.assertEqual(data, b''.join(download.chunks()))

    def test_all_connections_of_a_download_count_together(self):
        row = hostile_rows.Row('big headers', hostile_rows.bare(
            hostile_rows.head(*['X-A: ' + 'a' * 60_000] * 5,
                              status='HTTP/1.1 503 Busy')), '')
        with hostile.Server(row) as server, Download(
                f'{server.url}/row', RULES, retry=lambda cause: None
                ) as download, self.assertRaises(errors.RemoteRefused):
            b''.join(download.chunks())
        self.assertLess(server.sent, 2 << 20)
