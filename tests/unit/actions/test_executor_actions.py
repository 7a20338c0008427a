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
"""What becomes of one action, whatever its plugin does."""

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit import tables
from tests.unit.actions import executing

LOG = 'glance_ext.actions.executor'


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.begin('pending')

    def begin(self, status, image_id=None, **spec):
        self.mine = self.run_of(
            status, image_id=image_id or self.add_image(), max_attempts=3,
            **spec)
        self.key = self.mine.action.id
        self.image_id = self.mine.action.image_id

    def execute(self):
        self.executor.submit(self.mine)
        self.go()
        self.assertEqual([], self.executor.held())
        return self.told(self.mine)

    def events(self):
        return [event for event, _, _ in self.sent]

    def raise_(self, cause):
        def work(run):
            raise cause
        self.plugin.run = work


class DoTest(Case):
    def test_one_that_succeeds_says_so_everywhere(self):
        def work(run):
            row = self.read(self.key)
            self.assertEqual(('processing', 'Starting', 1),
                             (row.status, row.message, len(self.sent)))
            self.assertEqual(('active',), run.statuses)
            self.assertEqual({'fast', 'slow'}, run.stores)
            run.succeed('All is well')

        self.plugin.run = work
        self.assertEqual(('success', 'ended', 'All is well'), self.execute())
        payload = {'action_id': self.key, 'image_id': self.image_id,
                   'owner': tables.PROJECT, 'attempt': 1, 'error': None,
                   'of': 'hash'}
        self.assertEqual([('made.start', payload, False),
                          ('made.end', payload, False)], self.sent)
        self.ended.assert_called_once_with(self.mine)
        self.assertEqual([], self.plugin.done)

    def test_one_that_fails_is_undone_and_says_why(self):
        self.raise_(errors.ShortRead('Too little'))
        self.assertEqual(('failure', 'ended', 'Too little'), self.execute())
        self.assertEqual([('undo', 'rolling-back'), ('roll back', 'ended')],
                         self.plugin.done)
        self.assertEqual(['made.start', 'made.error'], self.events())
        _, payload, error = self.sent[-1]
        self.assertEqual(
            ({'code': 'short_read', 'message': 'Too little'}, True),
            (payload['error'], error))
        self.ended.assert_called_once_with(self.mine)
        self.assertIsNone(locks.holder(self.image_id))

    def test_what_nobody_foresaw_is_logged_and_named_without_its_text(self):
        self.raise_(ValueError('secret'))
        with self.assertLogs(LOG, 'ERROR') as log:
            told = self.execute()
        self.assertEqual(
            ('failure', 'ended', 'Unexpected ValueError; the log of the '
             'process that ran it has the details'), told)
        self.assertEqual(
            (f'Action {self.key} failed unexpectedly', ValueError),
            (log.records[0].getMessage(), log.records[0].exc_info[0]))
        self.assertEqual('internal_error', self.read(self.key).error['code'])

    def test_work_that_ends_nothing_has_failed(self):
        self.plugin.run = lambda run: None
        self.assertEqual(('failure', 'ended', 'The action came to no end'),
                         self.execute())

    def test_whatever_fails_when_the_process_ends_is_handed_back(self):
        def work(run):
            run.process_ends = True
            raise RuntimeError
        self.plugin.run = work
        self.assertEqual(
            ('pending', 'queued', 'Waiting for another process to go on'),
            self.execute())
        self.assertTrue(self.read(self.key).was_stale)
        self.assertEqual((['made.start'], []),
                         (self.events(), self.plugin.done))

    def test_what_is_handed_back_goes_on_elsewhere(self):
        self.raise_(hold.HandedBack())
        self.assertEqual('pending', self.execute()[0])
        self.ended.assert_not_called()

    def test_what_is_lost_is_left_alone(self):
        self.raise_(hold.Lost())
        with self.assertLogs(LOG, 'WARNING') as log:
            told = self.execute()
        self.assertEqual(('processing', 'queued', 'Starting'), told)
        self.assertEqual(
            f'Action {self.key} has another owner now, or was ended; this '
            f'process leaves it alone', log.records[0].getMessage())
        self.assertEqual([], self.plugin.done)

    def test_it_does_not_begin_without_the_token_that_a_store_needs(self):
        self.begin('pending', store_needs_token=True)
        self.plugin.run = self.fail
        self.execute()
        self.assertEqual('store_needs_user_token',
                         self.read(self.key).error['code'])

    def test_one_that_was_cancelled_while_it_waited_is_undone(self):
        self.cancel(self.key)
        self.plugin.run = self.fail
        self.assertEqual(('failure', 'ended', 'The action was cancelled'),
                         self.execute())
        self.assertEqual(
            ('cancelled', ['made.error']),
            (self.read(self.key).error['code'], self.events()))

    def test_one_that_failed_elsewhere_is_only_undone(self):
        self.begin('failure', result={
            'phase': 'rolling-back',
            'error': {'code': 'worker_lost', 'message': 'It died'}})
        self.plugin.run = self.fail
        self.assertEqual(('failure', 'ended', 'It died'), self.execute())
        self.assertEqual((['made.error'], ['undo', 'roll back']), (
            self.events(), [name for name, _ in self.plugin.done]))

    def test_no_action_suffers_from_its_events(self):
        for broken in ('send', 'events'):
            self.begin('pending')
            self.replace(
                executing.notifications if broken == 'send' else self.plugin,
                broken, side_effect=OSError('secret'))
            with self.assertLogs(LOG, 'WARNING') as log:
                self.assertEqual('success', self.execute()[0])
            self.assertEqual(
                [f'An event of action {self.key} was not sent: OSError'] * 2,
                [record.getMessage() for record in log.records])


