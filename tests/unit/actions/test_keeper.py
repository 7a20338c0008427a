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
"""What a keeper does about each action that nobody keeps."""

import datetime
import pathlib
import tempfile
from unittest import mock

from glance_ext.actions import keeper
from glance_ext.actions import posting
from glance_ext.actions import run
from glance_ext.host import database
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from tests.unit.actions import executing

LOG = 'glance_ext.actions.keeper'


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        staging = self.enterContext(tempfile.TemporaryDirectory())
        self.staging = pathlib.Path(staging)
        self.options.config(node_staging_uri=f'file://{staging}')
        self.keeper = keeper.Keeper(self.executor)

    def sweep(self):
        self.keeper._sweep()

    def die(self, status, seconds=121, **spec):
        """Return an action whose process has been silent for a while."""
        action = self.new(status, **spec)
        self.pass_(seconds)
        return action

    def held(self):
        return [run.action.id for run in self.executor.held()]


class StaleTest(Case):
    def test_one_that_ran_is_run_again_here(self):
        dead = self.die('processing', max_attempts=3)
        with self.assertLogs(LOG, 'WARNING') as log:
            self.sweep()
        self.assertEqual(
            f'Action {dead.id}: its process gave no sign of life for 120 '
            f'seconds; this one goes on with it', log.records[0].getMessage())
        row = self.read(dead.id)
        self.assertEqual(
            ([dead.id], 'pending', 2, database.now()),
            (self.held(), row.status, row.attempt, row.stamp))
        self.assertEqual('u', self.executor.held()[0].context.user_id)
        self.go()
        self.assertEqual('success', self.read(dead.id).status)

    def test_one_that_is_kept_is_left(self):
        self.die('processing', seconds=120)
        self.sweep()
        self.assertEqual([], self.held())

    def test_it_fails_where_the_operator_says_so(self):
        self.options.config(group='glance_ext', on_worker_loss='fail')
        waited = self.new('pending')
        ran = self.die('processing', max_attempts=3)
        self.sweep()
        self.assertEqual(
            [('pending', None), ('failure', {
                'code': 'worker_lost',
                'message': 'The process that ran the action died'})],
            [(row.status, row.error) for row in map(
                self.read, (waited.id, ran.id))])
        self.go()
        self.assertEqual(['success', 'failure'], [
            self.read(each.id).status for each in (waited, ran)])

    def test_it_fails_after_the_last_attempt(self):
        for attempt, status in ((1, 'pending'), (2, 'failure'),
                                (3, 'failure')):
            dead = self.die('processing', max_attempts=2,
                            result={'attempt': attempt})
            self.sweep()
            self.assertEqual(status, self.read(dead.id).status)
            self.go()

    def test_what_is_to_be_undone_is_undone(self):
        dead = self.die('failure', result={
            'phase': 'rolling-back',
            'error': {'code': 'cancelled', 'message': 'Cancelled'}})
        self.sweep()
        self.go()
        row = self.read(dead.id)
        self.assertEqual(('ended', 'cancelled'),
                         (row.phase, row.error['code']))

    def test_data_that_nobody_uploads_is_waited_for_no_longer(self):
        dead = self.die('pending', seconds=301, upload_timeout=300)
        self.sweep()
        self.assertEqual(
            {'code': 'upload_missing',
             'message': 'Nobody uploaded the data of this import in time'},
            self.read(dead.id).error)

    def test_actions_that_only_a_newer_release_knows_are_left(self):
        self.die('processing', action_type='invented')
        self.sweep()
        self.assertEqual([], self.held())

    def test_without_room_it_is_left_and_looked_at_again(self):
        self.room = 1
        for _ in range(2):
            self.die('processing', seconds=0)
        self.pass_(121)
        self.sweep()
        self.assertEqual((1, True), (len(self.held()),
                                     self.keeper._left_some))
        self.go()
        self.sweep()
        self.assertEqual((1, False), (len(self.held()),
                                      self.keeper._left_some))


    def test_what_failed_long_ago_is_looked_at_until_all_is_dealt_with(self):
        asked = []
        self.replace(keeper, 'stale', lambda looked: asked.append(
            looked) or iter(()))
        self.sweep()
        first = database.now()
        self.pass_(30)
        self.sweep()
        self.keeper._executor = mock.Mock(has_room=lambda owner: False)
        for status in ('processing', 'failure', 'failure'):
            dead = self.die(status, seconds=0)
            self.replace(keeper, 'stale', lambda looked, dead=dead: (
                asked.append(looked) or iter([self.read(dead.id)])))
            self.sweep()
        second = first + datetime.timedelta(seconds=30)
        self.assertEqual([None, first, second, second, None], asked)


