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
"""Which digest is believed, and of which copy."""

import hashlib
import unittest
from unittest import mock

from oslo_config import fixture as config_fixture

from glance_ext import conf
from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import budgets
from glance_ext.stores import digesting
from glance_ext.stores import fixture
from glance_ext.stores import reading
from glance_ext.stores import traits
from glance_ext.transfer import ahead
from glance_ext.transfer.progress import Progress
from tests.conformance import cases
from tests.unit.stores import schedules

Fault = fixture.Fault
DATA = cases.data(10_000)
OTHER = cases.data(10_000, 1)
MD5 = {'md5': hashlib.md5(DATA).hexdigest()}
FOUND = MD5 | {'sha256': hashlib.sha256(DATA).hexdigest()}


class TestPass(unittest.TestCase):

    def hold(self, *contents):
        """Set up a store for each content; return the copies there."""
        stores = {}
        for index, content in enumerate(contents):
            faults, data = (content if isinstance(content, tuple)
                            else ([], content))
            store = stores[f's{index}'] = fixture.Store(
                faults, chunk_size=1000)
            store.objects['x'] = bytearray(data)
        self.enterContext(fixture.stores(stores))
        self.stores = list(stores.values())
        return [reading.Copy(Location(1, name, each.url_prefix + 'x'), None)
                for name, each in stores.items()]

    def read(self, copies, attempts=9, recorded=MD5, size=len(DATA),
             threads=2, **options):
        self.failures = []
        self.progress = Progress(size)

        def retry(cause):
            self.failures.append(type(cause))
            if len(self.failures) > attempts:
                raise cause
        copy, found = digesting.Pass(**{
            'algorithms': frozenset({'sha256'}), 'recorded': recorded,
            'size': size, 'threads': threads, 'stall_timeout': 10,
            'check': lambda: None, 'retry': retry,
            'sleep': lambda seconds: None, 'progress': self.progress,
            } | options).read(copies)
        return copies.index(copy), found

    def test_recorded_algorithms_are_added_to_the_wanted_ones(self):
        for threads in (0, 1, 2):
            with self.subTest(threads=threads):
                self.assertEqual((0, FOUND), self.read(
                    self.hold(DATA), threads=threads))
                self.doCleanups()

    def test_recorded_digits_may_be_capitals(self):
        self.assertEqual(0, self.read(
            self.hold(DATA), recorded={'md5': MD5['md5'].upper()})[0])

    def test_copy_that_contradicts_what_is_recorded_is_passed_over(self):
        self.assertEqual((1, FOUND), self.read(self.hold(OTHER, DATA)))
        self.assertEqual([], self.failures)
        self.assertEqual(len(DATA), self.progress.done)

    def test_no_copy_agrees(self):
        with self.assertRaises(errors.HashMismatch) as caught:
            self.read(self.hold(OTHER, OTHER))
        self.assertIn("The md5 of the data in store 's1'",
                      caught.exception.message)

    def test_good_copy_that_went_on_for_a_bad_one_is_read_alone(self):
        copies = self.hold(([Fault('get', 'raise', 5000)], OTHER), DATA)
        self.assertEqual((1, FOUND), self.read(copies))
        self.assertEqual([errors.StoreError], self.failures)

    def test_goes_on_at_the_byte_and_reads_nothing_twice(self):
        copies = self.hold(([Fault('get', 'raise', 6000)], DATA), DATA)
        taken = []
        with mock.patch.object(budgets, 'take',
                               lambda stores, count, sleep: taken.append(
                                   (*stores, count))):
            self.assertEqual((1, FOUND), self.read(copies))
        self.assertEqual((6000, 4000), tuple(
            sum(count for store, count in taken if store == name)
            for name in ('s0', 's1')))

    def test_where_nothing_is_recorded_copies_have_to_be_the_same(self):
        broken = ([Fault('get', 'raise', 5000)], DATA)
        self.assertEqual((1, FOUND), self.read(
            self.hold(broken, DATA), recorded={},
            algorithms=frozenset({'md5', 'sha256'})))
        self.doCleanups()
        with self.assertRaises(errors.CopiesDiffer):
            self.read(self.hold(broken, OTHER), recorded={}, attempts=1)

    def test_zeros_of_a_deleted_object_are_no_data(self):
        for recorded in (MD5, {}):
            copies = self.hold(([Fault('get', 'vanish', 9999)], DATA))
            with self.assertRaises(errors.DataMissing):
                self.read(copies, recorded=recorded)
            self.doCleanups()

    def test_another_number_of_bytes_is_not_the_image(self):
        for faults in ([Fault('get', 'cut', 9999)], [Fault('get', 'more', 1)]
                       ):
            with self.assertRaises(errors.ShortRead):
                self.read(self.hold((faults, DATA)), attempts=0)
            self.doCleanups()

    def test_size_that_nobody_recorded_is_asked_of_the_store(self):
        self.assertEqual((0, FOUND), self.read(self.hold(DATA), size=0))
        self.doCleanups()
        with self.assertRaises(errors.ShortRead):
            self.read(self.hold(([Fault('get', 'cut', 9999)], DATA)), size=0,
                      recorded={})

    def test_store_that_knows_no_size_is_believed_by_the_recorded_one(self):
        copies = self.hold(([Fault('get_size', 'lie', 0)], DATA))
        self.stores[0].glance_ext_traits = traits._TRAITS['http']
        self.assertEqual((0, FOUND), self.read(copies))

    def test_stalled_copy_is_left_for_the_next(self):
        copies = self.hold(([Fault('get', 'stall', 3000)], DATA), DATA)
        self.assertEqual((1, FOUND), self.read(copies, stall_timeout=1))
        self.assertEqual([errors.StoreStalled], self.failures)
        self.stores[0].plan.release()

    def test_store_that_does_not_tell_the_size_is_not_waited_for(self):
        copies = self.hold(([Fault('get_size', 'stall')], DATA))
        with self.assertRaises(errors.StoreStalled):
            self.read(copies, stall_timeout=0.05)
        self.stores[0].plan.release()

    def test_what_check_raises_ends_it_and_closes_the_reader(self):
        for threads in (0, 2):
            calls = []

            def check(calls=calls):
                calls.append(1)
                if len(calls) > 4:
                    raise InterruptedError
            copies = self.hold(DATA)
            with (mock.patch.object(ahead, 'UNIT', 100),
                  self.assertRaises(InterruptedError) as caught):
                self.read(copies, check=check, threads=threads)
            # Whoever still holds the exception holds no connection.
            schedules.wait_for(lambda: not self.stores[0].readers)
            self.assertEqual(5, len(calls), caught.exception)
            self.doCleanups()

    def test_budget_of_its_store_is_spent(self):
        config = config_fixture.Config()
        config.setUp()
        conf.register_opts(config.conf)
        config.config(group='glance_ext', store_bytes_per_second={'s0': 1})
        budgets.refresh()
        self.addCleanup(budgets.refresh)
        self.addCleanup(config.cleanUp)

        def sleep(seconds):
            raise InterruptedError
        with self.assertRaises(InterruptedError):
            self.read(self.hold(DATA), sleep=sleep)
