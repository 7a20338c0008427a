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
"""How an action that failed ends, or waits for its next owner."""

import datetime
from unittest import mock

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from tests.unit.actions import rows

DBError = database.db_exception.DBError


class FailTest(rows.OwnerCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(
            hold, 'time', mock.Mock(sleep=self.pass_)))
        self.own('processing', phase='writing', result={'old': 1})
        self.cause = errors.BadCopy('Two are bad', {'bad': 2})

    def test_the_row_says_why_before_anything_is_undone(self):
        self.mine.fail(self.cause)
        self.assertEqual(('failure', 'rolling-back', 1, 'Two are bad'),
                         self.told())
        self.assertEqual(
            ({'code': 'bad_copy', 'message': 'Two are bad'}, {'bad': 2},
             self.action.id, None),
            (self.row().error, self.row().result,
             locks.holder(self.image_id), self.row().expires_at))

    def test_one_that_was_cancelled_has_failed_already(self):
        self.cancel(self.action.id)
        self.mine.fail(self.cause)
        self.assertEqual('cancelled', self.row().error['code'])
        self.assertEqual(('cancelled', 'failure'), (
            self.action.error['code'], self.action.status))

    def test_it_is_tried_while_the_database_is_away(self):
        real, away = database.transaction, [DBError()]

        def transaction(work):
            if away:
                raise away.pop()
            return real(work)

        with mock.patch.object(database, 'transaction', transaction):
            self.mine.fail(self.cause)
        self.assertEqual('failure', self.row().status)

    def test_who_lost_it_says_nothing(self):
        self.lose()
        with self.assertRaises(hold.Lost):
            self.mine.fail(self.cause)
        self.assertEqual('Theirs', self.row().message)

    def test_at_the_end_all_is_undone_at_once(self):
        def roll_back(connection, action):
            self.assertIs(self.action, action)
            self.assertTrue(images.clear_half_hash(
                connection, action.image_id))

        database.transaction(lambda connection: images.set_hash_algo(
            connection, self.image_id, self.action.id, 'sha512'))
        self.mine.fail(self.cause)
        self.mine.end_failed(roll_back)
        self.assertEqual(('failure', 'ended', 1, 'Two are bad'), self.told())
        self.assertEqual(
            (None, None, True),
            (images.read(self.image_id).os_hash_algo,
             locks.holder(self.image_id), self.mine.is_over))

    def test_what_cannot_be_undone_now_waits_for_the_next(self):
        self.mine.fail(self.cause)
        self.mine.leave(errors.StoreBusy('it is in use'))
        self.assertEqual(
            ('failure', 'rolling-back', 1,
             'Two are bad (not undone yet: it is in use)'), self.told())
        self.assertEqual(
            (None, None, True),
            (self.row().expires_at, locks.holder(self.image_id),
             self.mine.is_over))


class HandBackTest(rows.OwnerCase):
    def test_what_ran_is_there_for_any_process_at_once(self):
        self.own('processing', phase='writing', attempt=2)
        self.mine.progress.advance(5)
        self.mine.stop(hold.HandedBack())
        self.mine.hand_back()
        self.assertEqual(
            ('pending', 'queued', 2,
             'Waiting for another process to go on'), self.told())
        row = self.row()
        self.assertEqual((0, True, True), (
            row.bytes_done, row.was_stale, self.mine.is_over))
        self.assertEqual(datetime.timedelta(seconds=121),
                         database.now() - row.stamp)

    def test_what_failed_is_still_to_be_undone(self):
        self.own('failure', phase='rolling-back')
        self.mine.progress.advance(5)
        self.mine.hand_back()
        self.assertEqual(('failure', 'rolling-back'), self.told()[:2])
        self.assertEqual((5, True), (self.row().bytes_done,
                                     self.row().was_stale))

    def test_who_lost_it_hands_back_nothing(self):
        self.own('processing')
        self.lose()
        with self.assertRaises(hold.Lost):
            self.mine.hand_back()
        self.assertEqual('Theirs', self.row().message)
