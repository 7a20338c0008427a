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
"""The rows that hold actions: who may write to them, and which are read."""

import datetime
from unittest import mock
import uuid

import sqlalchemy as sa

from glance_ext.host import database
from glance_ext.host import signatures
from glance_ext.host import tasks
from tests.unit import tables

IMAGE, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
OURS = {'glance_ext': {'action_type': 'hash'}}


class Case(tables.TablesCase):
    def setUp(self):
        super().setUp()
        # Without it there is one more row, of the key.
        self.options.config(group='glance_ext', secret_key='k' * 16)

    def add_task(self, task_id='a', input_=OURS, image_id=IMAGE,
                 status=tasks.PENDING, owner=tables.PROJECT, **columns):
        tasks.insert(
            type_='api_image_import', owner=owner, image_id=image_id,
            input_=input_, user_id='u', request_id='r', message='Waiting',
            task_id=task_id, status=status)
        result = columns.pop('result', None)

        def work(connection):
            if columns:
                connection.execute(database.tasks.update().where(
                    database.tasks.c.id == task_id).values(**columns))
            if result:
                tasks.keep(connection, task_id, result)
        database.transaction(work)
        return tasks.get(task_id)


def ago(**time):
    return database.now() - datetime.timedelta(**time)


def ids(found):
    return [task.id for task in found]


class RowTest(Case):
    def test_a_new_row_is_what_is_read_afterwards(self):
        added = tasks.insert(
            type_='t', owner='o', image_id=None, input_=OURS, user_id='u',
            request_id='r', message='Waiting')
        self.assertEqual(added, tasks.get(added.id)._replace(
            read_at=added.read_at))
        self.assertEqual(('pending', 'hash', 'Waiting'), (
            added.status, added.ours['action_type'], added.message))
        tasks.remove(added.id)
        self.assertIsNone(tasks.get(added.id))
        self.assertEqual([], database.read(sa.select(
            database.task_info).where(
                database.task_info.c.task_id == added.id)))

    def test_rows_that_others_wrote(self):
        for task_id, input_ in (('a', None), ('b', {}), ('c', 'text'),
                                ('d', {'glance_ext': 'odd'})):
            task = self.add_task(task_id, input_)
            self.assertEqual((None, {}), (task.ours, task.result))
        database.transaction(lambda connection: connection.execute(
            database.task_info.delete()))
        bare = tasks.get('a')
        self.assertEqual(({}, {}, ''),
                         (bare.input, bare.result, bare.message))
        self.assertEqual([], tasks.ours())

    def test_a_deleted_row_is_none(self):
        self.assertIsNone(self.add_task(deleted=True))
        self.assertEqual([], tasks.ours())

    def test_an_image_that_came_later(self):
        self.add_task(image_id=None)
        self.do(tasks.name_image, 'a', IMAGE)
        self.assertEqual(IMAGE, tasks.get('a').image_id)

    def test_word_for_the_runner_is_left_in_the_input(self):
        self.add_task()
        tasks.note('a', delete_failed=True)
        tasks.note('a', stores=['fast'])
        self.assertEqual(
            {'action_type': 'hash', 'delete_failed': True,
             'stores': ['fast']},
            {name: value for name, value in tasks.get('a').ours.items()
             if name != 'signature'})
        tasks.note('none', delete_failed=True)
        self.assertIsNone(tasks.get('none'))


