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
"""Sending a file to where a URI says."""

import socket
from typing import Any
import unittest

from glance_ext import errors
from glance_ext.transfer import http_put
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from tests.harness.backends import http_raw

RULES = Rules(allowed_hosts=['127.0.0.1'])


class TestPut(unittest.TestCase):

    def put(self, reply: bytes, chunks: list[bytes], size: int,
            **more: Any) -> http_put.Stored:
        self.body = None

        def answer(headers: dict[str, str], body: bytes) -> bytes:
            self.body = body
            return reply

        self.server = self.enterContext(http_raw.Server(answer))
        return http_put.put(self.server.url + '/x', RULES, chunks, size,
                            **more)

    def test_everything_arrives_and_digests_come_back(self):
        stored = self.put(http_raw.answer(
            201, etag='"tag"', x_amz_checksum_sha256='abc=', server='secret'),
            [b'1' * 700_000, b'', b'2' * 300_000], 1_000_000)
        self.assertEqual(b'1' * 700_000 + b'2' * 300_000, self.body)
        self.assertEqual(201, stored.status)
        self.assertEqual({'etag': '"tag"', 'x-amz-checksum-sha256': 'abc='},
                         stored.headers)
        self.assertEqual('application/octet-stream',
                         self.server.requests[0]['content-type'])

    def test_no_redirect_is_followed(self):
        with self.assertRaises(errors.RemoteRefused) as caught:
            self.put(http_raw.answer(307, location='/secret'), [b'data'], 4)
        self.assertNotIn('secret', caught.exception.message)
        self.assertEqual(1, len(self.server.requests))

    def test_answers_are_sorted_into_final_ones_and_others(self):
        for status, cause in ((403, errors.RemoteRefused),
                              (507, errors.RemoteUnavailable),
                              (429, errors.RemoteUnavailable)):
            with self.subTest(status), self.assertRaises(cause):
                self.put(http_raw.answer(status), [b'data'], 4)

    def test_another_number_of_bytes_is_not_sent_as_if_it_were_right(self):
        for chunks in ([b'dat'], [b'dat', b'aa']):
            with self.assertRaises(errors.ShortRead):
                self.put(http_raw.answer(200), chunks, 4)
            self.assertNotEqual(4, len(self.body or b''))

    def test_a_target_that_takes_nothing_is_too_slow(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with self.assertRaises(errors.RemoteTimeout) as caught:
                http_put.put(
                    f'http://127.0.0.1:{server.getsockname()[1]}/x', RULES,
                    [b'x' * (1 << 20)] * 32, 32 << 20,
                    transport=wire.Transport(patience=0.3))
        self.assertRegex(
            caught.exception.message,
            r'^the server 127.0.0.1 is too slow: \d+ bytes in \d+ seconds of '
            r'waiting for it, where at least 65536 were expected$')

    def test_the_kernel_holds_no_more_than_what_has_to_pass(self):
        """Else a target above the slowest rate would look stalled."""
        with socket.create_server(('127.0.0.1', 0)) as server:
            made = wire._open(['127.0.0.1'], server.getsockname()[1],
                              wire.Transport(), lambda: None)
            with made:
                self.assertEqual(wire._QUANTUM, made.getsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))

    def test_rules_hold(self):
        with self.assertRaises(errors.DestinationRefused):
            http_put.put('http://127.0.0.2/', RULES, [], 0)
