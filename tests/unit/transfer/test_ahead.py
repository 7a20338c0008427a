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
"""Reading ahead."""

import hashlib
import threading
import time
import unittest

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from glance_ext import errors
from glance_ext.transfer import ahead


def nothing():
    pass


def wait_for_no_thread(case):
    until = time.monotonic() + 5
    while any(thread.name == 'glance-ext-reader'
              for thread in threading.enumerate()):
        case.assertLess(time.monotonic(), until, 'a thread is left')
        time.sleep(0.01)


class TestReadAhead(unittest.TestCase):

    def tearDown(self):
        wait_for_no_thread(self)

    @settings(max_examples=40, deadline=None)
    @given(sizes=strategies.lists(strategies.integers(1, 700_000),
                                  max_size=8))
    def test_gives_what_it_reads(self, sizes):
        chunks = [bytes([index]) * size for index, size in enumerate(sizes)]
        units = list(ahead.read_ahead(chunks, 5, nothing))
        # Not of the bytes: their difference would take minutes to print.
        self.assertEqual(*(hashlib.md5(b''.join(each)).digest()
                           for each in (chunks, units)))
        for unit in units[:-1]:
            self.assertLessEqual(ahead.UNIT, len(unit))

    def test_failure_comes_after_the_bytes_before_it(self):
        def chunks():
            yield b'one'
            yield b'two'
            raise errors.DataMissing('gone')
        found = []
        with self.assertRaises(errors.DataMissing):
            for unit in ahead.read_ahead(chunks(), 5, nothing):
                found.append(unit)
        self.assertEqual([b'onetwo'], found)

    def test_source_that_hangs_is_left(self):
        hangs = threading.Event()
        self.addCleanup(wait_for_no_thread, self)
        self.addCleanup(hangs.set)

        def chunks():
            yield b'one'
            hangs.wait()
        with self.assertRaises(errors.StoreStalled):
            list(ahead.read_ahead(chunks(), 0.3, nothing))
        hangs.set()

    def test_source_that_is_slow_and_goes_on_is_not_left(self):
        def chunks():
            for _ in range(15):
                time.sleep(0.1)
                yield b'one'
        self.assertEqual(b'one' * 15, b''.join(
            ahead.read_ahead(chunks(), 1, nothing)))

    def test_check_ends_the_wait_for_a_source_that_hangs(self):
        class Cancelled(Exception):
            pass
        hangs = threading.Event()
        began = time.monotonic()

        def check():
            if time.monotonic() - began > 0.2:
                raise Cancelled

        def chunks():
            hangs.wait()
            yield b''
        with self.assertRaises(Cancelled):
            list(ahead.read_ahead(chunks(), 100, check))
        self.assertLess(time.monotonic() - began, 2)
        hangs.set()

    def test_leaving_early_closes_the_source(self):
        closed = threading.Event()

        def chunks():
            try:
                while True:
                    yield bytes(100_000)
            finally:
                closed.set()
        reader = ahead.read_ahead(chunks(), 5, nothing)
        next(reader)
        reader.close()
        self.assertTrue(closed.wait(5))

    def test_reads_no_further_ahead_than_a_few_batches(self):
        count = 0

        def chunks():
            nonlocal count
            for _ in range(1000):
                count += 1
                yield bytes(64 * 1024)
        reader = ahead.read_ahead(chunks(), 5, nothing)
        next(reader)
        time.sleep(0.3)
        self.assertLessEqual(count, 8 * (ahead._WAITING + 2))
        reader.close()
