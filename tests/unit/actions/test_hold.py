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
"""Who may write to an action's row, and what a write takes with it."""

import datetime
from unittest import mock

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit.actions import rows

MINUTE = datetime.timedelta(minutes=1)


class Case(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.image_id = self.add_image()
        self.hold = hold.Hold(self.new(
            'processing', image_id=self.image_id,
            result={'phase': 'reading', 'runner': 'me'}))
        self.action = self.hold.action
        self.pass_(60)

    def row(self):
        return self.read(self.action.id)

    def rename(self, connection):
        """Write something to the image, in an action's transaction."""
        connection.execute(database.images.update().values(name='renamed'))
        return True

    def image_name(self):
        return database.read(database.images.select())[0].name

    def move_on(self):
        """Have another process write to the row."""
        task = tasks.get(self.action.id)
        database.transaction(lambda connection: tasks.fence(
            connection, task.id, status=task.status, stamp=task.updated_at,
            message='Theirs'))


class FencedTest(Case):
    def test_the_row_tells_what_the_owner_says(self):
        self.hold.progress.done, self.hold.progress.total = 7, 10
        self.action.phase = 'writing'
        self.assertIs(True, self.hold.fenced(None, 'Going on'))
        row = self.row()
        self.assertEqual(
            ('processing', 'Going on', 'writing', 7, 10, None,
             rows.MOMENT + MINUTE),
            (row.status, row.message, row.phase, row.bytes_done,
             row.bytes_total, row.expires_at, row.stamp))
        self.assertEqual(('Going on', row.stamp, 'processing'), (
            self.action.message, self.action.stamp, self.action.status))

    def test_the_same_owner_writes_again_and_again(self):
        for message in ('one', 'two', 'three'):
            self.hold.fenced(None, message)
            self.pass_(1)
            self.assertEqual(message, self.row().message)

    def test_a_new_status_and_a_stamp_of_the_past(self):
        self.hold.fenced(None, 'm', new_status='pending',
                         new_stamp=rows.MOMENT - MINUTE)
        row = self.row()
        self.assertEqual(('pending', rows.MOMENT - MINUTE),
                         (row.status, row.stamp))
        self.assertEqual(('pending', rows.MOMENT - MINUTE),
                         (self.action.status, self.action.stamp))

    def test_work_is_done_in_the_transaction_and_may_learn(self):
        def work(connection):
            self.action.state['location_id'] = 5
            self.rename(connection)
            return False

        self.assertIs(False, self.hold.fenced(work, 'm'))
        self.assertEqual(('renamed', {'location_id': 5}, 'm'), (
            self.image_name(), self.row().state, self.row().message))

    def test_work_that_fails_leaves_nothing(self):
        def work(connection):
            self.rename(connection)
            raise ValueError

        before = self.row()
        with self.assertRaises(ValueError):
            self.hold.fenced(work, 'm', new_status='pending', last=True)
        self.assertEqual((None, before.kept(), before.message, rows.MOMENT), (
            self.image_name(), self.row().kept(), self.row().message,
            self.row().stamp))
        self.assertFalse(self.hold.is_over)
        self.assertEqual(('processing', rows.MOMENT),
                         (self.action.status, self.action.stamp))

    def test_who_lost_the_action_writes_nothing(self):
        self.move_on()
        with self.assertRaises(hold.Lost):
            self.hold.fenced(self.rename, 'Mine')
        self.assertEqual((None, 'Theirs'),
                         (self.image_name(), self.row().message))

    def test_nothing_is_written_after_the_last(self):
        self.hold.fenced(None, 'last', last=True)
        self.assertTrue(self.hold.is_over)
        with self.assertRaises(hold.Lost):
            self.hold.fenced(None, 'more')
        self.assertEqual('last', self.row().message)

    def test_what_is_stopped_neither_begins_nor_succeeds(self):
        self.hold.stop(errors.ImageDeleted('m'))
        for status in ('processing', 'success'):
            with self.assertRaises(errors.ImageDeleted):
                self.hold.fenced(self.rename, 'm', new_status=status)
        self.assertIsNone(self.image_name())
        for status in (None, 'pending', 'failure'):
            self.hold.fenced(None, f'{status}', new_status=status)
            self.assertEqual(f'{status}', self.row().message)


class CancelledTest(Case):
    def test_the_owner_learns_of_it_once_and_undoes(self):
        self.action.result = {'found': 1}
        self.cancel(self.action.id)
        with self.assertRaises(errors.Cancelled):
            self.hold.fenced(self.rename, 'Mine')
        self.assertIsNone(self.image_name())
        self.assertEqual(
            ('failure', 'rolling-back', {}, rows.MOMENT + MINUTE,
             {'code': 'cancelled', 'message': 'The action was cancelled'}),
            (self.action.status, self.action.phase, self.action.result,
             self.action.stamp, self.action.error))
        with self.assertRaisesRegex(errors.Cancelled,
                                    'The action was cancelled'):
            self.hold.check()
        self.hold.fenced(None, 'Undoing')
        self.assertEqual('Undoing', self.row().message)

    def test_another_owner_s_cancellation_is_not_ours(self):
        self.action.runner = 'another'
        self.cancel(self.action.id)
        with self.assertRaises(hold.Lost):
            self.hold.fenced(None, 'Mine')
        self.assertEqual('processing', self.action.status)
        self.hold.check()

    def test_what_another_process_failed_is_lost(self):
        self.cancel(self.action.id)
        database.transaction(lambda connection: tasks.alter(
            connection, self.action.id, phase='ended'))
        with self.assertRaises(hold.Lost):
            self.hold.fenced(None, 'Mine')

    def test_one_that_is_being_undone_is_lost_to_any_other_write(self):
        self.cancel(self.action.id)
        undoing = hold.Hold(self.row())
        self.pass_(60)
        self.move_on()
        with self.assertRaises(hold.Lost):
            undoing.fenced(None, 'Mine')

    def test_a_row_that_was_purged_is_lost(self):
        tasks.remove(self.action.id)
        with self.assertRaises(hold.Lost):
            self.hold.fenced(None, 'Mine')


class EndTest(Case):
    def end(self, work, status='success'):
        return self.hold.end(status, 'It is done', work)

    def test_the_row_expires_and_the_image_is_free(self):
        with self.assertLogs('glance_ext.actions.hold', 'INFO') as log:
            self.assertIs(True, self.end(self.rename))
        self.assertEqual(
            f'Action {self.action.id} (hash) of image {self.image_id} '
            f'ended: done', log.records[0].getMessage())
        row = self.row()
        self.assertEqual(
            ('success', 'ended', 'It is done', row.stamp + 48 * 60 * MINUTE),
            (row.status, row.phase, row.message, row.expires_at))
        self.assertEqual(('renamed', None, True), (
            self.image_name(), locks.holder(self.image_id),
            self.hold.is_over))

    def test_the_log_tells_the_code_of_a_failure(self):
        self.action.error = {'code': 'short_read', 'message': 'm'}
        with self.assertLogs('glance_ext.actions.hold', 'INFO') as log:
            self.end(self.rename, 'failure')
        self.assertRegex(log.records[0].getMessage(), 'ended: short_read$')

    def test_nothing_is_written_where_the_work_refuses(self):
        def work(connection):
            self.rename(connection)
            return False

        self.assertIs(False, self.end(work))
        row = self.row()
        self.assertEqual(
            ('processing', 'reading', 'reading', None, self.action.id, False),
            (row.status, row.phase, self.action.phase, self.image_name(),
             locks.holder(self.image_id), self.hold.is_over))

    def test_an_end_that_fails_is_none(self):
        self.move_on()
        with self.assertRaises(hold.Lost):
            self.end(self.rename)
        self.assertEqual(('reading', None, self.action.id), (
            self.action.phase, self.image_name(),
            locks.holder(self.image_id)))

    def test_the_lock_of_another_is_left(self):
        other = self.new()
        database.transaction(lambda connection: locks.drop(
            connection, self.image_id, self.action.id))
        locks.take(self.image_id, other.id)
        self.end(lambda _: True)
        self.assertEqual(other.id, locks.holder(self.image_id))

    def test_the_image_is_written_before_its_lock_goes(self):
        def work(connection):
            self.assertTrue(images.set_hash_algo(
                connection, self.image_id, self.action.id, 'sha512'))
            return True

        self.assertTrue(self.end(work))


class InsistTest(Case):
    def setUp(self):
        super().setUp()
        self.slept = []
        self.enterContext(mock.patch.object(
            hold, 'time', mock.Mock(sleep=self.sleep)))

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_(seconds)

    def test_it_tries_once_a_second_until_it_is_written(self):
        failure = database.db_exception.DBError()
        other = database.sa_exceptions.SQLAlchemyError()
        write = mock.Mock(side_effect=[failure, other, 'written'])
        self.assertEqual('written', self.hold.insist(write))
        self.assertEqual([1, 1], self.slept)

    def test_it_ends_when_another_process_may_have_the_action(self):
        write = mock.Mock(side_effect=database.db_exception.DBError)
        with self.assertRaises(database.db_exception.DBError):
            self.hold.insist(write)
        self.assertEqual(61, len(self.slept))

    def test_what_is_no_trouble_of_the_database_is_raised_at_once(self):
        for trouble in (hold.Lost, errors.Cancelled('m'), ValueError):
            write = mock.Mock(side_effect=[trouble, 'written'])
            with self.assertRaises((hold.Lost, errors.Cancelled, ValueError)):
                self.hold.insist(write)
        self.assertEqual([], self.slept)
