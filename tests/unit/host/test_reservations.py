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
import uuid

from glance import context as glance_context
from glance.common import exception
from glance.db.sqlalchemy import api
import sqlalchemy as sa

from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import reservations
from glance_ext.host import tasks
from tests.unit import tables

IMAGE = str(uuid.UUID(int=1))


class ReservationsTest(tables.TablesCase):
    def take(self, task_id='task'):
        self.do(reservations.take, IMAGE, task_id)

    def rows(self):
        return database.read(sa.select(database.images.c.id))

    def test_an_id_is_reserved_once(self):
        self.take()
        with self.assertRaises(reservations.IdTakenError):
            self.take('another')
        self.assertTrue(reservations.is_reserved(IMAGE))
        self.assertEqual('task', locks.holder(IMAGE))
        for task_id, expected in (('task', True), ('another', False)):
            self.assertIs(expected, reservations.ensure(IMAGE, task_id))

    def test_the_id_of_an_image_is_not_reserved(self):
        self.add_image(id=IMAGE)
        for deleted in False, True:
            self.set_image(deleted=deleted)
            self.assertFalse(reservations.ensure(IMAGE, 'task'))
            self.assertFalse(reservations.is_reserved(IMAGE))

    def test_glance_neither_shows_nor_counts_nor_purges_it(self):
        self.take()
        admin = contexts.admin()
        member = glance_context.RequestContext(
            user_id='u', project_id=tables.PROJECT, roles=['member'])
        for context in admin, member:
            self.assertIsNone(images.seen_by(context, IMAGE))
            self.assertEqual([], list(images.gateway().get_repo(
                context).list(filters={'deleted': False})))
            with self.assertRaises(exception.Duplicate):
                api.image_create(context, {'id': IMAGE, 'status': 'queued'})
        for owner in tables.PROJECT, None, '':
            self.assertEqual(0, api.user_get_image_count(admin, owner or 'x'))
            self.assertEqual(0, api.user_get_uploading_count(
                admin, owner or 'x'))
        api.purge_deleted_rows(admin, 0, -1)
        api.purge_deleted_rows_from_images(admin, 0, -1)
        self.assertTrue(reservations.is_reserved(IMAGE))

    def test_only_its_task_lets_go_of_it(self):
        self.take()
        self.do(reservations.release, IMAGE, 'another')
        self.assertTrue(reservations.is_reserved(IMAGE))
        self.do(reservations.release, IMAGE, 'task')
        self.assertEqual([], self.rows())
        self.assertIsNone(locks.holder(IMAGE))

    def test_an_image_is_no_reservation_that_could_be_let_go_of(self):
        self.take()
        self.do(lambda connection: connection.execute(
            database.images.update().values(status='importing')))
        self.assertFalse(self.do(
            reservations.become_image, IMAGE, 'another'))
        self.assertTrue(self.do(reservations.become_image, IMAGE, 'task'))
        self.do(reservations.release, IMAGE, 'task')
        self.assertEqual('importing', images.read(IMAGE).status)
        self.assertFalse(images.read(IMAGE).deleted)

    def test_no_task_is_added_where_the_id_is_taken(self):
        def insert(task_id):
            tasks.insert(
                type_='api_image_import', owner=tables.PROJECT,
                image_id=None, user_id=None, request_id=None, message='',
                input_={}, task_id=task_id, future_id=IMAGE)
        insert('task')
        with self.assertRaises(reservations.IdTakenError):
            insert('another')
        self.assertIsNotNone(tasks.get('task'))
        self.assertIsNone(tasks.get('another'))
