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
import pathlib
import socketserver
import tempfile
import threading
from typing import Any
import unittest

from glance_ext import errors
from glance_ext.transfer import http_answer
from glance_ext.transfer import http_put
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from glance_ext.transfer.wire import Transport
from tests.harness.backends import hostile
from tests.harness.backends import hostile_rows
from tests.harness.backends import http_tls

RULES = Rules(allowed_hosts=['127.0.0.1', 'localhost'],
              resolver=lambda host, port: ['127.0.0.1'])
#: What the buffers of both ends may hold, beside what is allowed.
BUFFERS = 8 << 20


class Case(unittest.TestCase):

    def serve(self, row: hostile_rows.Row) -> hostile.Server:
        return self.enterContext(hostile.Server(row))

    def download(self, url: str, connections: int = 1, patience: float = 20,
                 timeout: float = 60, **transport: Any) -> tuple[str, bytes]:
        """Return the code of the error, and what was read."""
        failures: list[errors.RemoteUnavailable] = []

        def retry(cause: errors.RemoteUnavailable) -> None:
            failures.append(cause)
            if len(failures) > 1:
                raise cause
        data = b''
        try:
            with Download(url, RULES, timeout=timeout, limit=16 << 20,
                          transport=Transport(patience=patience, **transport),
                          connections=connections, retry=retry) as download:
                for chunk in download.chunks():
                    data += chunk
        except errors.ActionError as exc:
            self.assertNotRegex(exc.message, '[^ -~]')
            self.assertLess(len(exc.message), 200)
            return exc.code, data
        return '', data


class HostileServersTest(Case):

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


class Greeter(socketserver.ThreadingTCPServer):
    """Answers every connection with a text, and may stay silent then."""

    def __init__(self, text: bytes, wait: bool) -> None:
        self.text, self.wait, self.over = text, wait, threading.Event()
        super().__init__(('127.0.0.1', 0), Greeting)
        self.url = f'https://localhost:{self.server_address[1]}/'
        threading.Thread(target=self.serve_forever, args=(0.05,)).start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class Greeting(socketserver.BaseRequestHandler):
    server: Greeter

    def handle(self) -> None:
        self.request.recv(1 << 16)
        self.request.sendall(self.server.text)
        if self.server.wait:
            self.server.over.wait(20)


class HostileTlsTest(Case):

    def setUp(self):
        where = self.enterContext(tempfile.TemporaryDirectory())
        self.pem = http_tls.certificate(where, 'localhost')
        self.expired = http_tls.certificate(where, 'expired', days=-1)

    def ends(self, fields: tuple[str, ...], pem: pathlib.Path | None = None,
             tickets: int = 2, **how: Any) -> tuple[str, bytes]:
        """Return how a download over TLS ends."""
        row = hostile_rows.Row('', hostile_rows.whole(*fields), '')
        url = self.serve(row).secure(pem or self.pem, tickets)
        return self.download(url, ca_file=str(pem or self.pem), **how)

    def test_end_that_tls_does_not_tell_of_may_be_a_cut(self):
        length = (hostile_rows.LENGTH,)
        self.assertEqual(('', hostile_rows.DATA), self.ends(length))
        self.assertEqual('source_changed', self.ends(())[0])

    def test_certificate_that_has_expired_is_refused(self):
        self.assertEqual(('remote_refused', b''), self.ends(
            (), pem=self.expired))

    def test_tickets_are_no_data(self):
        # There are more of them than buffers hold: the headers never come.
        code, data = self.ends((), tickets=1_000_000, patience=0.3)
        self.assertEqual(('remote_timeout', b''), (code, data))

    def test_handshake_that_is_cut_or_stalls_ends(self):
        cut, long = b'\x16\x03\x03\x00\x7a', b'\x16\x03\x03\xff\xff'
        for text, wait, code in ((b'', False, 'remote_unavailable'),
                                 (cut, False, 'remote_unavailable'),
                                 (long * 9, False, 'remote_refused'),
                                 (cut, True, 'remote_timeout')):
            with self.subTest(text, wait=wait), Greeter(text, wait) as server:
                self.assertEqual((code, b''), self.download(
                    server.url, ca_file=str(self.pem),
                    connect_timeout=0.5 if wait else 20))


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
