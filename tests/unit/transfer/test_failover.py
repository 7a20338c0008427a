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
"""One stream out of several sources."""

import hashlib
import unittest

from hypothesis import given
from hypothesis import strategies

from glance_ext import errors
from glance_ext.transfer import failover


class Source:
    """Holds ``data``; breaks at the byte ``breaks[n]`` in its n-th read."""

    def __init__(self, data, breaks=(), seeks=False, chunk=7, ends=False):
        self.data = data
        self.breaks = list(breaks)
        self.seeks = seeks
        self.chunk = chunk
        self.ends = ends
        self.reads = []

    def chunks(self, offset=0):
        self.reads.append(offset)
        end = self.breaks.pop(0) if self.breaks else None
        for at in range(offset, len(self.data), self.chunk):
            if end is not None and at + self.chunk > end:
                if self.data[at:end]:
                    yield self.data[at:end]
                if self.ends:
                    return
                raise errors.StoreError('broken')
            yield self.data[at:at + self.chunk]


class Reader:
    """Reads a stream, and proves prefixes as the hash job does."""

    def __init__(self, sources, size, attempts=4, proves=True):
        self.got = b''
        self.failures = []
        self.attempts = attempts
        self.stream = failover.Stream(
            sources, size, self.retry, self.matches if proves else None)

    def read(self):
        for chunk in self.stream:
            self.got += chunk
        return self.got

    def retry(self, cause):
        self.failures.append(cause)
        if len(self.failures) >= self.attempts:
            raise cause

    def matches(self, source, chunks):
        found = hashlib.sha256()
        for chunk in chunks:
            found.update(chunk)
        return found.digest() == hashlib.sha256(self.got).digest()


DATA = bytes(range(100))


class TestStream(unittest.TestCase):

    def test_one_good_source_is_read_once(self):
        source = Source(DATA)
        reader = Reader([source], 100)
        self.assertEqual(DATA, reader.read())
        self.assertEqual([0], source.reads)
        self.assertFalse(reader.stream.is_mixed)

    def test_goes_on_in_the_next_source_at_the_same_byte(self):
        first, second = Source(DATA, [60]), Source(DATA)
        reader = Reader([first, second], 100)
        self.assertEqual(DATA, reader.read())
        self.assertEqual(([0], [0]), (first.reads, second.reads))
        self.assertIs(second, reader.stream.source)
        self.assertTrue(reader.stream.is_mixed)

    def test_bytes_of_one_source_are_not_mixed_however_often_it_is_read(self):
        reader = Reader([Source(DATA, [60, 80])], 100)
        self.assertEqual(DATA, reader.read())
        self.assertFalse(reader.stream.is_mixed)

    def test_seeks_where_the_whole_is_compared_in_the_end(self):
        first, second = Source(DATA, [60]), Source(DATA, seeks=True)
        self.assertEqual(
            DATA, Reader([first, second], 100, proves=False).read())
        self.assertEqual([60], second.reads)

    def test_does_not_seek_where_the_copies_must_be_proven_equal(self):
        first, second = Source(DATA, [60]), Source(DATA, seeks=True)
        self.assertEqual(DATA, Reader([first, second], 100).read())
        self.assertEqual([0], second.reads)

    def test_copy_with_other_bytes_before_is_not_gone_on_with(self):
        other = bytearray(DATA)
        other[3] ^= 1
        reader = Reader([Source(DATA, [60, 60, 60]), Source(bytes(other))],
                        100)
        with self.assertRaises(errors.CopiesDiffer):
            reader.read()
        self.assertEqual(DATA[:60], reader.got)

    def test_early_end_and_late_end_are_failures(self):
        for bad, said in (
                (Source(DATA, [60], ends=True), 'gave 60 bytes of 100'),
                (Source(DATA + b'more'), 'gave more than 100 bytes'),
                (Source(DATA + bytes(28), chunk=64), 'more than 100')):
            reader = Reader([bad, Source(DATA)], 100)
            self.assertEqual(DATA, reader.read())
            self.assertIsInstance(reader.failures[0], errors.ShortRead)
            self.assertIn(said, str(reader.failures[0]))

    def test_next_copy_that_is_shorter_than_what_was_read_fails(self):
        reader = Reader([Source(DATA, [60]), Source(DATA[:10]),
                         Source(DATA)], 100)
        self.assertEqual(DATA, reader.read())
        self.assertEqual(2, len(reader.failures))

    def test_a_shorter_one_says_so_where_nothing_is_proven(self):
        reader = Reader([Source(DATA, [60]), Source(DATA[:10]),
                         Source(DATA)], 100, proves=False)
        self.assertEqual(DATA, reader.read())
        self.assertIn('gave 10 bytes of 100', str(reader.failures[1]))

    def test_gives_up_when_told_to(self):
        reader = Reader([Source(DATA, [10, 20, 30, 40])], 100, attempts=3)
        with self.assertRaises(errors.StoreError):
            reader.read()
        self.assertEqual(3, len(reader.failures))
        self.assertEqual(DATA[:30], reader.got)

    @given(size=strategies.integers(0, 300),
           known=strategies.booleans(), proves=strategies.booleans(),
           plans=strategies.lists(strategies.tuples(
               strategies.lists(strategies.integers(0, 300), max_size=3),
               strategies.booleans(), strategies.integers(1, 90)),
               min_size=1, max_size=3))
    def test_never_gives_wrong_bytes(self, size, known, proves, plans):
        data = bytes(index % 251 for index in range(size))
        sources = [Source(data, breaks, seeks, chunk)
                   for breaks, seeks, chunk in plans]
        reader = Reader(sources, size if known else None, attempts=12,
                        proves=proves)
        self.assertEqual(data, reader.read())
