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
from glance_ext.host import tasks
from tests.unit import tables

IMAGE, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
OURS = {'glance_ext': {'action_type': 'hash'}}


class Case(tables.TablesCase):
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
    def test_what_some_process_ought_to_see_to(self):
        ended = {'phase': 'ended'}
        for task_id, columns in (
                ('waits', {}), ('runs', {'status': 'processing'}),
                ('fails', {'status': 'failure',
                           'result': {'phase': 'rolling-back'}}),
                ('lost', {'status': 'failure'}),
                ('failed', {'status': 'failure', 'result': ended}),
                ('over', {'status': 'success', 'result': ended}),
                ('expired', {'status': 'failure',
                             'expires_at': ago(seconds=1)}),
                ('others', {'input_': {'import_req': {}}})):
            self.add_task(task_id, **columns)
        self.assertEqual({'waits', 'runs', 'fails', 'lost'},
                         set(ids(tasks.unfinished())))

    def test_what_ended_lately(self):
        for task_id, status, seconds in (
                ('done', 'success', 5), ('failed', 'failure', 5),
                ('long ago', 'success', 90), ('runs', 'processing', 5)):
            self.add_task(task_id, status=status,
                          updated_at=ago(seconds=seconds))
        self.assertEqual({'done', 'failed'}, set(ids(
            tasks.ended_since(ago(seconds=60)))))

    def test_what_expired_is_marked_a_stretch_at_a_time(self):
        for name, count in ('_STRETCH', 3), ('_BATCH', 1):
            self.enterContext(mock.patch.object(tasks, name, count))
        # Without it there is one more row, of the key.
        self.options.config(group='glance_ext', secret_key='k' * 16)
        past, future = ago(seconds=1), ago(seconds=-90)
        for task_id, expires in (('a', past), ('b', future), ('c', past),
                                 ('d', None), ('e', past)):
            self.add_task(task_id, expires_at=expires)
        self.add_task('f', {'import_req': {}}, expires_at=past)
        self.assertEqual(('c', 2), tasks.expire(''))
        self.assertEqual(('f', 1), tasks.expire('c'))
        self.assertEqual(('', 0), tasks.expire('f'))
        self.assertEqual(('', 0), tasks.expire('d'))
        self.assertEqual(['b', 'd'], sorted(ids(tasks.ours())))
        self.assertIsNotNone(tasks.get('f'))


class NewestFirstTest(Case):
    def setUp(self):
        super().setUp()
        for number, age in enumerate((1, 2, 2, 90, 3000, 5000)):
            self.add_task('abcdef'[number], created_at=ago(minutes=age),
                          updated_at=ago(minutes=age))

    def found(self, **wanted):
        return [task.id for batch in tasks.newest_first(**wanted)
                for task in batch]

    def test_some_at_a_time_and_those_of_one_second_by_id(self):
        for count in 1, 2, 10:
            self.assertEqual([*'acbdef'], self.found(count=count))
        first = next(tasks.newest_first(count=2))
        self.assertEqual(['a', 'c'], ids(first))

    def test_behind_one_that_was_seen(self):
        for after, found in (('c', 'bdef'), ('d', 'ef'), ('f', '')):
            self.assertEqual([*found], self.found(after=after, count=2))

    def test_only_those_that_are_wanted_and_live(self):
        self.add_task('g', {'import_req': {}})
        self.add_task('h', expires_at=ago(seconds=1))
        self.add_task('i', image_id=OTHER, created_at=ago(days=9))
        self.add_task('j', status='success', created_at=ago(days=8))
        self.add_task('k', owner='another', created_at=ago(days=7))
        for wanted, found in (
                ({}, 'acbdefkji'), ({'image_id': OTHER}, 'i'),
                ({'status': 'success'}, 'j'), ({'owner': 'another'}, 'k'),
                ({'image_id': IMAGE, 'owner': tables.PROJECT,
                  'status': 'pending'}, 'acbdef')):
            with self.subTest(**wanted):
                self.assertEqual([*found], self.found(count=2, **wanted))
