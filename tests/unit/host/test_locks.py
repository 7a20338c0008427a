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
"""Who holds an image, and how a lock of Glance's own is broken."""

import datetime
from unittest import mock
import uuid

import sqlalchemy as sa

from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit import tables

LOCK = 'os_glance_import_task'
IMAGE, TASK = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
OTHER = str(uuid.UUID(int=3))


def set_name(connection):
    connection.execute(database.images.update().values(name='changed'))


class LockTest(tables.TablesCase):
    def test_one_task_holds_an_image_until_it_lets_go(self):
        self.add_image(id=IMAGE)
        self.assertTrue(locks.take(IMAGE, TASK))
        self.assertFalse(locks.take(IMAGE, OTHER))
        database.transaction(
            lambda connection: locks.drop(connection, IMAGE, OTHER))
        self.assertEqual(TASK, locks.holder(IMAGE))
        database.transaction(
            lambda connection: locks.drop(connection, IMAGE, TASK))
        self.assertIsNone(locks.holder(IMAGE))
        self.assertTrue(locks.take(IMAGE, OTHER))

    def test_a_lock_that_glance_took_away_is_taken_anew(self):
        self.add_image(id=IMAGE)
        self.add(database.image_properties, image_id=IMAGE, name=LOCK,
                 value=OTHER, deleted=True)
        self.assertIsNone(locks.holder(IMAGE))
        self.assertTrue(locks.take(IMAGE, TASK))
        self.assertEqual(TASK, locks.holder(IMAGE))

    def test_an_image_that_is_gone_cannot_be_locked(self):
        self.add_image('deleted', id=IMAGE)
        database.transaction(lambda connection: connection.execute(
            database.images.update().values(deleted=True)))
        for image_id in IMAGE, OTHER:
            self.assertRaises(locks.ImageGone, locks.take, image_id, TASK)
            self.assertIsNone(locks.holder(image_id))

    def test_what_is_prepared_is_written_with_the_lock_or_not_at_all(self):
        self.add_image(id=IMAGE, name='before')
        for ready, name, holder in ((False, 'before', None),
                                    (True, 'changed', TASK)):
            def prepare(connection, ready=ready):
                set_name(connection)
                return ready
            self.assertIs(ready, locks.take(IMAGE, TASK, prepare))
            self.assertEqual(
                [(name,)], database.read(sa.select(database.images.c.name)))
            self.assertEqual(holder, locks.holder(IMAGE))

    def test_making_sure_of_a_lock(self):
        self.add_image(id=IMAGE)
        self.assertTrue(locks.ensure(IMAGE, TASK))
        self.assertTrue(locks.ensure(IMAGE, TASK))
        self.assertFalse(locks.ensure(IMAGE, OTHER))
        self.assertEqual(TASK, locks.holder(IMAGE))
        self.assertTrue(locks.ensure(OTHER, TASK))
        self.assertIsNone(locks.holder(OTHER))

    def test_the_conditions_for_others_statements(self):
        self.add_image(id=IMAGE)
        for holder, held, mine in ((None, False, False),
                                   (OTHER, True, False), (TASK, True, True)):
            if holder:
                database.transaction(
                    lambda connection: locks.drop(connection, IMAGE, OTHER))
                locks.take(IMAGE, holder)
            self.assertEqual([(held, mine)], database.read(sa.select(
                locks.is_held(IMAGE), locks.held(IMAGE, TASK))))


class StaleTest(tables.TablesCase):
    """Locks that are not of the extension."""

    def setUp(self):
        super().setUp()
        self.add_image(id=IMAGE)

    def lock(self, seconds=0):
        moment = database.now() - datetime.timedelta(seconds=seconds)
        self.add(database.image_properties, image_id=IMAGE, name=LOCK,
                 value=TASK, deleted=False, created_at=moment,
                 updated_at=moment)

    def task(self, status, minutes):
        tasks.insert(
            type_='api_image_import', owner=tables.PROJECT, image_id=IMAGE,
            input_={'image_id': IMAGE, 'backend': []}, user_id='u',
            request_id='r', message='', task_id=TASK, status=status)
        moment = database.now() - datetime.timedelta(minutes=minutes)
        database.transaction(lambda connection: connection.execute(
            database.tasks.update().values(updated_at=moment)))

    def release(self):
        context = contexts.admin()
        return locks.release_stale_of_host(
            images.seen_by(context, IMAGE), context)

    def test_one_that_is_free_by_now(self):
        self.assertTrue(self.release())

    def test_one_whose_task_is_about_to_get_its_row_is_left(self):
        self.lock(seconds=50)
        self.assertFalse(self.release())
        self.assertEqual(TASK, locks.holder(IMAGE))

    def test_one_without_a_row_is_broken_after_a_minute(self):
        self.lock(seconds=70)
        self.assertTrue(self.release())
        self.assertIsNone(locks.holder(IMAGE))

    def test_one_of_a_task_that_may_be_at_work_is_left(self):
        self.lock(seconds=7200)
        for status, minutes in (('processing', 50), ('pending', 100)):
            with self.subTest(status):
                self.task(status, minutes)
                self.assertFalse(self.release())
                self.assertEqual(TASK, locks.holder(IMAGE))
                self.assertEqual(status, tasks.get(TASK).status)
                tasks.remove(TASK)

    def test_one_of_a_dead_task_is_broken_and_the_task_failed(self):
        self.lock()
        self.task('processing', 70)
        self.assertTrue(self.release())
        self.assertIsNone(locks.holder(IMAGE))
        self.assertEqual('failure', tasks.get(TASK).status)

    def test_one_that_changes_hands_meanwhile_is_left(self):
        self.lock(seconds=70)
        context = contexts.admin()
        image = images.seen_by(context, IMAGE)
        database.transaction(lambda connection: connection.execute(
            database.image_properties.update().values(value=OTHER)))
        with mock.patch.object(locks, '_ROW_GRACE', datetime.timedelta(0)):
            self.assertFalse(locks.release_stale_of_host(image, context))
        self.assertEqual(OTHER, locks.holder(IMAGE))
