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
"""How an action begins, changes owners, and shows that it lives."""

import datetime
from unittest import mock

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.actions import run as run_
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.transfer import progress
from tests.unit.actions import rows

LOG = 'glance_ext.actions.run'
DBError = database.db_exception.DBError


class StartTest(rows.OwnerCase):
    def test_it_leaves_the_queue(self):
        self.own('pending')
        self.mine.start()
        self.assertEqual(('processing', 'queued', 1, 'Starting'),
                         self.told())

    def test_not_where_it_is_lost_or_stopped(self):
        self.own('pending')
        self.lose()
        with self.assertRaises(hold.Lost):
            self.mine.start()
        again = self.run_of_row()
        again.stop(errors.Cancelled('m'))
        with self.assertRaises(errors.Cancelled):
            again.start()
        self.assertEqual('pending', self.row().status)

    def test_what_failed_or_was_stopped_is_only_to_be_undone(self):
        self.assertTrue(self.run_of('failure').is_stopped)
        for cause, stopped in ((errors.ImageDeleted('m'), True),
                               (hold.Lost(), False)):
            run = self.run_of()
            self.assertFalse(run.is_stopped)
            run.stop(cause)
            self.assertIs(stopped, run.is_stopped)


class TakeOverTest(rows.OwnerCase):
    def test_what_ran_is_queued_for_another_attempt(self):
        self.own('processing', phase='writing', runner='dead')
        self.mine.take_over()
        self.assertEqual(
            ('pending', 'queued', 2, 'Waiting for its turn, elsewhere now'),
            self.told())
        self.assertEqual(36, len(self.row().runner))
        self.assertFalse(self.mine.is_over)

    def test_what_waited_has_used_up_no_attempt(self):
        self.own('pending', runner='dead')
        self.mine.take_over()
        self.assertEqual(('pending', 'queued', 1), self.told()[:3])

    def test_each_owner_is_another(self):
        self.own('pending')
        self.mine.take_over()
        first = self.row().runner
        self.mine.take_over()
        self.assertNotEqual(first, self.row().runner)

    def test_one_that_failed_goes_on_being_undone(self):
        self.own('failure', phase='rolling-back', runner='dead')
        self.action.message = 'It broke'
        self.mine.take_over(errors.WorkerLost('m'))
        self.assertEqual(('failure', 'rolling-back', 1, 'It broke'),
                         self.told())
        self.assertNotEqual('dead', self.row().runner)

    def test_one_that_is_not_to_run_again_fails(self):
        self.own('processing', phase='reading')
        self.mine.take_over(errors.WorkerLost('It died'))
        self.assertEqual(('failure', 'rolling-back', 1, 'It died'),
                         self.told())
        self.assertEqual({'code': 'worker_lost', 'message': 'It died'},
                         self.row().error)

    def test_one_that_is_offered_belongs_to_nobody(self):
        self.own('processing', runner='dead')
        self.mine.take_over(offer='Waiting for a worker')
        self.assertEqual(('pending', 'queued', 2, 'Waiting for a worker'),
                         self.told())
        self.assertEqual(('', True), (self.row().runner, self.mine.is_over))

    def test_who_comes_second_gets_nothing(self):
        for status in ('pending', 'failure'):
            self.image_id = self.add_image()
            self.own(status)
            self.lose()
            with self.assertRaises(hold.Lost):
                self.mine.take_over()
            self.assertEqual('Theirs', self.row().message)


class BeatTest(rows.OwnerCase):
    def setUp(self):
        super().setUp()
        self.own('processing', phase='reading')
        self.mine.statuses = 'active',

    def stopped(self):
        try:
            self.mine.check()
        except (hold.Lost, errors.ActionError) as exc:
            return type(exc)
        return None

    def test_the_row_tells_how_far_and_how_fast(self):
        now = 10.0
        with mock.patch.object(progress.time, 'monotonic', lambda: now):
            self.mine.progress = progress.Progress(100 << 20)
            self.mine.progress.advance(20 << 20)
            now += 4
            self.mine.beat()
        row = self.row()
        self.assertEqual(
            (database.now(), 20 << 20, 5 << 20,
             'Reading: 20 of 100 MiB, attempt 1 of 3', None),
            (row.stamp, row.bytes_done, row.bytes_per_second, row.message,
             self.stopped()))

    def test_what_is_over_is_let_be(self):
        self.mine.succeed('Done')
        self.pass_(60)
        self.mine.beat()
        self.assertEqual((database.now() - datetime.timedelta(seconds=60),
                          'Done', None),
                         (self.row().stamp, self.row().message,
                          self.stopped()))

    def test_a_loss_stops_the_work(self):
        self.lose()
        self.mine.beat()
        self.assertEqual((hold.Lost, 'Theirs'),
                         (self.stopped(), self.row().message))

    def test_a_cancellation_stops_the_work(self):
        self.cancel(self.action.id)
        self.mine.beat()
        self.assertEqual((errors.Cancelled, 'failure'),
                         (self.stopped(), self.action.status))

    def test_an_image_that_is_gone_stops_the_work(self):
        database.transaction(lambda connection: images.change_status(
            connection, self.image_id, 'active', 'deleted'))
        self.mine.beat()
        self.assertIs(errors.ImageDeleted, self.stopped())

    def test_the_image_is_the_work_s_concern_only_while_it_runs(self):
        self.action.image_id = 'none'
        self.mine.statuses = ()
        self.mine.beat()
        self.assertIsNone(self.stopped())
        self.mine.statuses = 'active',
        self.mine.fenced(None, 'm', new_status='pending')
        self.mine.beat()
        self.assertIsNone(self.stopped())

    def test_a_database_that_is_away_stops_it_once_another_may_have_it(self):
        with mock.patch.object(database, 'transaction', side_effect=DBError):
            for seconds, found in ((0, None), (60, None), (1, hold.Lost)):
                self.pass_(seconds)
                with self.assertLogs(LOG, 'WARNING') as log:
                    self.mine.beat()
                self.assertEqual(
                    (f'The state of action {self.action.id} could not be '
                     f'written: DBError', found),
                    (log.records[0].getMessage(), self.stopped()))

    def test_an_image_that_cannot_be_looked_at_stops_nothing(self):
        with mock.patch.object(run_.images, 'read', side_effect=DBError), \
                self.assertLogs(LOG, 'WARNING') as log:
            self.mine.beat()
        self.assertEqual(
            (f'Image {self.image_id} could not be looked at: DBError', None),
            (log.records[0].getMessage(), self.stopped()))
