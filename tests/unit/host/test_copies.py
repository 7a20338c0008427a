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
"""The locations of an image, as an action writes them."""

import types
import uuid

from glance.common import crypt
import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from tests.unit import tables

IMAGE, TASK = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
OTHER = str(uuid.UUID(int=3))
KEY = 'sixteen letters!'
LOCATIONS = database.image_locations


class Case(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.add_image(id=IMAGE)
        locks.take(IMAGE, TASK)

    def add_location(self, store, image_id=IMAGE, **columns):
        moment = database.now()
        return self.add(LOCATIONS, **{
            'image_id': image_id, 'value': f'file:///{store}/{image_id}',
            'meta_data': {'store': store} if store else {},
            'status': 'active', 'deleted': False, 'created_at': moment,
            'updated_at': moment, **columns})

    def locations(self):
        """Return the locations: url, metadata, status and deleted."""
        return [tuple(row) for row in database.read(sa.select(
            LOCATIONS.c.value, LOCATIONS.c.meta_data, LOCATIONS.c.status,
            LOCATIONS.c.deleted).order_by(LOCATIONS.c.id))]

    def states(self):
        return [entry[2:] for entry in self.locations()]


class AddTest(Case):
    def add_copy(self, task_id=TASK, statuses=('active',), **changes):
        return self.do(copies.add, IMAGE, task_id, **{
            'store': 'fast', 'url': 'file:///fast/1', 'metadata': {'a': 1},
            'statuses': statuses, **changes})

    def test_a_location_names_its_store_if_it_has_a_name(self):
        ids = [self.add_copy(), self.add_copy(store='', url='file:///2')]
        self.assertEqual([
            ('file:///fast/1', {'a': 1, 'store': 'fast'}, 'active', False),
            ('file:///2', {'a': 1}, 'active', False)], self.locations())
        self.assertEqual({'fast': ids[0], '': ids[1]},
                         copies.in_stores(IMAGE, ['fast', '', 'slow']))
        self.assertEqual({'fast': ids[0]},
                         copies.in_stores(IMAGE, ['fast']))

    def test_none_is_added_without_the_lock_or_to_another_image(self):
        self.assertIsNone(self.add_copy(OTHER))
        self.assertIsNone(self.add_copy(statuses=['importing']))
        self.set_image(deleted=True)
        self.assertIsNone(self.add_copy())
        self.assertEqual([], self.locations())

    def test_addresses_are_encrypted_where_glance_does(self):
        self.options.config(metadata_encryption_key=KEY)
        location_id = self.add_copy()
        ((url, *_),) = self.locations()
        self.assertNotIn('file', url)
        self.assertEqual('file:///fast/1', crypt.urlsafe_decrypt(KEY, url))
        self.assertEqual(
            images.Location(location_id, 'fast', 'file:///fast/1'),
            copies.location(location_id))


class TakeAwayTest(Case):
    def setUp(self):
        super().setUp()
        self.first = self.add_location('fast')
        self.second = self.add_location('slow')

    def take_away(self, others=None, task_id=TASK):
        return self.do(copies.take_away, IMAGE, task_id,
                       location_id=self.first, statuses=['active'],
                       others=[self.second] if others is None else others)

    def put_back(self, task_id=TASK, **new):
        return self.do(copies.put_back, IMAGE, task_id,
                       location_id=self.first, statuses=['active'], **new)

    def test_there_and_back(self):
        before = self.locations()
        self.assertTrue(self.take_away())
        self.assertEqual([('deleted', True), ('active', False)],
                         self.states())
        self.assertTrue(copies.is_removed(self.first))
        self.assertFalse(copies.is_removed(self.second))
        self.assertEqual({self.second},
                         copies.still_there([self.first, self.second]))
        self.assertEqual(f'file:///fast/{IMAGE}',
                         copies.location(self.first).url)
        self.assertFalse(self.take_away())
        for _ in range(2):
            self.assertTrue(self.put_back())
            self.assertEqual(before, self.locations())

    def test_another_copy_comes_back(self):
        self.take_away()
        self.assertTrue(self.put_back(
            store='fast', url='file:///new', metadata={'b': 2}))
        self.assertEqual(
            ('file:///new', {'b': 2, 'store': 'fast'}, 'active', False),
            self.locations()[0])

    def test_the_last_copy_is_not_taken_away(self):
        self.assertFalse(self.take_away(others=[]))
        self.do(copies.remove, [self.second])
        self.assertFalse(self.take_away())
        self.assertFalse(copies.is_removed(self.first))

    def test_nothing_happens_without_the_lock(self):
        self.assertFalse(self.take_away(task_id=OTHER))
        self.take_away()
        self.assertFalse(self.put_back(OTHER))
        self.assertTrue(copies.is_removed(self.first))

    def test_the_removal_of_one_is_undone_while_its_image_is_active(self):
        self.do(copies.remove, [self.first])
        self.set_image(status='deactivated')
        self.do(copies.bring_back, IMAGE, self.first)
        self.assertTrue(copies.is_removed(self.first))
        self.set_image(status='active')
        self.do(copies.bring_back, IMAGE, self.first)
        self.assertTrue(copies.is_removed(self.first))
        self.do(locks.drop, IMAGE, TASK)
        self.do(copies.bring_back, IMAGE, self.first)
        self.assertEqual([('active', False)] * 2, self.states())

    def test_one_that_never_was_is_not_removed(self):
        self.assertFalse(copies.is_removed(self.second + 1))


class RetireTest(Case):
    def setUp(self):
        super().setUp()
        self.do(locks.drop, IMAGE, TASK)
        self.here = self.add_location('full')
        self.good = self.add_location('new')

    def retire(self):
        return self.do(copies.retire, IMAGE, self.here, self.good)

    def test_the_data_of_a_marked_location_may_be_deleted(self):
        self.assertEqual([], copies.retired(IMAGE, 'full'))
        self.assertTrue(self.retire())
        self.assertEqual([('pending_delete', True), ('active', False)],
                         self.states())
        self.assertEqual([copies.location(self.here)],
                         copies.retired(IMAGE, 'full'))
        self.assertEqual([], copies.retired(IMAGE, 'new'))
        self.assertFalse(self.retire())
        self.do(copies.remove_retired, self.here)
        self.assertEqual(('deleted', True), self.states()[0])
        self.assertEqual([], copies.retired(IMAGE, 'full'))

    def test_a_marked_one_without_a_store_may_be_of_any(self):
        self.here = self.add_location('')
        self.retire()
        for store in 'new', 'full':
            self.assertEqual([], copies.retired(IMAGE, store))
        self.assertEqual([copies.location(self.here)],
                         copies.retired(IMAGE, 'third'))

    def test_data_that_another_location_leads_to_stays(self):
        self.retire()
        self.add_location('full')
        self.assertEqual([], copies.retired(IMAGE, 'full'))

    def test_a_mark_is_taken_back(self):
        self.retire()
        self.do(copies.bring_back_retired, IMAGE, self.here)
        self.assertEqual([('active', False)] * 2, self.states())
        self.retire()
        self.set_image(deleted=True)
        self.do(copies.bring_back_retired, IMAGE, self.here)
        self.assertEqual(('pending_delete', True), self.states()[0])

    def test_nothing_is_marked_that_somebody_works_on_or_that_is_alone(self):
        locks.take(IMAGE, TASK)
        self.assertFalse(self.retire())
        self.do(locks.drop, IMAGE, TASK)
        self.do(copies.remove, [self.good])
        self.assertFalse(self.retire())
        self.assertEqual([('active', False), ('deleted', True)],
                         self.states())


class VerifiedTest(Case):
    def test_the_longest_time_without_a_look_counts(self):
        self.assertEqual('', copies.verified_at(IMAGE))
        first, second = self.add_location('fast'), self.add_location('slow')
        self.do(copies.mark_verified, {first: 'good'})
        ((_, metadata, *_), _) = self.locations()
        at = metadata.pop(copies.VERIFIED_AT)
        self.assertRegex(at, r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        self.assertEqual({'store': 'fast', copies.VERDICT: 'good'}, metadata)
        for stores, found in (([], ''), (['fast'], at), (['slow'], ''),
                              (['none'], '')):
            self.assertEqual(found, copies.verified_at(IMAGE, stores))
        self.do(copies.mark_verified, {second: 'bad'})
        self.assertLessEqual(at, copies.verified_at(IMAGE))

    def test_a_location_without_a_store_concerns_every_store(self):
        for metadata, stores, found in (
                ({'store': 'a'}, ['a'], True), ({'store': 'a'}, [], True),
                ({'store': 'a'}, ['b'], False), ({}, ['b'], True)):
            self.assertIs(found, copies.concerns(metadata, stores))


class ListsTest(Case):
    def lists(self):
        return {row.name: row.value for row in database.read(sa.select(
            database.image_properties).where(
                database.image_properties.c.name.like('%import%'),
                database.image_properties.c.value != TASK))}

    def test_stores_to_come_and_stores_that_failed(self):
        self.assertEqual('', copies.importing(IMAGE))
        self.do(copies.set_lists, IMAGE, importing=['a', 'b'])
        self.assertEqual('a,b', copies.importing(IMAGE))
        self.do(copies.set_lists, IMAGE, importing=[], failed=['b'])
        self.assertEqual('', copies.importing(IMAGE))
        self.assertEqual({'os_glance_importing_to_stores': '',
                          'os_glance_failed_import': 'b'}, self.lists())

    def test_an_image_that_is_gone_gets_none(self):
        self.set_image(deleted=True)
        self.do(copies.set_lists, IMAGE, importing=['a'], failed=['b'])
        self.assertEqual({}, self.lists())

    def test_a_quota_of_locations(self):
        image = types.SimpleNamespace(locations=[])
        self.options.config(image_location_quota=2)
        self.assertIsNone(copies.exceeds_location_quota(image, 2))
        self.assertIn('Attempted: 3, Maximum: 2',
                      copies.exceeds_location_quota(image, 3))
