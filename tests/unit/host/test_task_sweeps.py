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

from unittest import mock

from glance.db.sqlalchemy import api as db_api
import sqlalchemy as sa

from glance_ext.host import database
from glance_ext.host import signatures
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from tests.unit import tables
from tests.unit.host.test_tasks import OURS
from tests.unit.host.test_tasks import Case
from tests.unit.host.test_tasks import ago
from tests.unit.host.test_tasks import ids


def flat(batches):
    return {task.id for batch in batches for task in batch}


class CountingCase(Case):
    """Counts the rows that are read, and the statements."""

    def setUp(self):
        super().setUp()
        self.statements = []
        sa.event.listen(db_api.get_engine(), 'before_cursor_execute',
                        lambda _, __, statement, *rest: self.note(statement))

    def note(self, statement):
        if statement.startswith(('SELECT', 'UPDATE')):
            self.statements.append(statement)

    def add_many(self, count, input_=OURS, mark='', result=None, **columns):
        """Add rows in one transaction."""
        moment = columns.pop('updated_at', ago(seconds=0))

        def work(connection):
            for number in range(count):
                name = f'{mark}{number:03}'
                connection.execute(tasks.tasks.insert().values(**{
                    'id': name, 'type': 't', 'status': 'pending',
                    'owner': tables.PROJECT, 'created_at': moment,
                    'updated_at': moment, 'deleted': False, **columns}))
                connection.execute(tasks.task_info.insert().values(
                    task_id=name, result=result, input=signatures.sign(
                        name, columns.get('owner', tables.PROJECT), input_),
                    message='Waiting'))
        database.transaction(work)

    def writes(self):
        return [each for each in self.statements
                if each.startswith('UPDATE')]

    def reads_of_input(self):
        return [each for each in self.statements
                if 'task_info.input' in each.partition('FROM')[0]]


class SilentTest(CountingCase):
    def silent(self):
        return flat(task_sweeps.silent(120, 3600))

    def test_what_may_have_no_owner(self):
        ended, old = {'phase': 'ended'}, {'updated_at': ago(seconds=125)}
        for task_id, columns in (
                ('waits', old), ('runs', {'status': 'processing', **old}),
                ('fails', {'status': 'failure', **old,
                           'result': {'phase': 'rolling-back'}}),
                ('lost', {'status': 'failure', **old}),
                ('failed', {'status': 'failure', 'result': ended, **old}),
                ('over', {'status': 'success', 'result': ended, **old}),
                ('expired', {'status': 'failure',
                             'expires_at': ago(seconds=1), **old}),
                ('others', {'input_': {'import_req': {}}, **old}),
                ('fresh', {}), ('at work', {'status': 'processing'})):
            self.add_task(task_id, **columns)
        self.assertEqual({'waits', 'runs', 'fails', 'lost'}, self.silent())

    def test_what_failed_is_looked_at_once(self):
        for task_id, hours in ('new', 1), ('old', 2):
            self.add_task(task_id, status='failure', updated_at=ago(
                hours=hours))
        looked = ago(seconds=30)
        self.assertEqual({'new'}, flat(
            task_sweeps.silent(120, 3600, looked)))
        self.assertEqual({'new', 'old'}, self.silent())

    def test_what_awaits_an_upload_has_its_own_time(self):
        for task_id, timeout, seconds, result in (
                ('young', 3600, 125, None), ('old', 3600, 3605, None),
                ('another', 60, 125, None),
                ('uploaded', 3600, 125, {'state': {'uploaded': True}})):
            self.add_task(task_id, {'glance_ext': {
                'action_type': 'import', 'upload_timeout': timeout,
                'sealed': {}}}, result=result, updated_at=ago(
                    seconds=seconds))
        self.assertEqual({'old', 'another', 'uploaded'}, self.silent())

    def test_many_come_some_at_a_time(self):
        self.enterContext(mock.patch.object(task_sweeps, '_BATCH', 2))
        for task_id in 'abcde':
            self.add_task(task_id, updated_at=ago(seconds=125))
        narrow = task_sweeps._narrow(tasks.tasks.c.status == 'pending',
                                     count=2)
        self.assertEqual([2, 2, 1], [len(found) for found in narrow])
        self.assertEqual({*'abcde'}, self.silent())

    def test_what_is_in_order_is_not_read(self):
        self.add_many(40)
        self.add_many(40, mark='e', status='failure',
                      result={'phase': 'ended'}, updated_at=ago(seconds=125))
        del self.statements[:]
        self.assertEqual(set(), self.silent())
        self.assertEqual((3, []), (len(self.statements),
                                   self.reads_of_input()))


class EndedTest(CountingCase):
    def test_what_ended_lately(self):
        for task_id, status, seconds in (
                ('done', 'success', 5), ('failed', 'failure', 5),
                ('long ago', 'success', 90), ('runs', 'processing', 5)):
            self.add_task(task_id, status=status,
                          updated_at=ago(seconds=seconds))
        self.assertEqual({'done', 'failed'}, flat(
            task_sweeps.ended_since(ago(seconds=60))))

    def test_many_come_some_at_a_time_and_each_once(self):
        moment = ago(seconds=5)
        for task_id in 'abcde':
            self.add_task(task_id, status='success', updated_at=moment)
        self.add_task('f', status='success', updated_at=ago(seconds=9))
        found = [row.id for rows in task_sweeps._narrow(
            tasks.tasks.c.status == 'success', by_time=True, count=2)
            for row in rows]
        self.assertEqual([*'fabcde'], found)


