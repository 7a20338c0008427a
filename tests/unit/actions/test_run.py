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
"""What an action's work calls, on a row of Glance's."""

import threading
from unittest import mock

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.actions import run as run_
from glance_ext.actions import secrets
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from tests.unit.actions import rows


class Case(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.image_id = self.add_image()
        self.mine = self.run_of(
            'processing', image_id=self.image_id, max_attempts=9,
            result={'phase': 'reading'})
        self.mine.statuses = 'active', 'importing'
        self.action = self.mine.action
        self.waits = []
        self.enterContext(mock.patch.object(
            threading.Event, 'wait', lambda _, seconds: self.wait(seconds)))

    def wait(self, seconds):
        self.waits.append(seconds)

    def row(self):
        return self.read(self.action.id)

    def change_image(self, **values):
        database.transaction(lambda connection: connection.execute(
            database.images.update().values(**values)))


class WriteTest(Case):
    def test_the_phase_is_written_with_what_goes_with_it(self):
        def work(connection):
            return images.set_hash_algo(
                connection, self.image_id, self.action.id, 'sha512')

        self.assertIs(True, self.mine.write('recording', work))
        self.assertEqual(
            ('recording', 'Recording: 0 MiB, attempt 1 of 9', 'sha512'),
            (self.row().phase, self.row().message,
             images.read(self.image_id).os_hash_algo))

    def test_another_message_may_be_written(self):
        self.assertIs(True, self.mine.write('writing', message='It goes on'))
        self.assertEqual(('writing', 'It goes on'),
                         (self.row().phase, self.row().message))

    def test_work_that_is_refused_says_so(self):
        self.assertIs(False, self.mine.write('writing', lambda _: False))

    def test_what_is_stopped_writes_nothing(self):
        self.mine.stop(errors.ImageDeleted('m'))
        with self.assertRaises(errors.ImageDeleted):
            self.mine.write('writing')
        self.assertEqual(('reading', 'reading'),
                         (self.row().phase, self.action.phase))


class RetryTest(Case):
    def setUp(self):
        super().setUp()
        self.cause = errors.StoreError('It broke')

    def retry(self):
        with self.assertLogs('glance_ext.actions.run', 'WARNING') as log:
            self.mine.retry(self.cause)
        return log.records[0].getMessage()

    def test_each_wait_is_twice_as_long_up_to_half_a_minute(self):
        for _ in range(8):
            self.retry()
        self.assertEqual([1, 2, 4, 8, 16, 30, 30, 30], self.waits)
        with self.assertRaises(errors.StoreError) as caught:
            self.mine.retry(self.cause)
        self.assertIs(self.cause, caught.exception)
        self.assertEqual(9, self.row().attempt)

    def test_one_that_was_taken_over_too_often_is_not_tried_again(self):
        self.action.attempt = 10
        with self.assertRaises(errors.StoreError):
            self.mine.retry(self.cause)

    def test_the_row_says_why_and_which_attempt_follows(self):
        said = self.retry()
        row = self.row()
        self.assertEqual(
            ('reading', 2, 'It broke; attempt 2 of 9 follows',
             f'Action {row.id}, attempt 2 of 9 follows: It broke'),
            (row.phase, row.attempt, row.message, said))

    def test_a_process_that_ends_leaves_it_to_another(self):
        self.mine.process_ends = True
        with self.assertRaises(hold.HandedBack):
            self.mine.retry(self.cause)
        self.assertEqual((1, []), (self.row().attempt, self.waits))


class ImageTest(Case):
    def test_the_image_is_given_while_it_is_what_it_may_be(self):
        for status in ('active', 'importing'):
            self.change_image(status=status)
            image = self.mine.require_image()
            self.assertEqual((self.image_id, status),
                             (image.id, image.status))

    def test_an_image_in_another_status_is_refused(self):
        self.change_image(status='deactivated')
        with self.assertRaises(errors.ImageNotActive) as caught:
            self.mine.require_image()
        self.assertEqual('The image is deactivated; it has to be active or '
                         'importing', caught.exception.message)

    def test_an_image_that_is_gone_is_refused(self):
        for values in ({'status': 'pending_delete'}, {'status': 'deleted'},
                       {'status': 'active', 'deleted': True}):
            self.change_image(**values)
            with self.assertRaisesRegex(errors.ImageDeleted,
                                        'The image was deleted'):
                self.mine.require_image()
        self.action.image_id = 'none'
        with self.assertRaises(errors.ImageDeleted):
            self.mine.require_image()


class AfterTest(Case):
    """A store that fails may do so because the image is being deleted."""

    def setUp(self):
        super().setUp()
        self.now = 100.0
        self.enterContext(mock.patch.object(
            run_.time, 'monotonic', lambda: self.now))
        self.missing = errors.DataMissing('m')

    def wait(self, seconds):
        super().wait(seconds)
        self.now += seconds

    def test_missing_data_is_waited_for_two_seconds(self):
        self.now = 0.0
        self.mine.require_image_after(self.missing)
        self.assertEqual([0.2] * len(self.waits), self.waits)
        self.assertAlmostEqual(2.0, sum(self.waits), delta=0.201)
        self.assertGreaterEqual(self.now, 2.0)

    def test_a_deletion_that_is_said_meanwhile_is_the_cause(self):
        def wait(seconds):
            self.change_image(status='pending_delete')

        with mock.patch.object(self, 'wait', wait), self.assertRaises(
                errors.ImageDeleted):
            self.mine.require_image_after(self.missing)
        with self.assertRaises(errors.ImageDeleted):
            self.mine.require_image_after(errors.StoreError('m'))

    def test_any_other_failure_is_not_waited_for(self):
        self.mine.require_image_after(errors.ShortRead('m'))
        self.assertEqual([], self.waits)

    def test_who_is_stopped_waits_no_longer(self):
        self.mine.stop(hold.Lost())
        with self.assertRaises(hold.Lost):
            self.mine.require_image_after(self.missing)
        self.assertEqual([0.2], self.waits)


class TokenTest(Case):
    def test_only_a_store_that_needs_it_lacks_the_token(self):
        for needed, token, lacks in ((True, None, True), (True, 't', False),
                                     (False, None, False)):
            run = self.run_of(store_needs_token=needed)
            run.context.auth_token = token
            self.assertIs(lacks, run.lacks_token)
            if lacks:
                with self.assertRaisesRegex(
                        errors.StoreNeedsUserToken, 'went with the process'):
                    run.require_token()
            else:
                run.require_token()
        self.assertIs(False, self.mine.lacks_token)


class SecretTest(Case):
    def test_the_process_that_accepted_it_has_it_in_memory(self):
        run = run_.Run(self.action, None, {'query': 'mine'})
        self.assertEqual('mine', run.secret('query'))

    def test_another_has_it_where_the_row_has_it_encrypted(self):
        self.options.config(group='glance_ext', secret_key='k' * 16)
        sealed = secrets.seal({'query': 'a=b'})
        self.assertEqual('a=b', self.run_of(sealed=sealed).secret('query'))

    def test_without_a_key_it_is_lost(self):
        for run in (self.mine, self.run_of(sealed={})):
            with self.assertRaises(errors.CredentialsLost):
                run.secret('query')


class SucceedTest(Case):
    def test_the_action_is_over_and_the_image_free(self):
        self.assertIs(True, self.mine.succeed('All is well'))
        self.assertEqual(
            ('success', 'All is well', None),
            (self.row().status, self.row().message,
             locks.holder(self.image_id)))

    def test_it_is_not_where_its_work_is_refused(self):
        self.assertIs(False, self.mine.succeed('m', lambda _: False))
        self.assertEqual(('processing', self.action.id), (
            self.row().status, locks.holder(self.image_id)))

    def test_the_database_may_be_away_for_a_moment(self):
        real = database.transaction
        away = [database.db_exception.DBConnectionError()] * 2

        def transaction(work):
            if away:
                raise away.pop()
            return real(work)

        with mock.patch.object(database, 'transaction', transaction), \
                mock.patch.object(hold, 'time') as time:
            self.assertIs(True, self.mine.succeed('All is well'))
        self.assertEqual([mock.call(1)] * 2, time.sleep.mock_calls)
        self.assertEqual('success', self.row().status)
