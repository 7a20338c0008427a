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
"""Emptying a store, and what keeps an image there."""

import types
from unittest import mock

from glance_store import exceptions
import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from glance_ext.upkeep import draining
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE
from tests.unit.upkeep import sweeping

FULL = Fault('add', 'raise', error=exceptions.StorageFull)


class Case(sweeping.SweepCase):
    def have(self, full=(), new=(), status='active', **image):
        self.install(full=fixture.Store(full, tidy=False),
                     new=fixture.Store(new, tidy=False),
                     web=fixture.Store(scheme='http'))
        self.add_stored(status, **image)
        self.first = self.add_copy('full')

    def drain(self, **options):
        drain = draining.Drain('full', 'new', tell=self.told.append,
                               stopped=self.stopped, **options)
        return drain.run()

    def states(self):
        return [row.status for row in database.read(sa.select(
            database.image_locations.c.status).order_by(
                database.image_locations.c.id))]

    def moved(self, outcome):
        self.assertEqual({'full': None, 'new': DATA, 'web': None},
                         self.held())
        self.assertEqual(['deleted', 'active'], self.states())
        self.assertEqual([{'image_id': IMAGE, 'outcome': outcome}],
                         self.told)
        self.assertEqual('image.update', self.sent.mock_calls[-1].args[0])

    def stays(self, outcome, why=None):
        self.assertFalse(self.drain())
        self.assertEqual([{'image_id': IMAGE, 'outcome': outcome} | (
            {'why': why} if why else {})], self.told)
        self.assertEqual((DATA, 'active'),
                         (self.held()['full'], self.states()[0]))


class MovedTest(Case):
    def test_an_image_without_another_copy_gets_one(self):
        self.have()
        self.assertTrue(self.drain())
        self.moved('moved')
        self.assertNotEqual('', copies.verified_at(IMAGE, ['new']))

    def test_a_good_copy_elsewhere_is_enough(self):
        self.have()
        self.add_copy('new')
        self.assertTrue(self.drain())
        self.moved('removed')
        self.assertEqual(0, self.stores['new'].plan.calls['add'])

    def test_without_a_digest_two_copies_that_are_the_same_are_good(self):
        self.have(os_hash_value=None, checksum=None)
        self.add_copy('new')
        self.assertTrue(self.drain())
        self.moved('removed')

    def test_a_store_that_cannot_be_written_has_no_copy_of_ours(self):
        self.have()
        self.add_copy('web', value=f'http://web.invalid/{IMAGE}')
        self.assertTrue(self.drain())
        self.assertEqual(DATA, self.held()['new'])
        self.assertEqual(['deleted', 'active', 'active'], self.states())

    def test_what_a_drain_that_died_had_marked_is_deleted(self):
        self.have()
        good = self.add_copy('new')
        database.transaction(lambda connection: copies.retire(
            connection, IMAGE, self.first, good))
        self.assertTrue(self.drain())
        self.moved('removed')
        self.assertEqual(0, self.stores['new'].plan.calls['get'])

    def test_data_that_is_gone_already(self):
        self.have()
        self.add_copy('new')
        del self.stores['full'].objects[IMAGE]
        self.assertTrue(self.drain())
        self.moved('removed')

    def test_a_copy_that_cannot_be_read_at_once_is_read_again(self):
        self.have(new=[Fault('get', 'raise')])
        self.add_copy('new')
        self.stopped = mock.Mock(**{'is_set.return_value': False,
                                    'wait.return_value': False})
        self.assertTrue(self.drain())
        self.moved('removed')
        self.stopped.wait.assert_called_once_with(1)


class StoppedTest(Case):
    def test_a_new_copy_in_the_place_of_the_old_one_stays(self):
        """Stopped for hours, between marking the copy and deleting it."""
        self.have()
        self.add_copy('new')
        retired = copies.retired

        def stopped(image_id, store):
            found = retired(image_id, store)
            if found and len(self.states()) == 2:
                # Another run deletes it, and somebody copies it back.
                database.transaction(lambda connection: copies.remove_retired(
                    connection, self.first))
                self.add_copy('full')
            return found
        with mock.patch.object(copies, 'retired', stopped):
            self.assertFalse(self.drain())
        self.assertEqual('busy', self.told[0]['outcome'])
        self.assertEqual(DATA, self.held()['full'])


