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
"""What a transaction leaves in the stores."""

import contextlib
import time
import unittest
from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.stores import writing
from glance_ext.transfer import feed
from glance_ext.transfer import pump
from tests.conformance import cases
from tests.unit.stores import schedules

Fault = fixture.Fault
DATA = cases.data(200_000)
FOREIGN = b'what somebody else has written'
IMAGE = 'image'


class WritingCase(unittest.TestCase):

    def tearDown(self):
        schedules.wait_for(lambda: not schedules.living())

    def hold(self, **stores):
        """Set up stores with these plans; return them."""
        self.stores = {
            name: each if isinstance(each, fixture.Store)
            else fixture.Store(each, chunk_size=1000)
            for name, each in stores.items()}
        self.enterContext(fixture.stores(self.stores))
        for each in self.stores.values():
            self.addCleanup(each.plan.release)
        return self.stores.values()

    def write(self, transaction, stores=None, size=len(DATA),
              stall_timeout=10, chunks=None, **options):
        outcome, _found = cases.write(
            transaction, chunks or cases.cut(DATA),
            stores or list(self.stores), size, stall_timeout=stall_timeout,
            **options)
        return outcome

    def transaction(self):
        return writing.Transaction(IMAGE, None, fixture.Owner())


class TestOutcome(WritingCase):

    def test_one_that_fails_fails_alone(self):
        a, b, c = self.hold(a=[Fault('add', 'raise', 90_000)], b=[],
                            c=[Fault('add', 'raise',
                                     error=exceptions.StorageFull)])
        with self.transaction() as transaction:
            outcome = self.write(transaction)
            transaction.commit('b')
        self.assertEqual(
            [errors.StoreError, writing.Written, errors.StoreFull],
            [type(outcome[name]) for name in 'abc'])
        self.assertEqual([{}, {IMAGE: DATA}, {}],
                         [a.objects, b.objects, c.objects])
        self.assertEqual({'store': 'b'}, outcome['b'].metadata)
        self.assertNotIn('password', repr(outcome['b']))

    def test_store_that_says_less_or_holds_less_has_no_copy(self):
        for kind in ('cut', 'lose'):
            for at in (0, 1000, 150_000, len(DATA) - 1):
                for size in (len(DATA), None):
                    store, = self.hold(a=[Fault('add', kind, at)])
                    with self.transaction() as transaction:
                        found = self.write(transaction, size=size)['a']
                        self.assertIsInstance(found, errors.ShortRead)
                        self.assertEqual({}, store.objects)
                    self.doCleanups()

    def test_store_that_says_that_it_got_other_data_has_no_copy(self):
        store, = self.hold(a=fixture.Store([Fault('add', 'corrupt', 5)],
                                           honest=True))
        with self.transaction() as transaction:
            found = self.write(transaction)['a']
        self.assertIsInstance(found, errors.HashMismatch)
        self.assertEqual({}, store.objects)

    def test_unknown_store_and_one_that_only_reads(self):
        readonly, good = self.hold(readonly=[], good=[])
        readonly.glance_ext_traits = traits.Traits(read_only=True)
        with self.transaction() as transaction:
            outcome = self.write(transaction, ['readonly', 'none', 'good'])
            self.assertEqual(['good'], transaction.left)
        self.assertEqual(
            ["store 'readonly' cannot be written to",
             "store 'none' is not available on this host"],
            [outcome[name].message for name in ('readonly', 'none')])
        self.assertIsInstance(outcome['good'], writing.Written)
        self.assertEqual(0, readonly.plan.calls['add'])

    def test_what_nobody_foresaw_is_an_internal_error(self):
        store, = self.hold(a=[Fault('add', 'raise', 10, SystemExit)])
        with (self.transaction() as transaction,
              self.assertLogs('glance_ext', 'ERROR')):
            found = self.write(transaction)['a']
        self.assertEqual("store 'a': unexpected SystemExit", found.message)
        self.assertEqual('internal_error', found.code)
        self.assertEqual({}, store.objects)

    def test_driver_that_leaves_bytes_unread_is_not_waited_for(self):
        began = time.monotonic()
        with mock.patch.object(feed, 'LIMIT', 10_000):
            lazy, good = self.hold(lazy=[Fault('add', 'cut', 1000)], good=[])
            with self.transaction() as transaction:
                outcome = self.write(transaction, stall_timeout=60)
        self.assertIsInstance(outcome['lazy'], errors.ShortRead)
        self.assertIsInstance(outcome['good'], writing.Written)
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual({}, lazy.objects | good.objects)

    def test_single_store(self):
        store = fixture.Store(scheme='file')
        with fixture.single_store(store):
            with self.transaction() as transaction:
                outcome = self.write(transaction, [''])
                transaction.commit('')
            self.assertEqual({}, outcome[''].metadata)
        self.assertEqual({IMAGE: DATA}, store.objects)


