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

from glance_ext import errors
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import locks
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

    def test_copies_of_a_deleted_image(self):
        self.leave(Fault('clean', 'raise'))
        aftercare.clear_deleted(IMAGE, ['slow'])
        self.assertEqual(DATA, self.left(), 'it is not deleted')
        database.transaction(lambda connection: connection.execute(
            database.images.update().values(deleted=True)))
        with self.assertLogs(LOG, 'INFO') as log:
            aftercare.clear_deleted(IMAGE, ['slow', 'fast'])
        self.assertEqual(
            [f"Image {IMAGE} is deleted: store 'slow' failed: OSError"],
            [entry.getMessage() for entry in log.records])
        self.assertEqual({'fast': None, 'slow': DATA}, self.held())
        aftercare.clear_deleted(IMAGE, ['slow'])
        self.assertIsNone(self.left())

    def test_what_an_import_did_without(self):
        self.leave(Fault('clean', 'raise'))
        aftercare.clear_left(IMAGE, ['slow'], {})
        self.assertEqual(DATA, self.left())
        aftercare.clear_left(IMAGE, ['slow'], {})
        self.assertIsNone(self.left())

    def test_nothing_that_somebody_may_be_writing(self):
        self.leave()
        locks.take(IMAGE, 'task')
        aftercare.clear_left(IMAGE, ['slow'], {})
        self.assertEqual(DATA, self.left())

    def test_nothing_that_was_recorded_meanwhile(self):
        self.leave()
        self.add_copy('slow')
        aftercare.clear_left(IMAGE, ['slow'], {})
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