class ExpireTest(CountingCase):
    def test_what_expired_is_marked_a_stretch_at_a_time(self):
        for name, count in ('_STRETCH', 3), ('_BATCH', 1):
            self.enterContext(mock.patch.object(task_sweeps, name, count))
        past, future = ago(seconds=1), ago(seconds=-90)
        for task_id, expires in (('a', past), ('b', future), ('c', past),
                                 ('d', None), ('e', past)):
            self.add_task(task_id, expires_at=expires)
        self.add_task('f', {'import_req': {}}, expires_at=past)
        del self.statements[:]
        self.assertEqual(('c', 2), task_sweeps.expire(''))
        self.assertEqual([], self.reads_of_input())
        self.assertEqual(('f', 1), task_sweeps.expire('c'))
        self.assertEqual(('', 0), task_sweeps.expire('f'))
        self.assertEqual(('', 0), task_sweeps.expire('d'))
        self.assertEqual(['b', 'd'], sorted(ids(tasks.ours())))
        self.assertIsNotNone(tasks.get('f'))


class KeepTest(CountingCase):
    def setUp(self):
        super().setUp()
        self.waiting = []
        self.add_many(100)
        for number in range(100):
            stamp = ago(seconds=30 + number % 5)
            self.waiting.append(task_sweeps.Waiting(f'{number:03}', stamp))
        self.do(lambda connection: [connection.execute(
            tasks.tasks.update().where(tasks.tasks.c.id == each.id).values(
                updated_at=each.stamp)) for each in self.waiting])
        del self.statements[:]

    def test_one_statement_keeps_all_that_waits(self):
        moment, lost = task_sweeps.keep(self.waiting)
        self.assertEqual(([], 1), (lost, len(self.writes())))
        self.assertEqual({moment}, {
            tasks.get(each.id).updated_at for each in self.waiting})

    def test_a_row_of_another_owner_is_not_written_to(self):
        theirs = ago(seconds=3)
        for action_id, columns in (('007', {'updated_at': theirs}),
                                   ('063', {'status': 'failure'}),
                                   ('064', {'deleted': True})):
            self.do(lambda connection, key=action_id, new=columns:
                    connection.execute(tasks.tasks.update().where(
                        tasks.tasks.c.id == key).values(**new)))
        del self.statements[:]
        moment, lost = task_sweeps.keep(self.waiting)
        self.assertEqual({'007', '063', '064'}, set(lost))
        self.assertEqual(theirs, tasks.get('007').updated_at)
        self.assertLess(len(self.writes()), 40)
        self.assertEqual(97, sum(
            tasks.get(each.id).updated_at == moment for each in self.waiting
            if each.id != '064'))

    def test_messages_are_written_where_they_are_new(self):
        waiting = [each._replace(message='x' if each.id < '050' else None)
                   for each in self.waiting]
        task_sweeps.keep(waiting)
        self.assertEqual(2, len(self.writes()))
        self.assertEqual(['x', 'Waiting'], [
            tasks.get(each).message for each in ('049', '050')])

    def test_what_waits_no_more_is_found_without_a_write(self):
        self.do(lambda connection: connection.execute(
            tasks.tasks.update().where(tasks.tasks.c.id == '001').values(
                status='failure')))
        del self.statements[:]
        self.assertEqual(['001', 'gone'], task_sweeps.no_longer_waiting(
            [*(each.id for each in self.waiting), 'gone']))
        self.assertEqual(([], 1), (self.writes(), len(self.statements)))


class TouchTest(CountingCase):
    def test_what_waits_without_an_owner_is_touched_together(self):
        self.add_many(50, updated_at=ago(seconds=70))
        self.add_task('fresh')
        self.add_task('runs', status='processing', updated_at=ago(seconds=70))
        del self.statements[:]
        self.assertEqual({f'{number:03}' for number in range(50)}, {
            key for touched in task_sweeps.touch(ago(seconds=60))
            for key in touched})
        self.assertEqual(1, len(self.writes()))
        self.assertEqual([], [*task_sweeps.touch(ago(seconds=60))])

    def test_whose_they_are(self):
        self.add_task('a')
        self.assertEqual({'a': tables.PROJECT},
                         task_sweeps.owners(['a', 'none']))


class UnfinishedTest(CountingCase):
    def test_what_waits_runs_or_is_undone_comes_in_stretches(self):
        self.enterContext(mock.patch.object(task_sweeps, '_BATCH', 20))
        self.add_many(30)
        self.add_many(30, mark='r', status='processing')
        self.add_task('undone', status='failure')
        self.add_task('ended', status='failure', result={'phase': 'ended'})
        found = [*task_sweeps.unfinished()]
        self.assertEqual(61, sum(map(len, found)))
        self.assertNotIn('ended', [row.id for rows in found for row in rows])
