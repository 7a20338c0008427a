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
"""How faults are told, counted, and take hold of a reader."""

import tempfile
import unittest

from tests.harness import faults
from tests.harness import faulty

HERE = ('fast', 'image')
DATA = bytes(range(200))


class Pieces:
    """What a driver gives: an iterable that can be closed."""

    closed = False

    def __iter__(self):
        yield from (DATA[:64], DATA[64:128], DATA[128:])

    def close(self):
        self.closed = True


class FaultsCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.test = faults.Faults(directory.name)
        self.server = faults.Faults(directory.name)


class ToldTest(FaultsCase):
    def test_added_and_cleared(self):
        first = self.test.add('cut', at=3)
        second = self.test.add('raise', 'delete', store='fast')
        told = self.server.read()
        self.assertEqual(['cut', 'raise'], [fault.kind for fault in told])
        self.test.clear(first)
        self.assertEqual([second], [fault.id for fault in self.server.read()])
        self.test.clear()
        self.assertEqual([], self.server.read())

    def test_times_hold_over_all_processes(self):
        fault = self.test.add('cut', times=2)
        others = [self.server, faults.Faults(self.server.directory)]
        claims = [other.claim(other.read()[0]) for other in others * 2]
        self.assertEqual([True, True, False, False], claims)
        self.assertEqual(2, self.test.fired(fault))

    def test_unknown_kind(self):
        with self.assertRaises(ValueError):
            self.test.add('in_use')

    def test_what_it_is_about(self):
        for store, image, here, expected in (
            (None, None, HERE, True),
            ('fast', None, HERE, True),
            ('slow', None, HERE, False),
            (None, 'image', HERE, True),
            (None, 'another', HERE, False),
            (None, None, (None, 'image'), True),
            (None, None, ('os_glance_staging_store', 'image'), False),
        ):
            with self.subTest(store=store, image=image, here=here):
                fault = faults.Fault('1', 'cut', store=store, image=image)
                self.assertEqual(expected, fault.meets('get', *here))
                self.assertFalse(fault.meets('delete', *here))


class ReaderTest(FaultsCase):
    def read(self, position=0):
        pieces = Pieces()
        reader = faulty.Reader(
            pieces, self.server, HERE, position, position + len(DATA)
        )
        found = b''.join(reader)
        self.assertTrue(pieces.closed)
        return found

    def test_nothing_told(self):
        self.assertEqual(DATA, self.read())

    def test_corrupt_over_two_pieces(self):
        self.test.add('corrupt', at=62, length=4)
        middle = bytes(byte ^ 0xFF for byte in DATA[62:66])
        self.assertEqual(DATA[:62] + middle + DATA[66:], self.read())

    def test_at_is_counted_from_the_beginning_of_the_object(self):
        self.test.add('cut', at=1000)
        self.assertEqual(DATA[:100], self.read(position=900))

    def test_two_faults_in_the_order_of_the_bytes(self):
        self.test.add('zeros', at=150)
        self.test.add('corrupt', at=10)
        flipped = bytes([DATA[10] ^ 0xFF])
        expected = DATA[:10] + flipped + DATA[11:150] + bytes(50)
        self.assertEqual(expected, self.read())
