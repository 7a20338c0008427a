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
"""Digests beside a reader."""

import hashlib
import threading
import unittest

from hypothesis import given
from hypothesis import strategies

from glance_ext.transfer import ahead
from glance_ext.transfer import digests

ALGORITHMS = ('md5', 'sha512', 'sha256', 'blake2b', 'sha3_512')


def threads():
    return [thread for thread in threading.enumerate()
            if thread.name == 'glance-ext-digest']


def expected(data):
    return {name: hashlib.new(name, data).hexdigest() for name in ALGORITHMS}


class TestDigests(unittest.TestCase):

    @given(data=strategies.binary(max_size=3000),
           cuts=strategies.lists(strategies.integers(0, 3000)),
           count=strategies.integers(0, 8))
    def test_are_of_the_bytes_however_they_are_cut(self, data, cuts, count):
        edges = sorted({0, len(data), *(min(c, len(data)) for c in cuts)})
        with digests.Digests(ALGORITHMS, count) as found:
            for start, end in zip(edges, edges[1:], strict=False):
                found.update(data[start:end])
            self.assertEqual(expected(data), found.finish())
        self.assertEqual([], threads())

    def test_of_chunks_larger_than_a_batch(self):
        block = bytes(range(256)) * (9 << 12)  # 9 MiB, as RBD's 8 and more
        for count in (0, 1, 2):
            with digests.Digests(ALGORITHMS, count) as found:
                found.update(block)
                found.update(block[:1])
                found.update(memoryview(block)[:ahead.UNIT])
                self.assertEqual(
                    expected(block + block[:1] + block[:ahead.UNIT]),
                    found.finish())

    def test_so_far_and_then_more(self):
        block = bytes(range(256)) * (9 << 12)
        for count in (0, 2):
            with digests.Digests(ALGORITHMS, count) as found:
                found.update(block)
                self.assertEqual(expected(block), found.so_far())
                found.update(b'more')
                self.assertEqual(expected(block + b'more'), found.so_far())
                self.assertEqual(expected(block + b'more'), found.finish())

    def test_algorithm_said_twice_is_one(self):
        with digests.Digests(['md5', 'md5'], 2) as found:
            found.update(b'x')
            self.assertEqual({'md5': hashlib.md5(b'x').hexdigest()},
                             found.finish())

    def test_unknown_algorithm_is_refused_before_a_thread_starts(self):
        with self.assertRaises(ValueError):
            digests.Digests(['md5', 'md6'], 2)
        self.assertEqual([], threads())

    def test_leaving_early_ends_the_threads(self):
        block = bytes(64 * 1024)
        with self.assertRaises(ZeroDivisionError):
            with digests.Digests(ALGORITHMS, 2) as found:
                for _ in range(500):
                    found.update(block)
                raise ZeroDivisionError
        self.assertEqual([], threads())

    def test_what_waits_is_bounded(self):
        """A reader that is faster than the digests does not fill memory."""
        with digests.Digests(['sha3_512'], 1) as found:
            waiting = found._workers[0].batches
            most = 0
            for _ in range(200):
                found.update(bytes(ahead.UNIT))
                most = max(most, waiting.qsize())
            self.assertLessEqual(most, digests._WAITING)
            found.finish()