class UndoTest(Case):
    def setUp(self):
        super().setUp()
        self.raise_(errors.ShortRead('Too little'))
        self.busy = errors.StoreBusy('it is in use')

    def test_it_is_tried_again_after_a_while(self):
        self.plugin.troubles = [self.busy] * 3
        self.assertEqual(('failure', 'ended', 'Too little'), self.execute())
        self.assertEqual([1, 2, 4], self.waits)
        self.assertEqual(['undo'] * 4 + ['roll back'],
                         [name for name, _ in self.plugin.done])

    def test_one_that_cannot_be_undone_now_is_left_for_later(self):
        self.plugin.troubles = [self.busy] * 4
        with self.assertLogs(LOG, 'ERROR') as log:
            told = self.execute()
        self.assertEqual(
            ('failure', 'rolling-back',
             'Too little (not undone yet: it is in use)'), told)
        self.assertEqual(
            f'What action {self.key} did could not be undone: it is in use. '
            f'It is tried again later.', log.records[0].getMessage())
        self.assertEqual(([1, 2, 4, 0], ['made.start']),
                         (self.waits, self.events()))
        self.ended.assert_not_called()

    def test_nothing_is_undone_under_somebody_else_s_lock(self):
        other = self.new()

        def work(run):
            database.transaction(lambda connection: locks.drop(
                connection, self.image_id, self.key))
            locks.take(self.image_id, other.id)
            raise errors.ShortRead('Too little')

        self.plugin.run = work
        with self.assertLogs(LOG, 'ERROR'):
            told = self.execute()
        self.assertEqual('Too little (not undone yet: another operation has '
                         'the image)', told[2])
        self.assertEqual(([], other.id),
                         (self.plugin.done, locks.holder(self.image_id)))

    def test_a_lock_that_was_broken_is_taken_for_it(self):
        holders = []

        def work(run):
            database.transaction(lambda connection: locks.drop(
                connection, self.image_id, self.key))
            raise errors.ShortRead('Too little')

        self.plugin.run = work
        self.plugin.undo = lambda run: holders.append(
            locks.holder(self.image_id))
        self.execute()
        self.assertEqual(([self.key], None),
                         (holders, locks.holder(self.image_id)))

    def test_one_that_needs_no_lock_takes_none(self):
        self.begin('pending', locks_image=False)
        database.transaction(lambda connection: locks.drop(
            connection, self.image_id, self.key))
        other = self.new()
        locks.take(self.image_id, other.id)
        self.assertEqual(('failure', 'ended', 'Too little'), self.execute())
        self.assertEqual(other.id, locks.holder(self.image_id))

    def test_who_is_cancelled_waits_in_vain_no_more(self):
        """To be stopped for an error is no reason to stop undoing."""
        def work(run):
            run.stop(errors.ImageDeleted('The image was deleted'))
            run.check()

        self.plugin.run = work
        self.plugin.troubles = [self.busy]
        self.assertEqual(('failure', 'ended', 'The image was deleted'),
                         self.execute())
        self.assertEqual([1], self.waits)

    def test_what_breaks_the_undoing_leaves_the_rest_to_the_next_owner(self):
        self.plugin.troubles = [ValueError('odd')]
        with self.assertLogs(LOG, 'ERROR') as log:
            told = self.execute()
        self.assertEqual(('failure', 'rolling-back', 'Too little'), told)
        self.assertEqual(
            (f'Action {self.key} was left unfinished', ValueError),
            (log.records[0].getMessage(), log.records[0].exc_info[0]))
        self.assertEqual(tasks.FAILURE, self.mine.action.status)
