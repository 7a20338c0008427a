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
"""A store that lacks most of what is recorded in it is what is missing."""


from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.plugins import presence
from glance_ext.plugins import repair
from glance_ext.plugins import verify
from glance_ext.stores import fixture
from tests.unit import stored
from tests.unit.stored import IMAGE


class PresenceCase(stored.StoredCase):
    def setUp(self):
        super().setUp()
        self.install(fast=fixture.Store(), slow=fixture.Store())

    def others(self, *there, store='slow', **columns):
        """Add images with a copy in a store, or with only its location."""
        for has_copy in there:
            image = self.add_image(**columns)
            if has_copy:
                self.stores[store].objects[image] = bytearray(b'data')
            moment = database.now()
            self.add(database.image_locations, image_id=image,
                     value=stored.url(store).replace(IMAGE, image),
                     meta_data={'store': store}, status='active',
                     deleted=False, created_at=moment, updated_at=moment)

    def is_absent(self):
        try:
            presence.require('slow', contexts.admin(), IMAGE)
        except errors.StoreUnavailable as exc:
            self.said = exc.message
            return True
        return False


class RequireTest(PresenceCase):
    def test_most_copies_of_others_decide(self):
        for there, absent in (([], False), ([False], False),
                              ([False, True], False), ([False] * 2, True)):
            with self.subTest(there=there):
                self.others(*there)
                self.assertEqual(absent, self.is_absent())
                self.set_image(deleted=True, status='deleted')

    def test_the_copies_recorded_last_decide(self):
        self.others(*[True] * 20, *[False] * 6)
        self.assertTrue(self.is_absent())
        self.assertIn('6 of the 10 copies', self.said)
        self.others(*[True] * 5)
        self.assertFalse(self.is_absent())

    def test_neither_other_stores_nor_the_image_itself_decide(self):
        self.others(*[False] * 5, store='fast')
        self.add_stored()
        for _ in range(3):
            self.add_copy('slow', None)
        self.assertFalse(self.is_absent())

    def test_a_store_that_does_not_answer_is_not_known_to_be_empty(self):
        self.install(fast=fixture.Store(), slow=fixture.Store(
            [fixture.Fault('get_size', 'raise')] * 5))
        self.others(*[False] * 5)
        self.assertFalse(self.is_absent())


class UndoTest(PresenceCase):
    """A repair that was begun, and whose store has gone since."""

    def begin(self, **spec):
        self.add_stored()
        self.add_copy('fast')
        self.bad = self.add_copy('slow', None)
        action = self.add_action(
            verify.ACTION_TYPE, stores=['slow'], repair=True, **spec,
            result={'state': {'repairing': {'slow': {
                'location': self.bad, 'cleared': False}}}})
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        return self.start(action)

    def test_its_location_is_not_removed_for_good(self):
        self.others(False, False)
        run = self.begin()
        with self.assertRaises(errors.StoreUnavailable):
            repair.undo(run)
        self.assertNotIn('removed', run.action.state)
        self.assertIn('slow', run.action.state['repairing'])

    def test_it_is_where_the_store_is_there(self):
        self.others(True, True)
        run = self.begin()
        repair.undo(run)
        self.assertEqual([self.bad], run.action.state['removed'])

    def test_or_where_it_was_asked_for(self):
        self.others(False, False)
        run = self.begin(even_if_empty=True)
        repair.undo(run)
        self.assertEqual([self.bad], run.action.state['removed'])
