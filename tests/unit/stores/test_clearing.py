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
"""Clearing up: after a driver that hangs, and after a process that died."""

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.stores import writing
from tests.unit.stores import schedules
from tests.unit.stores.test_writing import DATA
from tests.unit.stores.test_writing import IMAGE
from tests.unit.stores.test_writing import WritingCase

Fault = fixture.Fault


def always():
    return True


class TestClear(WritingCase):
    """What a process that died has left of an image."""

    def test_is_deleted_and_nothing_there_is_as_good(self):
        store, = self.hold(a=fixture.Store(tidy=False))
        store.objects.update({IMAGE: b'partial', 'other': b'other'})
        for _ in range(2):
            clearing.clear('a', IMAGE, None, always)
            self.assertEqual({'other': b'other'}, store.objects)

    def test_fails_where_the_store_does(self):
        store, = self.hold(a=fixture.Store(
            [Fault('clean', 'raise'), Fault('clean', 'stall')], tidy=False))
        store.objects[IMAGE] = b'partial'
        for kind in (errors.StoreError, errors.StoreStalled):
            with self.assertRaises(kind) as caught:
                clearing.clear('a', IMAGE, None, always, patience=0.1)
            self.assertNotIn('password', caught.exception.message)
        self.assertIn(IMAGE, store.objects)
        store.plan.release()

    def test_fails_where_nobody_knows_what_may_be_left(self):
        self.hold(a=[])
        for store in ('a', 'none'):
            with self.assertRaises(errors.StoreError):
                clearing.clear(store, IMAGE, None, always)

    def test_store_that_only_reads_has_nothing(self):
        store, = self.hold(a=[])
        store.glance_ext_traits = traits.Traits(read_only=True)
        clearing.clear('a', IMAGE, None, always)

    def test_waits_for_who_writes_there(self):
        store, = self.hold(a=fixture.Store([Fault('add', 'stall', 5)],
                                           tidy=False))
        with self.transaction() as transaction:
            self.write(transaction, stall_timeout=0.05)
        with self.assertRaises(errors.StoreStalled):
            clearing.clear('a', IMAGE, None, always, patience=0.05)
        self.assertIn(IMAGE, store.objects)
        store.plan.release()
        clearing.clear('a', IMAGE, None, always)
        self.assertEqual({}, store.objects)


class TestHangingDriver(WritingCase):

    def hang(self, *faults, tidy=False):
        """Begin a transaction that is left by its driver; return it."""
        self.store, = self.hold(a=fixture.Store(faults, tidy=tidy))
        with self.transaction() as transaction:
            self.found = self.write(transaction, stall_timeout=0.05)['a']
        schedules.wait_for(lambda: self.store.plan.stalled)
        return transaction

    def released(self):
        self.store.plan.release()
        self.tearDown()
        return self.store.objects

    def test_clears_up_after_itself_when_it_returns(self):
        for fault in (Fault('add', 'stall'), Fault('add', 'stall', 0),
                      Fault('add', 'stall', 100_000),
                      Fault('add', 'stall', len(DATA)),
                      Fault('get_size', 'stall')):
            with self.subTest(fault):
                transaction = self.hang(fault)
                self.assertIsInstance(self.found, errors.StoreStalled)
                self.assertEqual(['a'], transaction.left)
                self.assertFalse(transaction.discard('a'))
                self.assertEqual({}, self.released())
                self.assertEqual([], transaction.left)
                self.assertTrue(transaction.discard('a'))
                self.doCleanups()

    def test_who_writes_the_same_image_again_is_refused_meanwhile(self):
        for faults in ([Fault('add', 'stall')],
                       [Fault('add', 'lose', 5), Fault('delete', 'stall', 0)],
                       [Fault('add', 'raise', 5), Fault('clean', 'stall', 0)],
                       ):
            with self.subTest(faults):
                self.hang(*faults)
                with self.transaction() as again:
                    found = self.write(again)['a']
                    self.assertIsInstance(found, errors.StoreError)
                self.assertEqual([], again.left)
                self.assertEqual({}, self.released())
                with self.transaction() as last:
                    self.write(last)
                    last.commit('a')
                self.assertEqual({IMAGE: DATA}, self.store.objects)
                self.doCleanups()

    def test_other_images_are_written_meanwhile(self):
        self.hang(Fault('add', 'stall'))
        with writing.Transaction('other', None, fixture.Owner()) as other:
            self.assertIsInstance(self.write(other)['a'], writing.Written)
            other.commit('a')
        self.assertEqual({'other': DATA}, self.released())

    def test_transaction_does_not_wait_for_a_deletion_that_hangs(self):
        self.store, = self.hold(a=[Fault('delete', 'stall')])
        with (self.assertLogs('glance_ext', 'ERROR'),
              self.transaction() as transaction):
            self.write(transaction, stall_timeout=0.05)
        self.assertEqual(['a'], transaction.left)
        self.assertEqual({}, self.released())
        self.assertEqual([], transaction.left)