class TestRollback(WritingCase):

    def test_what_is_not_committed_is_gone_whatever_ended_it(self):
        a, b = self.hold(a=[], b=[])
        with contextlib.suppress(ZeroDivisionError):
            with self.transaction() as transaction:
                self.write(transaction)
                transaction.commit('a')
                raise ZeroDivisionError
        self.assertEqual([{IMAGE: DATA}, {}], [a.objects, b.objects])
        self.assertEqual([], transaction.left)

    def test_discarded_before_the_end(self):
        store, = self.hold(a=[])
        with self.transaction() as transaction:
            self.write(transaction)
            self.assertEqual(['a'], transaction.left)
            self.assertTrue(transaction.discard('a'))
            self.assertEqual([{}, []], [store.objects, transaction.left])
            self.assertTrue(transaction.discard('a'))

    def test_where_nothing_was_written_nobody_is_asked(self):
        self.hold(a=[])
        with (self.transaction() as transaction,
              mock.patch.object(writing.clearing, 'in_turn',
                                side_effect=errors.StoreStalled('silent'))):
            self.assertTrue(transaction.discard('a'))

    def test_what_cannot_be_deleted_is_named_and_tried_again(self):
        store, = self.hold(a=[Fault('delete', 'raise')] * 2)
        with self.assertLogs('glance_ext', 'ERROR') as logged:
            with self.transaction() as transaction:
                self.write(transaction)
                self.assertFalse(transaction.discard('a'))
        self.assertEqual(2, len(logged.output))
        self.assertNotIn('password', str(logged.output))
        self.assertEqual(['a'], transaction.left)
        self.assertTrue(transaction.discard('a'))
        self.assertEqual([{}, []], [store.objects, transaction.left])

    def test_copy_that_is_gone_already_is_deleted(self):
        store, = self.hold(a=[])
        with self.transaction() as transaction:
            self.write(transaction)
            store.objects.clear()
        self.assertEqual([], transaction.left)

    def test_partial_object_of_an_untidy_driver_is_cleaned(self):
        store, = self.hold(a=fixture.Store(
            [Fault('add', 'raise', 5)], tidy=False))
        with self.transaction() as transaction:
            self.write(transaction)
            self.assertEqual([{}, []], [store.objects, transaction.left])
        self.assertEqual(1, store.plan.calls['clean'])

    def test_source_that_breaks_leaves_nothing_and_is_closed(self):
        closed = []

        def chunks():
            try:
                yield from cases.cut(DATA, 150_000)
            finally:
                closed.append(1)
        a, b = self.hold(a=[], b=fixture.Store(tidy=False))
        with self.transaction() as transaction:
            with self.assertRaises(cases.Broken):
                self.write(transaction, chunks=chunks())
            self.assertEqual([{}, {}, []], [
                a.objects, b.objects, transaction.left])
        self.assertEqual([1], closed)

    def test_source_is_closed_when_every_store_has_failed(self):
        closed = []

        def chunks():
            try:
                while True:
                    yield bytes(1000)
            finally:
                closed.append(1)
        self.hold(a=[Fault('add', 'raise', 5000)])
        source = chunks()
        with self.transaction() as transaction:
            found = self.write(transaction, size=None, chunks=source)['a']
        self.assertIsInstance(found, errors.StoreError)
        self.assertEqual([1], closed)

    def test_thread_that_does_not_start_leaves_no_other_waiting(self):
        a, b = self.hold(a=[], b=[])
        start, started = pump.Sink.start, []

        def fail(sink, changed):
            if started:
                raise RuntimeError("can't start new thread")
            started.append(sink)
            start(sink, changed)
        with (mock.patch.object(pump.Sink, 'start', fail),
              self.transaction() as transaction):
            with self.assertRaises(RuntimeError):
                self.write(transaction)
        self.assertFalse(started[0].is_working())
        self.assertEqual({}, a.objects | b.objects)


