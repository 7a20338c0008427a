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
"""What is put back, and what is deleted, of what actions leave."""

from unittest import mock

import sqlalchemy as sa

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import tasks
from glance_ext.plugins import aftercare
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

LOG = 'glance_ext.plugins.aftercare'


class Case(stored.StoredCase):
    def have(self, *faults, tidy=False):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=tidy))
        self.add_stored()
        self.add_copy('fast')


class BringBackTest(Case):
    def bring_back(self, data=DATA, removed=True):
        self.have()
        self.key = self.add_copy('slow', data)
        if removed:
            database.transaction(
                lambda connection: copies.remove(connection, [self.key]))

    def recorded_after(self):
        aftercare.bring_back(IMAGE, {'slow': self.key})
        return self.recorded().get('slow')

    def test_a_copy_that_is_still_there_is_recorded_again(self):
        self.bring_back()
        with self.assertLogs(LOG, 'WARNING') as log:
            self.assertEqual(self.key, self.recorded_after())
        self.assertEqual(
            [f"The copy of image {IMAGE} in store 'slow', which a concurrent "
             f"save of the image had taken away, is back"],
            [entry.getMessage() for entry in log.records])

    def test_one_that_was_deleted_is_not(self):
        self.bring_back(data=None)
        self.assertIsNone(self.recorded_after())

    def test_one_that_is_recorded_is_not_asked_for(self):
        self.bring_back(data=None, removed=False)
        with mock.patch.object(aftercare.clearing, 'is_occupied') as asking:
            self.assertEqual(self.key, self.recorded_after())
        asking.assert_not_called()

    def test_one_in_whose_place_another_was_recorded_is_not(self):
        self.bring_back()
        other = self.add_copy('slow')
        self.assertEqual(other, self.recorded_after())
        self.assertTrue(copies.is_removed(self.key))


class ClearTest(Case):
    def left(self):
        return self.held()['slow']

    def leave(self, *faults, tidy=False):
        self.have(*faults, tidy=tidy)
        self.stores['slow'].objects[IMAGE] = bytearray(DATA)

    def clear_left(self):
        """Clear what an import that has ended says that it has left."""
        task = tasks.get(stored.ACTION)
        if task is None:
            self.add_action('copy-image', stores=['slow'], locks_image=False)
            self.do(tasks.fence, stored.ACTION, status='pending',
                    stamp=tasks.get(stored.ACTION).updated_at,
                    new_status='success',
                    result={'state': {'left': ['slow']}})
            task = tasks.get(stored.ACTION)
        action = record.Action.of(task)
        aftercare.clear_left(action)
        self.assertEqual(action.state, record.Action.of(
            tasks.get(stored.ACTION)).state)
        return action.state['left']

    def test_copies_of_a_deleted_image(self):
        self.leave(Fault('clean', 'raise'))
        self.set_image(status='deleted', deleted=True)
        with self.assertLogs(LOG, 'INFO') as log:
            aftercare.clear_deleted(IMAGE, ['slow', 'fast'])
        self.assertEqual(
            [f"Image {IMAGE} is deleted: store 'slow' failed: OSError"],
            [entry.getMessage() for entry in log.records])
        self.assertEqual({'fast': None, 'slow': DATA}, self.held())
        aftercare.clear_deleted(IMAGE, ['slow'])
        self.assertIsNone(self.left())

    def test_no_copy_of_an_image_that_is_not_deleted(self):
        self.leave()
        aftercare.clear_deleted(IMAGE, ['slow'])
        self.assertEqual(DATA, self.left())

    def test_no_copy_that_the_scrubber_will_delete(self):
        self.leave()
        action = self.action()
        self.do(locks.drop, IMAGE, stored.ACTION)
        self.add_copy('slow', deleted=True, status='pending_delete')
        self.set_image(status='pending_delete', deleted=True)
        aftercare.clear_deleted(IMAGE, ['slow'])
        aftercare.clear(action, 'slow', IMAGE)
        self.assertEqual(DATA, self.left())

    def test_what_an_import_did_without(self):
        self.leave(Fault('clean', 'raise'))
        self.assertEqual(['slow'], self.clear_left())
        self.assertEqual(DATA, self.left())
        self.assertEqual([], self.clear_left())
        self.assertIsNone(self.left())
        self.stores['slow'].objects[IMAGE] = bytearray(b'of another')
        self.clear_left()
        self.assertEqual(b'of another', self.left())

    def test_nothing_that_somebody_may_be_writing(self):
        self.leave()
        locks.take(IMAGE, 'task')
        self.clear_left()
        self.assertEqual(DATA, self.left())

    def test_nobody_can_begin_to_write_meanwhile(self):
        # Without it there is one more row, of the key.
        self.options.config(group='glance_ext', secret_key='k' * 16)
        self.leave()
        remove = aftercare.clearing.remove_leftovers

        def late(*arguments, **more):
            self.assertFalse(locks.take(IMAGE, 'task'))
            remove(*arguments, **more)
        with mock.patch.object(aftercare.clearing, 'remove_leftovers', late):
            self.clear_left()
        self.assertIsNone(self.left())
        self.assertTrue(locks.take(IMAGE, 'task'))
        self.assertEqual([(stored.ACTION,)], database.read(
            sa.select(database.tasks.c.id)))

    def test_nothing_of_an_image_that_another_action_holds(self):
        self.leave()
        action = self.action()
        self.do(locks.drop, IMAGE, stored.ACTION)
        locks.take(IMAGE, 'task')
        with self.assertLogs(LOG, 'ERROR'):
            aftercare.clear(action, 'slow', IMAGE)
        self.assertEqual(DATA, self.left())

    def test_no_copy_that_a_location_leads_to(self):
        self.leave()
        self.add_copy('slow')
        aftercare.clear(self.action(), 'slow', IMAGE)
        self.assertEqual(DATA, self.left())

    def test_nothing_that_was_recorded_meanwhile(self):
        self.leave()
        self.add_copy('slow')
        self.clear_left()
        self.assertEqual(DATA, self.left())

    def action(self):
        return self.start(self.add_action(
            'copy-image', stores=['slow'], store_needs_token=True))

    def test_a_copy_that_is_not_recorded(self):
        self.leave()
        aftercare.clear(self.action(), 'slow', IMAGE)
        self.assertIsNone(self.left())

    def test_a_store_that_fails_is_tried_again(self):
        self.leave(Fault('clean', 'raise'))
        self.assertRaises(errors.StoreError, aftercare.clear, self.action(),
                          'slow', IMAGE)

    def test_what_nobody_can_find_is_told_once(self):
        self.leave(tidy=True)
        with self.assertLogs(LOG, 'ERROR') as log:
            aftercare.clear(self.action(), 'slow', IMAGE)
        self.assertEqual(
            [f"Action {stored.ACTION} of image {IMAGE}: Nobody knows what "
             f"may be left in store 'slow'. Nobody looks for it again."],
            [entry.getMessage() for entry in log.records])

    def test_what_is_behind_a_token_that_went_is_told_once(self):
        self.leave()
        with (mock.patch.object(aftercare.drivers, 'needs_token',
                                lambda store: store == 'slow'),
              self.assertLogs(LOG, 'ERROR') as log):
            aftercare.clear(self.action(), 'slow', IMAGE)
        self.assertEqual(
            [f"Action {stored.ACTION} of image {IMAGE}: What may be left in "
             f"store 'slow' is reached only with the token of the caller. "
             f"Nobody looks for it again."],
            [entry.getMessage() for entry in log.records])
        self.assertEqual(DATA, self.left())