class FenceTest(Case):
    def fence(self, task, **new):
        return self.do(tasks.fence, task.id, status=task.status,
                       stamp=task.updated_at, **new)

    def test_the_owner_writes_and_learns_the_new_stamp(self):
        self.options.config(task_time_to_live=48, group='task')
        task = self.add_task(updated_at=ago(seconds=90))
        stamp = self.fence(task, new_status='success', expires=True,
                           result={'phase': 'ended'}, message='Done')
        self.assertLess(task.updated_at, stamp)
        now = tasks.get('a')
        self.assertEqual(task._replace(
            status='success', updated_at=stamp, result={'phase': 'ended'},
            message='Done', expires_at=stamp + datetime.timedelta(days=2),
            read_at=now.read_at), now)

    def test_a_stamp_never_goes_back_unless_it_is_told_to(self):
        ahead = database.now() + datetime.timedelta(seconds=30)
        task = self.add_task(updated_at=ahead)
        self.assertEqual(ahead, self.fence(task))
        past = ago(minutes=5)
        self.assertEqual(past, self.fence(task, new_stamp=past))
        self.assertEqual(past, tasks.get('a').updated_at)

    def test_whoever_comes_too_late_writes_nothing(self):
        task = self.add_task(updated_at=ago(seconds=90))
        self.fence(task, new_status='processing')
        now = tasks.get('a')
        for late in (task, now._replace(status='pending'),
                     now._replace(updated_at=ago(seconds=60)),
                     now._replace(id='none')):
            self.assertIsNone(self.fence(
                late, new_status='failure', message='Late',
                result={'late': True}, expires=True))
        self.assertEqual(now, tasks.get('a')._replace(read_at=now.read_at))
        self.do(lambda connection: connection.execute(
            database.tasks.update().values(
                deleted=True, updated_at=now.updated_at)))
        self.assertIsNone(self.fence(now))

    def test_part_of_the_result_is_altered(self):
        self.add_task()
        self.do(tasks.alter, 'a', phase='reading', attempt=1)
        self.do(tasks.alter, 'a', attempt=2)
        self.assertEqual({'phase': 'reading', 'attempt': 2},
                         tasks.get('a').result)


class SearchTest(Case):
    def test_what_of_a_project_waits_or_runs(self):
        for task_id, columns in (
                ('waits', {}), ('runs', {'status': 'processing'}),
                ('failed', {'status': 'failure'}),
                ('another', {'owner': 'another'}),
                ('others', {'input_': {'import_req': {}}})):
            self.add_task(task_id, **columns)
        self.assertEqual({'waits', 'runs'}, set(ids(
            tasks.unfinished(tables.PROJECT))))
        self.assertEqual({'waits', 'runs', 'another'}, set(ids(
            tasks.unfinished())))


class WaitingTest(Case):
    """How many rows of a project may wait."""

    def insert(self, most=2, owner=tables.PROJECT):
        return tasks.insert(
            type_='t', owner=owner, image_id=None, input_=OURS, user_id='u',
            request_id='r', message='Waiting', most=most)

    def waiting(self):
        return len(tasks.ours())

    def test_no_more_than_so_many(self):
        for _ in range(2):
            self.insert()
        with self.assertRaises(tasks.TooManyWaiting):
            self.insert()
        self.assertEqual(2, self.waiting())
        self.insert(owner='another')
        self.insert(most=0)
        self.assertEqual(4, self.waiting())

    def test_what_runs_or_is_not_ours_does_not_count(self):
        self.add_task('a', status='processing')
        self.add_task('b', status='failure')
        self.add_task('c', {'import_req': {}})
        self.add_task('d', deleted=True)
        for _ in range(2):
            self.insert()

    def test_what_is_added_at_the_same_time_is_seen_afterwards(self):
        counted = tasks._waiting
        others = ['a', 'b']

        def count(connection, owner, most):
            found = counted(connection, owner, most)
            # After the first look, and before the row is there.
            if others:
                self.add_all(connection, others)
            return found

        self.enterContext(mock.patch.object(tasks, '_waiting', count))
        with self.assertRaises(tasks.TooManyWaiting):
            self.insert()
        self.assertEqual({'a', 'b'}, set(ids(tasks.ours())))

    def add_all(self, connection, names):
        moment = database.now()
        while names:
            name = names.pop()
            connection.execute(database.tasks.insert().values(
                id=name, type='t', status='pending', owner=tables.PROJECT,
                created_at=moment, updated_at=moment, deleted=False))
            connection.execute(database.task_info.insert().values(
                task_id=name,
                input=signatures.sign(name, tables.PROJECT, OURS)))
