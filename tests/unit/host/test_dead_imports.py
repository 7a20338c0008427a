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
"""What dead jobs of Glance's left, and who may put it right."""

import datetime
import os
from pathlib import Path
import tempfile
from unittest import mock
import uuid

import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import dead_imports
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit import tables

IMAGE, TASK = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
HOUR = datetime.timedelta(hours=1)
LOCK = 'os_glance_import_task'
LIST = 'os_glance_importing_to_stores'


def ago(**time):
    return database.now() - datetime.timedelta(**time)


class Case(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.staging = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(
            dead_imports.setup, 'staging', lambda: self.staging))

    def image(self, status='active', minutes=0, **columns):
        self.add_image(status, id=IMAGE, **columns)
        self.do(database.images.update().values(
            updated_at=ago(minutes=minutes)))

    def do(self, statement):
        database.transaction(
            lambda connection: connection.execute(statement))

    def mark(self, name, value, minutes=0):
        self.add(database.image_properties, image_id=IMAGE, name=name,
                 value=value, deleted=False,
                 created_at=ago(minutes=minutes), updated_at=None)

    def task(self, status='processing', minutes=0, **input_):
        tasks.insert(
            type_='api_image_import', owner=tables.PROJECT, image_id=IMAGE,
            input_=input_, user_id='u', request_id='r', message='',
            task_id=TASK, status=status)
        self.do(database.tasks.update().values(
            updated_at=ago(minutes=minutes)))

    def find(self, staged=()):
        return dead_imports.find(dict(staged), HOUR)

    def one(self, staged=()):
        (dead,) = self.find(staged)
        return dead

    def properties(self):
        return {row.name: row.value for row in database.read(
            sa.select(database.image_properties))}


class FindTest(Case):
    def test_nothing_is_wrong_with_most_images(self):
        self.image(minutes=900, os_hash_algo='sha512', os_hash_value='0')
        self.mark(LIST, '', minutes=900)
        self.assertEqual([], self.find())

    def test_the_lock_of_a_task_without_a_sign_of_life(self):
        self.image('importing')
        self.mark(LOCK, TASK, minutes=900)
        self.mark(LIST, 'slow,fast')
        for status, alive, silent in (('processing', 50, 70),
                                      ('failure', 50, 70),
                                      ('pending', 110, 130)):
            with self.subTest(status):
                self.task(status, alive, backend=['fast', 'cold'])
                self.assertEqual([], self.find())
                tasks.remove(TASK)
                self.task(status, silent, backend=['fast', 'cold'])
                dead = self.one()
                self.assertEqual(dead_imports.Dead(
                    IMAGE, 'importing', tables.PROJECT, TASK, dead.task,
                    frozenset({'fast', 'slow', 'cold'}),
                    ('lock', 'status', 'stores')), dead)
                self.assertEqual(TASK, dead.task.id)
                tasks.remove(TASK)

    def test_the_lock_of_an_action_is_the_keepers(self):
        self.image()
        self.mark(LOCK, TASK, minutes=900)
        self.task(minutes=900, glance_ext={'action_type': 'hash'})
        self.assertEqual([], self.find())

    def test_a_lock_without_a_row_is_dead_after_a_minute(self):
        self.image('uploading')
        self.mark(LOCK, TASK)
        self.assertEqual([], self.find())
        self.do(database.image_properties.update().values(
            updated_at=ago(seconds=70), created_at=ago(seconds=80)))
        self.assertEqual(dead_imports.Dead(
            IMAGE, 'uploading', tables.PROJECT, TASK, None, frozenset(),
            ('lock', 'status')), self.one())

    def test_signs_without_a_lock_count_when_they_are_old(self):
        for status, columns, mark, sign in (
                ('importing', {}, None, 'status'),
                ('active', {}, (LIST, 'fast'), 'stores'),
                ('active', {}, ('os_glance_hash_op_host', 'h'), 'hash'),
                ('active', {'os_hash_algo': 'sha512'}, None, 'hash')):
            for minutes, signs in ((50, []), (70, [(sign,)])):
                with self.subTest(sign=sign, minutes=minutes):
                    self.image(status, minutes, **columns)
                    if mark:
                        self.mark(*mark)
                    self.assertEqual(
                        signs, [dead.signs for dead in self.find()])
                    self.do(database.image_properties.delete())
                    self.do(database.images.delete())

    def test_an_image_that_another_task_may_work_on_is_left(self):
        self.image('importing', minutes=900)
        self.task('pending', minutes=900)
        self.assertEqual([], self.find())

    def test_an_upload_may_take_long(self):
        self.image('uploading', minutes=900)
        self.assertEqual([], self.find({IMAGE: ago(hours=9)}))

    def test_staged_data_that_nobody_fetched(self):
        self.image('queued', minutes=900)
        for hours, signs in ((0, []), (2, [('staging',)])):
            self.assertEqual(signs, [dead.signs for dead in self.find(
                {IMAGE: ago(hours=hours), TASK: ago(hours=hours)})])