class LeftTest(Case):
    def test_an_image_that_is_locked(self):
        self.have()
        locks.take(IMAGE, ACTION)
        self.stays('busy')

    def test_one_that_is_locked_a_moment_later(self):
        self.have()
        self.add_copy('new')
        with mock.patch.object(draining.copies, 'retire',
                               lambda *_, **named: False):
            self.stays('busy')

    def test_one_whose_other_copy_is_bad(self):
        self.have()
        self.add_copy('new', DATA[:-1] + b'!')
        self.stays('left', 'no copy elsewhere is good: new corrupt')

    def test_one_that_is_not_active(self):
        self.have(status='deactivated')
        self.stays('left', 'it has no other copy, and only an active image '
                           'is copied; it is deactivated')

    def test_one_that_does_not_fit_into_the_target(self):
        self.have(new=[FULL])
        self.stays('left', "store 'new' is full: StorageFull")
        self.assertIsNone(locks.holder(IMAGE))

    def test_one_that_was_deleted_meanwhile(self):
        self.have()
        with mock.patch.object(draining.node, 'begin',
                               side_effect=locks.ImageGone):
            self.stays('left', 'it was deleted')

    def test_one_whose_new_copy_went(self):
        self.have()

        def remove(action, stopped):
            database.transaction(lambda connection: copies.remove(
                connection, [self.recorded()['new']]))
        with mock.patch.object(draining.waiting, 'until_ended', remove):
            self.stays('left', 'the new copy is not good')

    def test_one_that_its_store_still_uses_is_recorded_again(self):
        self.have([Fault('delete', 'raise', error=exceptions.InUseByStore)])
        self.add_copy('new')
        self.stays('left',
                   "store 'full' still uses the data for something else")

    def test_one_that_may_be_deleted_or_not_is_finished_the_next_time(self):
        self.have([Fault('delete', 'raise')])
        self.add_copy('new')
        self.assertFalse(self.drain())
        self.assertEqual([{'image_id': IMAGE, 'outcome': 'left',
                           'why': "store 'full' failed: OSError"}], self.told)
        self.assertEqual(['pending_delete', 'active'], self.states())
        self.told.clear()
        self.assertTrue(self.drain())
        self.moved('removed')

    def test_one_that_is_deleted_is_passed_over(self):
        self.have()
        gone = types.SimpleNamespace(deleted=True)
        for found in None, gone:
            with mock.patch.object(images, 'read',
                                   lambda _, found=found: found):
                self.assertFalse(self.drain())
        self.assertEqual([], self.told)


class RunTest(Case):
    def test_the_plan_in_numbers(self):
        self.have()
        self.add_image(locations=('file:///a',))
        size = len(DATA)
        plan = draining.Drain('full', 'new').plan
        self.assertEqual(
            {'images': 1, 'to_copy': 1, 'bytes': size, 'bytes_to_copy': size,
             'bytes_to_read': 2 * size}, plan())
        self.add_copy('new', None)
        self.assertEqual(
            {'images': 1, 'to_copy': 0, 'bytes': size, 'bytes_to_copy': 0,
             'bytes_to_read': size}, plan())

    def test_an_empty_store_is_drained(self):
        self.install(full=fixture.Store(), new=fixture.Store())
        self.assertTrue(self.drain())

    def test_outcomes_are_counted(self):
        self.have()
        drain = draining.Drain('full', 'new')
        self.assertTrue(drain.run())
        self.assertEqual({'moved': 1}, drain.counts)

    def test_no_image_is_begun_after_the_time_or_a_stop(self):
        self.have()
        self.assertFalse(self.drain(max_duration=0))
        self.stopped.set()
        self.assertFalse(self.drain())
        self.assertEqual(([], ['active']), (self.told, self.states()))

    def test_a_stop_while_an_image_is_copied(self):
        self.have()
        with mock.patch.object(draining.waiting, 'until_ended',
                               lambda action, stopped: stopped.set()):
            self.assertFalse(self.drain())
        self.assertEqual(([], DATA), (self.told, self.held()['full']))

    def test_a_stop_while_a_copy_is_awaited(self):
        self.have(new=[Fault('get', 'raise')])
        self.add_copy('new')
        self.stopped = mock.Mock(**{'is_set.return_value': False,
                                    'wait.return_value': True})
        self.assertFalse(self.drain())
        self.assertEqual(([], ['active', 'active']),
                         (self.told, self.states()))
