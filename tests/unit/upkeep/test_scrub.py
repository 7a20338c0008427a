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
"""Copies are read back, the oldest first, and repaired if that is wanted."""

from unittest import mock

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from glance_ext.upkeep import scrub
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE
from tests.unit.upkeep import sweeping

SIZE = len(DATA)
BAD = DATA[:-1] + b'!'
WHERE = {'first': SIZE - 1, 'last': SIZE - 1}


class Case(sweeping.SweepCase):
    def have(self, *faults, slow=DATA, status='active', **image):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=False))
        self.add_stored(status, **image)
        self.first = self.add_copy('fast')
        self.second = self.add_copy('slow', slow)

    def new(self, **options):
        return scrub.Scrub(tell=self.told.append, stopped=self.stopped,
                           **options)

    def scrub(self, complete=True, **options):
        """Return what was found, in numbers."""
        one = self.new(**options)
        self.assertIs(complete, one.run())
        self.is_bad = one.is_bad
        return one.summary()

    def line(self, verdict, **more):
        return {'image_id': IMAGE, 'verdict': verdict, **more}

    def numbers(self, **counts):
        return {'images': 1, 'bytes': 2 * SIZE, 'repaired': 0, **counts}


class ScrubTest(Case):
    def test_good_copies_are_counted_and_noted(self):
        self.have()
        self.assertEqual(self.numbers(good=2), self.scrub())
        self.assertEqual(([], False), (self.told, self.is_bad))
        self.assertNotEqual('', copies.verified_at(IMAGE))
        self.assertEqual({'images': 0, 'bytes': 0, 'repaired': 0},
                         self.scrub(max_age=3600))

    def test_a_bad_copy_is_told_of_and_read_again_the_next_time(self):
        self.have(slow=BAD)
        for _ in range(2):
            self.told.clear()
            self.assertEqual(self.numbers(good=1, corrupt=1),
                             self.scrub(max_age=3600))
            self.assertEqual([self.line('corrupt', store='slow', bytes=SIZE,
                                        range=WHERE)], self.told)
            self.assertTrue(self.is_bad)

    def test_only_copies_in_some_stores(self):
        self.have(slow=BAD)
        self.assertEqual(self.numbers(bytes=SIZE, good=1),
                         self.scrub(stores=frozenset({'fast'})))

    def test_an_image_without_a_hash_needs_two_copies(self):
        self.have(os_hash_value=None, checksum=None, os_hash_algo=None)
        self.assertEqual(self.numbers(good=2), self.scrub())
        database.transaction(
            lambda connection: copies.remove(connection, [self.second]))
        self.assertEqual(
            {'images': 1, 'bytes': 0, 'repaired': 0, 'without-hash': 1},
            self.scrub())
        self.assertEqual(([self.line('without-hash')], False),
                         (self.told, self.is_bad))

    def test_a_hash_that_cannot_be_calculated_here(self):
        self.have(os_hash_algo='tiger')
        self.assertEqual(self.numbers(bytes=0, unverifiable=1), self.scrub())
        self.assertEqual([self.line(
            'unverifiable', message="The image's hash is of the algorithm "
            "'tiger', which this host does not have")], self.told)
        self.assertTrue(self.is_bad)

    def test_what_changed_since_it_was_listed_is_passed_over(self):
        self.have()
        for changed in None, images.read(IMAGE)._replace(status='queued'):
            with mock.patch.object(images, 'read',
                                   lambda _, changed=changed: changed):
                self.assertEqual({'images': 0, 'bytes': 0, 'repaired': 0},
                                 self.scrub())

    def test_what_would_be_read(self):
        self.have()
        plan = self.new()
        plan.plan()
        self.assertEqual(self.numbers(**{'would-verify': 1}),
                         plan.summary())
        self.assertEqual(([self.line('would-verify', bytes=2 * SIZE,
                                     verified_at=None)], False),
                         (self.told, plan.is_bad))


class RepairTest(Case):
    def test_a_bad_copy_is_written_anew(self):
        self.have(slow=BAD)
        self.assertEqual(self.numbers(good=2, repaired=1),
                         self.scrub(repair=True))
        self.assertEqual([self.line('good', store='slow', bytes=SIZE,
                                    found='corrupt', range=WHERE)],
                         self.told)
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertFalse(self.is_bad)

    def test_why_one_was_not(self):
        self.have(*[Fault('clean', 'raise')], slow=None)
        self.assertEqual(self.numbers(bytes=SIZE, good=1, missing=1),
                         self.scrub(repair=True))
        self.assertEqual([self.line(
            'missing', store='slow', bytes=0,
            not_repaired="store 'slow' failed: OSError")], self.told)

    def test_one_that_somebody_works_on_is_only_told_of(self):
        self.have(slow=None)
        locks.take(IMAGE, ACTION)
        self.assertEqual(self.numbers(bytes=SIZE, busy=1, good=1, missing=1),
                         self.scrub(repair=True))
        self.assertEqual([self.line('busy'), self.line(
            'missing', store='slow', bytes=0)], self.told)

    def test_one_that_was_deleted_meanwhile_is_only_told_of(self):
        self.have(slow=None)
        with mock.patch.object(images, 'seen_by', lambda *_: None):
            self.assertEqual(
                self.numbers(bytes=SIZE, busy=1, good=1, missing=1),
                self.scrub(repair=True))


class StopTest(Case):
    def test_no_image_is_begun_after_the_time_or_a_stop(self):
        self.have()
        self.assertEqual({'images': 0, 'bytes': 0, 'repaired': 0},
                         self.scrub(complete=False, max_duration=0))
        self.stopped.set()
        one = self.new()
        self.assertFalse(one.run())
        self.assertEqual('', one.next)

    def test_a_stop_in_the_middle_of_an_image(self):
        self.have()
        self.stopped = mock.Mock(**{'is_set.side_effect': [False, True]})
        self.assertEqual(
            {'images': 1, 'bytes': 0, 'repaired': 0},
            self.scrub(complete=False))
        self.assertEqual('', copies.verified_at(IMAGE))

    def test_a_stop_while_a_copy_is_awaited(self):
        self.have(*[Fault('get', 'raise')] * 2)
        for stops in True, False:
            self.stopped = mock.Mock(**{'is_set.return_value': False,
                                        'wait.return_value': stops})
            self.scrub(complete=not stops)
            self.stopped.wait.assert_called_once_with(1)