class TestFinished(WritingCase):

    def test_is_told_what_the_transaction_returns(self):
        told = {}
        a, b = self.hold(a=[], b=[Fault('add', 'raise', 90_000)])
        with self.transaction() as transaction:
            outcome = self.write(
                transaction,
                finished=lambda store, each, found: told.update(
                    {store: (each, found)}))
        self.assertEqual(outcome, {name: each for name, (each, _)
                                   in told.items()})
        self.assertEqual({'md5', 'sha256'}, told['a'][1].keys())

    def test_what_it_has_committed_stays_whatever_it_raises_then(self):
        def finished(store, each, found):
            schedules.wait_for(lambda: b.plan.stalled)
            transaction.commit(store)
            raise ZeroDivisionError
        a, b = self.hold(a=[], b=[Fault('get_size', 'stall')])
        with self.assertRaises(ZeroDivisionError):
            with self.transaction() as transaction:
                with mock.patch.dict(pump.pump.__kwdefaults__, grace=0.1):
                    self.write(transaction, finished=finished,
                               stall_timeout=0.5)
        self.assertEqual(['b'], transaction.left)
        b.plan.release()
        self.tearDown()
        self.assertEqual([{IMAGE: DATA}, {}], [a.objects, b.objects])

    def test_may_discard_at_once(self):
        a, b = self.hold(a=[], b=[])
        with self.transaction() as transaction:
            self.write(transaction, finished=lambda store, each, found: (
                transaction.discard(store)))
            self.assertEqual([{}, {}, []],
                             [a.objects, b.objects, transaction.left])


class TestWitness(WritingCase):
    """What reads all that is written, and has a say in it."""

    def watch(self, witness):
        told = []
        with self.transaction() as transaction:
            self.write(transaction, witness=witness, finished=(
                lambda store, each, found: told.append(store)))
            for store in transaction.left:
                transaction.commit(store)
        return told

    def test_no_store_is_told_of_before_it_has_returned(self):
        seen = []
        self.hold(a=[], b=[])

        def witness(feed):
            while chunk := feed.read(50_000):
                seen.append(chunk)

        self.assertEqual({'a', 'b'}, set(self.watch(witness)))
        self.assertEqual(DATA, b''.join(seen))

    def test_what_it_raises_fails_the_transfer(self):
        a, b = self.hold(a=[], b=[])

        def witness(feed):
            while feed.read(50_000):
                pass
            raise errors.InvalidImageData('It looks wrong')

        with self.assertRaises(errors.InvalidImageData):
            self.watch(witness)
        self.assertEqual([{}, {}], [a.objects, b.objects])

    def test_it_goes_on_as_long_as_one_store_is_left(self):
        self.hold(a=[Fault('add', 'raise', 10)], b=[])
        total = []

        def witness(feed):
            while chunk := feed.read(50_000):
                total.append(len(chunk))

        self.assertEqual({'a', 'b'}, set(self.watch(witness)))
        self.assertEqual(len(DATA), sum(total))

    def test_it_ends_with_the_last_store(self):
        self.hold(a=[Fault('add', 'raise', 10)],
                  b=[Fault('add', 'raise', 1000)])
        self.assertEqual({'a', 'b'}, set(self.watch(
            lambda feed: feed.read(10 * len(DATA)))))


class TestForeign(WritingCase):
    """What lies under the image's id and is not ours stays there."""

    def check(self, store, kind):
        store, = self.hold(a=store)
        store.objects[IMAGE] = bytearray(FOREIGN)
        with self.transaction() as transaction:
            found = self.write(transaction)['a']
            self.assertIsInstance(found, kind)
        store.plan.release()
        self.tearDown()
        self.assertEqual({IMAGE: FOREIGN}, store.objects)
        self.assertEqual([], transaction.left)

    def test_where_the_driver_refuses_it(self):
        self.check(fixture.Store(), errors.StoreOccupied)

    def test_where_the_driver_fails_before_it_would_have_looked(self):
        for kind in ('raise', 'stall'):
            for at in (None, 0):
                self.check(fixture.Store([Fault('add', kind, at)],
                                         tidy=False), errors.StoreOccupied)
                self.doCleanups()

    def test_where_it_comes_between_looking_and_writing(self):
        store, = self.hold(a=fixture.Store(tidy=False))
        habits = traits.of(store)

        def occupied(*args):
            store.objects[IMAGE] = bytearray(FOREIGN)
            return False
        store.glance_ext_traits = traits.Traits(
            occupied=occupied, leftovers=habits.leftovers)
        with self.transaction() as transaction:
            found = self.write(transaction)['a']
        self.assertIsInstance(found, errors.StoreOccupied)
        self.assertEqual({IMAGE: FOREIGN}, store.objects)