class TakeOverTest(Case):
    def test_only_the_first_gets_it(self):
        dead = self.die('processing')
        with self.assertLogs(LOG, 'WARNING'):
            self.assertIs(True, keeper.take_over(
                self.read(dead.id), self.executor))
        self.pass_(1)
        with self.assertNoLogs(LOG, 'WARNING'):
            self.assertIs(False, keeper.take_over(dead, self.executor))
        self.assertEqual([dead.id], self.held())

    def test_what_had_no_owner_is_taken_without_a_warning(self):
        waiting = self.new()
        with self.assertNoLogs(LOG, 'WARNING'):
            self.assertTrue(keeper.take_over(waiting, self.executor))
        self.assertEqual([waiting.id], self.held())


class WorkersTest(Case):
    """Where workers run the actions, a keeper only sees to it."""

    def setUp(self):
        super().setUp()
        self.options.config(group='glance_ext', executor='jobboard')
        self.board = mock.Mock()
        self.board.connect.return_value = self.board
        self.board.posted.return_value = set()
        self.board.workers.return_value = []
        self.replace(posting, 'board', lambda: self.board)

    def posted(self):
        return [call.args[0] for call in self.board.post.mock_calls]

    def test_what_ran_is_offered_to_the_others(self):
        dead = self.die('processing', max_attempts=3)
        self.sweep()
        row = self.read(dead.id)
        self.assertEqual(
            ('pending', 'Waiting for another worker', [dead.id], []),
            (row.status, row.message, self.posted(), self.held()))

    def test_what_waits_is_told_for_what(self):
        waiting = self.die('pending')
        self.sweep()
        self.assertEqual(
            ('Waiting: no glance-ext-worker is running', [waiting.id], []),
            (self.read(waiting.id).message, self.posted(), self.held()))

    def test_what_a_worker_took_meanwhile_is_left(self):
        waiting = self.die('pending')
        before = task_sweeps.waiting(database.now(), 1)
        self.replace(task_sweeps, 'waiting', lambda *_: before)
        run.Run(self.read(waiting.id), None).take_over()
        self.pass_(1)
        self.sweep()
        self.assertEqual(
            ('Waiting for its turn, elsewhere now', [], []),
            (self.read(waiting.id).message, self.posted(), self.held()))

    def test_what_fails_is_undone_here(self):
        gone = self.die('processing', max_attempts=1)
        failed = self.new('failure', result={
            'phase': 'rolling-back',
            'error': {'code': 'cancelled', 'message': 'm'}})
        self.pass_(121)
        self.sweep()
        self.assertEqual({gone.id, failed.id}, set(self.held()))
        self.assertEqual([], self.posted())


class LookAfterTest(Case):
    def end(self, status, seconds=0, **spec):
        run = self.run_of('processing', **spec)
        run.end(status, 'm', lambda _: True)
        self.pass_(seconds)
        return run.action.id

    def test_what_ended_lately_is_looked_after_by_its_plugin(self):
        self.replace(executing.plugins, 'types', lambda: ['copy', 'hash'])
        self.end('success', 1)
        first = self.end('success')
        self.end('success', action_type='invented')
        other = self.end('failure', 300, action_type='copy')
        self.sweep()
        self.assertCountEqual(
            [('look after', [first]), ('look after', [other])],
            self.plugin.done)

    def test_what_has_ended_leaves_no_staged_data(self):
        running, ended = self.new('processing').id, self.end('success')
        # As where another secret_key has signed it.
        theirs, failed = (tasks.insert(
            type_='import', owner='p', image_id=None, input_={}, user_id='u',
            request_id='r', message='', status=status).id
            for status in ('processing', 'failure'))
        for action_id in (running, ended, theirs, failed, 'none'):
            (self.staging / f'glance-ext-{action_id}').mkdir()
        (self.staging / 'another').mkdir()
        for seconds, left in ((0, {running, theirs}), (7201, {running})):
            self.pass_(seconds)
            self.read(running).stamp = database.now()
            self.sweep()
            self.assertEqual(
                {'another', *(f'glance-ext-{each}' for each in left)},
                {path.name for path in self.staging.iterdir()})

    def test_what_expired_is_marked_a_stretch_at_a_time(self):
        old = self.end('success', 48 * 3600 + 1)
        young = self.end('success')
        self.sweep()
        self.assertEqual((None, young), (tasks.get(old),
                                         tasks.get(young).id))

    def test_more_is_looked_at_where_it_was_worth_it(self):
        expire = self.replace(task_sweeps, 'expire', side_effect=[
            ('a', 3), ('b', 1), ('c', 0), ('', 0), ('', 0)])
        for _ in range(3):
            self.sweep()
        self.assertEqual(['', 'a', 'b', 'c', ''],
                         [call.args[0] for call in expire.mock_calls])

    def test_a_look_that_fails_is_done_again_later(self):
        self.replace(task_sweeps, 'silent',
                     side_effect=database.db_exception.DBError)
        with self.assertLogs(LOG, 'ERROR') as log:
            self.sweep()
        self.assertEqual('Looking for stuck actions failed; it is done again '
                         'in a while', log.records[0].getMessage())
