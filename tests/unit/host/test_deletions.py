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
"""What a deletion took, and what comes back of it."""

import datetime
import uuid

import sqlalchemy as sa

from glance_ext.host import database
from glance_ext.host import deletions
from tests.unit import tables

IMAGE = str(uuid.UUID(int=1))
AT = datetime.datetime(2026, 11, 25, 12, 0, 30)


def before(seconds):
    return AT - datetime.timedelta(seconds=seconds)


class Case(tables.TablesCase):
    def delete_image(self, status='deleted'):
        self.add_image(status, id=IMAGE)
        self.set(database.images, deleted=True, deleted_at=AT)

    def set(self, table, **columns):
        database.transaction(lambda connection: connection.execute(
            table.update().values(**columns)))

    def add_row(self, table, seconds, **columns):
        """Add a row that was marked so long before the image was."""
        return self.add(table, image_id=IMAGE, deleted=True,
                        deleted_at=before(seconds), created_at=before(900),
                        updated_at=before(seconds), **columns)

    def add_location(self, seconds, status='deleted'):
        return self.add_row(database.image_locations, seconds,
                            value='file:///a', meta_data={}, status=status)

    def add_property(self, seconds, name, value='v'):
        return self.add_row(database.image_properties, seconds, name=name,
                            value=value)

    def left(self, table, *columns):
        return [tuple(row) for row in database.read(sa.select(
            *(table.c[name] for name in columns)).where(
                table.c.image_id == IMAGE, table.c.deleted == sa.false()
        ).order_by(table.c.id))]


class FindTest(Case):
    def test_what_is_not_deleted_took_nothing(self):
        self.assertIsNone(deletions.find(IMAGE))
        self.add_image(id=IMAGE)
        self.assertIsNone(deletions.find(IMAGE))

    def test_rows_that_were_marked_one_after_the_other(self):
        self.delete_image('pending_delete')
        self.add_location(9)
        places = [self.add_location(seconds) for seconds in (3, 2)]
        self.add_property(8, 'removed')
        kept = self.add_property(1, 'os_distro', 'any')
        self.add_property(1, 'os_glance_import_task', 'task')
        empty = self.add_property(0, 'os_glance_importing_to_stores', '')
        self.add_row(database.image_members, 5, member='left',
                     can_share=False, status='pending')
        member = self.add_row(database.image_members, 0, member='friend',
                              can_share=False, status='accepted')
        self.add_row(database.image_tags, 5, value='untagged')
        tag = self.add_row(database.image_tags, 0, value='tagged')
        self.assertEqual(deletions.Deletion(
            IMAGE, 'pending_delete', before(3), AT, places,
            {kept: 'os_distro', empty: 'os_glance_importing_to_stores'},
            {'os_distro': 'any', 'os_glance_importing_to_stores': ''},
            {member: 'friend'}, {tag: 'tagged'}), deletions.find(IMAGE))

    def test_a_tag_that_came_twice_comes_back_once(self):
        self.delete_image()
        self.add_row(database.image_tags, 0, value='tagged')
        last = self.add_row(database.image_tags, 0, value='tagged')
        self.assertEqual({last: 'tagged'}, deletions.find(IMAGE).tags)

    def test_removed_properties_are_forgotten(self):
        self.add_image(id=IMAGE)
        self.add_property(9, 'removed')
        self.add(database.image_properties, image_id=IMAGE, name='there',
                 value='v', deleted=False)
        deletions.forget_removed(IMAGE)
        self.assertEqual([('there',)], database.read(
            sa.select(database.image_properties.c.name)))


class UndoTest(Case):
    def undo(self, deletion, locations, status='active'):
        return database.transaction(lambda connection: deletions.undo(
            connection, deletion, locations, status))

    def image(self):
        return tuple(database.read(sa.select(
            database.images.c.status, database.images.c.deleted,
            database.images.c.deleted_at))[0])

    def restored(self, status):
        self.delete_image(status)
        place, _ = [self.add_location(0, status) for _ in range(2)]
        self.add_property(0, 'os_distro')
        self.add_property(7, 'removed')
        self.add_row(database.image_members, 0, member='friend',
                     can_share=False, status='accepted')
        self.add_row(database.image_tags, 0, value='tagged')
        self.assertTrue(self.undo(
            deletions.find(IMAGE), [place], 'deactivated'))
        self.assertEqual(('deactivated', False, None), self.image())
        self.assertEqual(
            [(place, 'active')],
            self.left(database.image_locations, 'id', 'status'))
        for table, column, value in (
                (database.image_properties, 'name', 'os_distro'),
                (database.image_members, 'member', 'friend'),
                (database.image_tags, 'value', 'tagged')):
            self.assertEqual([(value,)], self.left(table, column))

    def test_all_comes_back_with_the_locations_asked_for(self):
        self.restored('deleted')

    def test_one_that_waits_for_the_scrubber_comes_back_too(self):
        self.restored('pending_delete')

    def test_an_image_that_changed_meanwhile_is_left(self):
        self.delete_image('pending_delete')
        deletion = deletions.find(IMAGE)
        self.set(database.images, status='deleted')
        self.assertFalse(self.undo(deletion, []))
        self.assertEqual(('deleted', True, AT), self.image())

    def test_nothing_comes_back_where_a_location_changed_meanwhile(self):
        self.delete_image('pending_delete')
        places = [self.add_location(0, 'pending_delete') for _ in range(2)]
        self.add_property(0, 'os_distro')
        deletion = deletions.find(IMAGE)
        # As the scrubber does when it has deleted the data.
        database.transaction(lambda connection: connection.execute(
            database.image_locations.update().where(
                database.image_locations.c.id == places[1]).values(
                    status='deleted')))
        self.assertRaises(deletions.Changed, self.undo, deletion, places)
        self.assertEqual(('pending_delete', True, AT), self.image())
        for table in database.image_locations, database.image_properties:
            self.assertEqual([], self.left(table, 'id'))