class StagedTest(Case):
    def stage(self, name, hours):
        file = self.staging / name
        file.write_bytes(b'')
        moment = ago(hours=hours).replace(
            tzinfo=datetime.UTC).timestamp()
        os.utime(file, (moment, moment))

    def test_how_old_the_newest_of_an_image_is(self):
        self.stage(IMAGE, 9)
        self.stage(f'{IMAGE}.qcow2', 2)
        self.stage('other', 3)
        (self.staging / TASK).mkdir()
        before = ago(hours=2)
        (image_id, moment), = dead_imports.staged_images().items()
        self.assertEqual(IMAGE, image_id)
        self.assertLess(abs(moment - before), datetime.timedelta(seconds=60))

    def test_all_of_one_image_is_removed(self):
        for name in IMAGE, f'{IMAGE}.qcow2', TASK:
            self.stage(name, 0)
        dead_imports.remove_staged(IMAGE)
        dead_imports.remove_staged(IMAGE)
        self.assertEqual([self.staging / TASK],
                         list(self.staging.iterdir()))


class ClaimTest(Case):
    def test_a_task_that_ran_is_failed_by_one_alone(self):
        self.image('importing')
        self.mark(LOCK, TASK)
        self.task(minutes=70)
        dead = self.one()
        self.assertEqual(TASK, dead_imports.claim(dead))
        task = tasks.get(TASK)
        self.assertEqual(
            ('failure', 'The process that ran it died; glance-ext-manage '
             'reap ended it'), (task.status, task.message))
        self.assertIsNone(dead_imports.claim(dead))

    def test_a_task_that_had_ended_stays_as_it_is(self):
        self.image()
        self.mark(LOCK, TASK)
        self.task('success', minutes=70)
        self.assertEqual(TASK, dead_imports.claim(self.one()))
        task = tasks.get(TASK)
        self.assertEqual(('success', ''), (task.status, task.message))

    def test_a_lock_without_a_row_gets_one_from_one_alone(self):
        self.image()
        self.mark(LOCK, TASK, minutes=70)
        dead = self.one()
        self.assertEqual(TASK, dead_imports.claim(dead))
        self.assertEqual('failure', tasks.get(TASK).status)
        self.assertIsNone(dead_imports.claim(dead))

    def test_an_image_without_a_lock_gets_one(self):
        self.image('importing', minutes=70)
        dead = self.one()
        holder = dead_imports.claim(dead)
        self.assertEqual(holder, locks.holder(IMAGE))
        self.assertEqual(IMAGE, tasks.get(holder).image_id)

    def test_nothing_is_left_of_a_claim_that_came_too_late(self):
        self.image('importing', minutes=70)
        dead = self.one()
        for meanwhile in (
                lambda: locks.take(IMAGE, TASK),
                lambda: self.do(database.images.update().values(
                    deleted=True))):
            meanwhile()
            self.assertIsNone(dead_imports.claim(dead))
            self.assertEqual([], database.read(sa.select(database.tasks)))


class FinishTest(Case):
    def finish(self, status, **columns):
        self.image(status, minutes=70, size=5, checksum='c', **columns)
        for name in 'os_glance_hash_op_host', 'os_glance_stage_host':
            self.mark(name, 'host')
        self.mark(LIST, 'fast')
        self.mark('os_distro', 'any')
        dead = self.one()
        finished = dead_imports.finish(dead, dead_imports.claim(dead))
        self.assertTrue(finished)
        return tuple(database.read(sa.select(
            database.images.c.status, database.images.c.size,
            database.images.c.checksum, database.images.c.os_hash_algo,
            database.images.c.os_hash_value))[0])

    def test_an_image_without_data_waits_for_some_again(self):
        self.assertEqual(
            ('queued', None, None, None, None),
            self.finish('importing', os_hash_algo='sha512',
                        os_hash_value='half'))
        self.assertEqual(
            {LIST: '', 'os_glance_failed_import': '', 'os_distro': 'any'},
            self.properties())

    def test_one_that_has_data_loses_half_a_hash_alone(self):
        self.assertEqual(('active', 5, 'c', None, None),
                         self.finish('active', os_hash_algo='sha512'))

    def test_a_whole_hash_stays(self):
        self.assertEqual(('active', 5, 'c', 'sha512', 'whole'), self.finish(
            'active', os_hash_algo='sha512', os_hash_value='whole'))

    def test_whoever_lost_the_lock_changes_nothing(self):
        self.image('importing', minutes=70)
        dead = self.one()
        self.assertFalse(dead_imports.finish(dead, TASK))
        self.assertEqual([('importing',)], database.read(
            sa.select(database.images.c.status)))

    def test_locations_go_only_of_an_image_that_never_was_active(self):
        for status, left in (('active', 1), ('importing', 0)):
            with self.subTest(status):
                self.do(database.image_locations.delete())
                self.do(database.images.delete())
                self.image(status, 70, locations=('file:///a',))
                dead_imports.withdraw_locations(dead_imports.Dead(
                    IMAGE, status, '', '', None, frozenset(), ()))
                self.assertEqual(left, len(copies.in_stores(IMAGE, [''])))
