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
"""Images that Glance's own code makes, and those that never came to be."""

from unittest import mock
import uuid

from glance import context as glance_context
from glance.common import exception
import sqlalchemy as sa
import webob.exc

from glance_ext import errors
from glance_ext.host import creation
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import reservations
from tests.unit import tables

IMAGE, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
PROPERTIES = {'id': IMAGE, 'name': 'made', 'disk_format': 'raw',
              'container_format': 'bare', 'os_distro': 'any',
              'tags': ['new']}


class CreationTest(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.sent = self.enterContext(
            mock.patch.object(images.notifications, 'send'))
        self.context = glance_context.RequestContext(
            user_id='u', project_id=tables.PROJECT, roles=['member'])

    def add(self, **changes):
        properties = {**PROPERTIES, **changes}
        reservations.ensure(properties['id'], 'task')
        creation.add(self.context, properties, 'task')

    def rows(self):
        return database.read(sa.select(
            database.images.c.id, database.images.c.status,
            database.images.c.owner))

    def test_a_preview_is_the_image_and_adds_none(self):
        for make in creation.preview, creation.build:
            image = make(self.context, PROPERTIES)
            self.assertEqual(
                (IMAGE, 'made', 'raw', tables.PROJECT, {'os_distro': 'any'},
                 {'new'}),
                (image.image_id, image.name, image.disk_format, image.owner,
                 image.extra_properties, image.tags))
        self.assertEqual([], self.rows())

    def test_what_glance_refuses(self):
        self.options.config(image_property_quota=0)
        for asked, status in (({'name': 5}, 400), (PROPERTIES, 413),
                              ({'os_glance_x': 'y'}, 403)):
            with self.subTest(status):
                with self.assertRaises(webob.exc.HTTPException) as answer:
                    creation.preview(self.context, asked)
                self.assertEqual(status, answer.exception.code)
                for make in (creation.build, lambda *given: creation.add(
                        *given, 'task')):
                    with self.assertRaises(errors.ImageRefused) as refusal:
                        make(self.context, asked)
                    self.assertEqual(
                        f'The image cannot be made: '
                        f'{answer.exception.explanation}',
                        refusal.exception.message)
        self.assertEqual([], self.rows())

    def test_who_may_not_give_it_its_data_makes_none(self):
        for denied, rules in (('upload_image', creation.UPLOAD),
                              ('upload_image', creation.FETCH),
                              ('modify_image', creation.FETCH)):
            def enforce(context, rule, target, denied=denied):
                if rule == denied:
                    raise exception.Forbidden

            with mock.patch.object(creation.policy, 'enforcer',
                                   lambda: mock.Mock(enforce=enforce)):
                with self.assertRaises(webob.exc.HTTPForbidden):
                    creation.preview(self.context, PROPERTIES, rules)
                with self.assertRaises(errors.ImageRefused):
                    creation.build(self.context, PROPERTIES, rules)
                with self.assertRaises(errors.ImageRefused):
                    creation.add(self.context, PROPERTIES, 'task', rules)
                if denied == 'modify_image':
                    creation.preview(self.context, PROPERTIES)
        self.assertEqual([], self.rows())

    def test_an_added_image_waits_for_its_data(self):
        self.add()
        self.assertEqual([(IMAGE, 'importing', tables.PROJECT)], self.rows())
        image = images.seen_by(self.context, IMAGE)
        self.assertEqual(
            ('made', {'new'}, 'any', 'task'),
            (image.name, image.tags, image.extra_properties['os_distro'],
             locks.holder(IMAGE)))

    def refused(self, task_id):
        before = self.rows()
        with self.assertRaises(errors.ImageExists) as refusal:
            creation.add(self.context, PROPERTIES, task_id)
        self.assertEqual('An image with this id was made meanwhile',
                         refusal.exception.message)
        self.assertEqual(before, self.rows())

    def test_no_image_is_made_twice(self):
        self.add()
        self.refused('task')

    def test_no_image_is_made_of_an_id_of_another(self):
        self.refused('task')
        reservations.ensure(IMAGE, 'another')
        self.refused('task')

    def test_nothing_is_left_of_one_that_never_came_to_be(self):
        self.add()
        self.add(id=OTHER)
        self.sent.reset_mock()
        creation.discard(IMAGE, 'task')
        self.assertTrue(reservations.is_reserved(IMAGE))
        self.assertEqual('task', locks.holder(IMAGE))
        (event, payload), = [call.args for call in self.sent.mock_calls]
        self.assertEqual(('image.delete', IMAGE), (event, payload['id']))
        database.transaction(lambda connection: reservations.release(
            connection, IMAGE, 'task'))
        self.assertEqual([(OTHER, 'importing', tables.PROJECT)], self.rows())
        for table in database.image_properties, database.image_tags:
            self.assertEqual({(OTHER,)}, set(database.read(
                sa.select(table.c.image_id))))

    def test_one_that_is_not_the_tasks_is_not_taken_away(self):
        self.add()
        creation.discard(IMAGE, 'another')
        self.assertEqual([(IMAGE, 'importing', tables.PROJECT)], self.rows())

    def test_one_that_has_its_data_is_not_taken_away(self):
        self.add_image('active', id=IMAGE)
        locks.take(IMAGE, 'task')
        creation.discard(IMAGE, 'task')
        self.assertEqual([(IMAGE, 'active', tables.PROJECT)], self.rows())
