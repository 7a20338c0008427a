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
"""Rows that cannot be read, beside one that can: every reader goes on."""

import pathlib
import tempfile
import types
from unittest import mock

import sqlalchemy as sa

from glance_ext.actions import jobboard
from glance_ext.actions import keeper
from glance_ext.actions import metrics
from glance_ext.actions import node
from glance_ext.actions import posting
from glance_ext.actions import record
from glance_ext.actions import shape
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import dead_imports
from glance_ext.host import locks
from glance_ext.host import signatures
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from tests.unit import tables
from tests.unit.actions import executing
from tests.unit.actions import rows

#: What a node has signed, and nobody can deal with.
SPECS = {
    'no type': {'action_type': ...},
    'no attempts': {'max_attempts': ...},
    'no timeout': {'heartbeat_timeout': ...},
    'no caller': {'caller': ...},
    'a type that is a list': {'action_type': ['hash']},
    'attempts in words': {'max_attempts': 'four'},
    'a timeout in words': {'heartbeat_timeout': 'long'},
    'a timeout without end': {'heartbeat_timeout': 1e300},
    'a timeout that is no number': {'heartbeat_timeout': float('nan')},
    'a caller by name': {'caller': 'me'},
    'a caller without roles': {'caller': {**rows.CALLER, 'roles': None}},
    'a caller without a project': {'caller': {'roles': [],
                                              'is_admin': False}},
    'a number of stores': {'stores': 3},
    'stores without ids': {'stores': [{}]},
    'secrets in a list': {'sealed': ['x']},
    'a secret in a list': {'sealed': {'query': ['x']}},
    'an upload for ever': {'upload_timeout': 10 ** 400},
}
RESULTS = {
    'a phase that is none': {'phase': 17},
    'an attempt in words': {'attempt': 'second'},
    'bytes in words': {'bytes_done': 'some'},
    'fewer bytes than none': {'bytes_total': -1},
    'a list of stores': {'stores': ['fast']},
    'a store without a status': {'stores': {'fast': {}}},
    'an error in words': {'error': 'it failed'},
    'an error without a code': {'error': {'message': 'it failed'}},
    'a result in words': {'result': 'good'},
    'a state in words': {'state': 'good'},
}


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(signatures, '_reported', set()))
        staging = self.enterContext(tempfile.TemporaryDirectory())
        self.staging = pathlib.Path(staging)
        self.options.config(node_staging_uri=f'file://{staging}')
        self.replace(node, 'start', lambda: self.executor)

    def bad(self, spec, result=None, image_id=None, status='processing'):
        """Add a row of ours that cannot be read; return its id."""
        spec = {name: value for name, value in {
            **record.new_spec('hash'), 'heartbeat_timeout': 120,
            'caller': rows.CALLER, **spec}.items() if value is not ...}
        task = tasks.insert(
            type_='api_image_import', owner=tables.PROJECT, status=status,
            image_id=image_id, input_={'image_id': image_id,
                                       'glance_ext': spec},
            user_id='u', request_id='r', message='m')
        if result is not None:
            database.transaction(lambda connection: tasks.keep(
                connection, task.id, result))
        return task.id

    def each(self):
        """Yield the id of a row for each thing that can be wrong."""
        for name, spec in SPECS.items():
            with self.subTest(name):
                yield self.bad(spec)
        for name, result in RESULTS.items():
            with self.subTest(name):
                yield self.bad({}, result)


