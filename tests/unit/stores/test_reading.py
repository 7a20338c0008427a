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
"""Reading one copy."""

import unittest

from glance_store import exceptions

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import fixture
from glance_ext.stores import reading
from glance_ext.stores import traits
from tests.conformance import cases

Fault = fixture.Fault
DATA = cases.data(1000)


class TestCopy(unittest.TestCase):

    def copy(self, *faults, store='memory', **options):
        self.store = fixture.Store(faults, chunk_size=300, **options)
        self.enterContext(fixture.stores({'memory': self.store}))
        self.store.objects['x'] = bytearray(DATA)
        return reading.Copy(
            Location(1, store, self.store.url_prefix + 'x'), None)

    def test_gives_the_bytes_from_an_offset_on(self):
        copy = self.copy()
        self.assertTrue(copy.seeks)
        for offset in (0, 1, 300, 1000):
            self.assertEqual(DATA[offset:], cases.read(copy, offset))

    def test_says_where_it_cannot_seek(self):
        self.assertFalse(self.copy(seeks=False).seeks)

    def test_no_chunk_is_empty(self):
        copy = self.copy()
        self.store._read = lambda *args: iter([b'a', b'', b'b', b''])
        self.assertEqual([b'a', b'b'], list(copy.chunks()))

    def test_iterator_reads_as_much_at_once_as_its_trait_says(self):
        class Pieces:
            chunk_size = 200

            def __iter__(self):
                for start in range(0, len(DATA), self.chunk_size):
                    yield DATA[start:start + self.chunk_size]
        for sizes, found in ((None, 200), ((400, 500), 400),
                             ((1, 500), 200), ((1, 100), 100)):
            copy = self.copy()
            self.store.get = lambda *args, **kwargs: (Pieces(), len(DATA))
            self.store.glance_ext_traits = traits.Traits(read_sizes=sizes)
            self.assertEqual(found, len(next(copy.chunks())))
            self.assertEqual(DATA, cases.read(copy))
            self.doCleanups()
        copy = self.copy()
        self.store.glance_ext_traits = traits.Traits(read_sizes=(1, 2))
        self.assertEqual(DATA, cases.read(copy))

    def test_failure_at_any_byte_is_ours(self):
        copy = self.copy(*(Fault('get', 'raise', at) for at in (
            None, 0, 500, 1000)))
        for at in (None, 0, 500, 1000):
            taken = b''
            with self.assertRaises(errors.StoreError) as caught:
                for chunk in copy.chunks():
                    taken += chunk
            self.assertEqual("store 'memory' failed: OSError",
                             caught.exception.message)
            self.assertEqual(DATA[:at or 0], taken)

    def test_reader_that_stops_closes_the_drivers(self):
        copy = self.copy()
        chunks = copy.chunks()
        next(chunks)
        self.assertEqual(1, self.store.readers)
        chunks.close()
        self.assertEqual(0, self.store.readers)

    def test_driver_that_cannot_be_closed_is_none_the_worse(self):
        copy = self.copy()

        class Chunks:
            def __iter__(self):
                return iter([DATA])

            def close(self):
                raise OSError
        self.store._read = lambda *args: Chunks()
        self.assertEqual(DATA, cases.read(copy))

    def test_missing_is_only_what_the_store_says_is_missing(self):
        copy = self.copy(Fault('get_size', 'raise'),
                         Fault('get_size', 'stall'))
        self.assertFalse(copy.is_missing())
        self.assertFalse(copy.is_missing(0.05))
        self.assertFalse(copy.is_missing(10))
        self.store.plan.release()
        self.store.objects.clear()
        self.assertTrue(copy.is_missing())
        self.assertTrue(copy.is_missing(10))

    def test_store_of_no_such_name(self):
        copy = self.copy(store='other')
        for call in (copy.size, lambda: cases.read(copy)):
            with self.assertRaises(errors.StoreError) as caught:
                call()
            self.assertEqual(
                "store 'other' is not available on this host",
                caught.exception.message)
        self.assertFalse(copy.seeks)
        self.assertFalse(copy.is_missing())

    def test_size(self):
        copy = self.copy(Fault('get_size', 'nothing'),
                         Fault('get_size', 'raise',
                               error=exceptions.NotFound),
                         Fault('get_size', 'lie', 0))
        self.assertEqual(1000, copy.size())
        self.assertRaises(errors.DataMissing, copy.size)
        self.assertEqual(0, copy.size())

    def test_size_that_a_store_does_not_know(self):
        copy = self.copy(Fault('get_size', 'lie', 0))
        self.store.glance_ext_traits = traits._TRAITS['http']
        self.assertEqual([None, 1000], [copy.size(10), copy.size(10)])

    def test_size_is_not_waited_for_longer_than_said(self):
        copy = self.copy(Fault('get_size', 'stall'))
        self.assertRaises(errors.StoreStalled, copy.size, 0.05)
        self.store.plan.release()
        self.assertEqual(1000, copy.size(10))

    def test_looks_like_a_store_and_never_like_its_address(self):
        copy = self.copy()
        self.assertEqual("store 'memory'", str(copy))
        self.assertNotIn('password', f'{copy!r} {copy.location!r}')