class ReaderTest(Case):
    def test_none_is_shown_and_each_is_reported_once(self):
        with self.assertLogs('glance_ext.host.signatures') as logs:
            bad = list(self.each())
            for _ in range(2):
                for task_id in bad:
                    self.assertIsNotNone(tasks.get(task_id).ours)
                    self.assertIsNone(node.show(task_id))
        self.assertEqual(len(bad), len(logs.output))

    def test_whoever_reads_many_reads_the_others(self):
        bad = list(self.each())
        good = self.new('processing')
        ended = self.run_of('processing')
        ended.end('success', 'm', lambda _: True)
        self.assertEqual([good.id], [
            each.id for each in keeper.known(tasks.unfinished())])
        listed = [each.id for stretch in node.newest_first(count=5)
                  for each in stretch.actions]
        self.assertCountEqual([good.id, ended.action.id], listed)
        self.replace(metrics, '_without_hash', return_value=0)
        families = {each.name: each.samples
                    for each in metrics._Seen().collect()}
        (sample,) = families['glance_ext_actions_running']
        self.assertEqual(1, sample.value)
        self.pass_(121)
        keeper.Keeper(self.executor)._sweep()
        self.assertEqual([good.id], [
            each.action.id for each in self.executor.held()])
        for task_id in bad:
            self.assertFalse(node.cancel(task_id))

    def test_its_expiry_is_that_of_all(self):
        bad = self.bad({'max_attempts': 'four'}, status='success')
        self.do(lambda connection: connection.execute(
            database.tasks.update().values(
                expires_at=database.now() - rows.datetime.timedelta(1))))
        task_sweeps.expire('')
        self.assertIsNone(tasks.get(bad))

    def test_a_lock_that_one_holds_is_broken_by_the_rule_of_glance(self):
        self.context = contexts.of_caller(rows.CALLER)
        image = types.SimpleNamespace(image_id=self.image_id)
        host = self.replace(locks, 'release_stale_of_host',
                            return_value=False)
        for spec in ({'caller': 'me'}, {}):
            bad = self.bad(spec, {'phase': 17}, self.image_id)
            locks.take(self.image_id, bad)
            self.assertFalse(node._is_free(image, self.context))
            host.assert_called_with(image, self.context)
            self.do(locks.drop, self.image_id, bad)

    def test_its_owner_has_lost_it(self):
        run = self.run_of('processing')
        self.do(lambda connection: connection.execute(
            database.tasks.update().values(status='failure')))
        self.do(tasks.keep, run.action.id, {'phase': 17})
        with self.assertRaises(keeper.Lost):
            run.fenced(None, 'm')

    def test_what_it_has_staged_stays_while_it_may_run(self):
        bad = self.bad({'max_attempts': 'four'})
        self.assertFalse(keeper._has_ended(bad))
        self.pass_(7201)
        self.assertTrue(keeper._has_ended(bad))


class ApartTest(Case):
    """An action that can be read, and that something about it breaks."""

    def test_the_others_are_taken_over(self):
        first, second = self.new('processing'), self.new('processing')
        self.pass_(121)
        take_over = keeper.take_over

        def fail(action, executor):
            if action.id == first.id:
                raise KeyError('x')
            return take_over(action, executor)
        self.replace(keeper, 'take_over', fail)
        keeper.Keeper(self.executor)._sweep()
        self.assertEqual([second.id], [
            each.action.id for each in self.executor.held()])

    def test_the_others_are_looked_after(self):
        ended = []
        for _ in range(3):
            run = self.run_of('processing')
            run.end('success', 'm', lambda _: True)
            ended.append(run.action.id)
        seen = []

        def look_after(actions):
            for each in actions:
                if each.id == ended[1]:
                    raise KeyError('x')
                seen.append(each.id)
        self.plugin.look_after = look_after
        keeper.Keeper(self.executor)._sweep()
        self.assertLessEqual({ended[0], ended[2]}, set(seen))

    def test_a_database_that_fails_stops_the_sweep_for_now(self):
        for _ in range(3):
            self.new('processing')
        self.pass_(121)
        failing = self.replace(keeper, 'take_over', side_effect=database.
                               FAILURES[0]('gone'))
        keeper.Keeper(self.executor)._sweep()
        self.assertEqual(1, failing.call_count)

    def test_the_others_are_offered_to_workers(self):
        first, second = self.new('pending'), self.new('pending')
        self.pass_(100)
        board = mock.Mock(**{'connect.return_value.posted.return_value': set(),
                             'connect.return_value.workers.return_value': []})
        self.replace(posting, 'board', lambda: board)

        def why(action, workers):
            return {second.id: 'Waiting for one'}[action.id]
        self.replace(jobboard, 'why_waiting', why)
        posting.tend()
        self.assertEqual(
            ['Waiting: the jobboard does not answer', 'Waiting for one'],
            [self.read(each.id).message for each in (first, second)])


class ShapeTest(Case):
    def test_what_nodes_write_is_right(self):
        action = self.new('processing', stores=['fast'], sealed={'q': 'x'},
                          upload_timeout=60)
        kept = {**action.kept(), 'bytes_per_second': 1.5}
        shape.require(action.spec, kept, action.created_at, action.stamp)

    def test_a_row_without_a_time_is_not(self):
        action = self.new('processing')
        with self.assertRaises(shape.MalformedError):
            shape.require(action.spec, {}, action.created_at, None)


class ReapTest(Case):
    def test_a_task_of_anybody_s_ends_no_search_for_dead_imports(self):
        for backend in (17, 'fast', [{}], {'a': 1}, None):
            bad = tasks.insert(
                type_='api_image_import', owner='p', image_id=self.image_id,
                input_={'backend': backend}, user_id='u', request_id='r',
                message='m')
            locks.take(self.image_id, bad.id)
            self.pass_(7201)
            dead, = dead_imports.find({}, rows.datetime.timedelta(hours=1))
            self.assertEqual((self.image_id, frozenset()),
                             (dead.image_id, dead.stores))
            self.do(locks.drop, self.image_id, bad.id)
            self.assertEqual(1, database.read(sa.select(
                sa.func.count()).where(
                    database.tasks.c.id == bad.id))[0][0])
