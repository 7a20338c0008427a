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
"""What stops an action's work, and what its row tells people."""

import threading
from unittest import mock

from oslo_db import exception

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.actions import run
from tests.unit.actions import rows


class StopTest(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.mine = self.run_of('processing')

    def stopped(self, *causes):
        for cause in causes:
            self.mine.stop(cause)
        try:
            self.mine.check()
        except Exception as exc:
            return exc
        return None

    def test_nothing_stops_it_unasked(self):
        self.assertIsNone(self.stopped())

    def test_the_first_cause_counts(self):
        first = errors.ImageDeleted('one')
        self.assertIs(first, self.stopped(first, hold.Lost()))

    def test_what_is_being_undone_is_stopped_by_no_error(self):
        self.mine = self.run_of('failure')
        handed_back = hold.HandedBack()
        self.assertIsNone(self.stopped(errors.ImageDeleted('one')))
        self.assertIs(handed_back, self.stopped(handed_back))

    def test_what_takes_too_long_is_stopped_and_can_be_undone(self):
        clock = self.enterContext(mock.patch.object(
            hold.time, 'monotonic', return_value=100.0))
        self.mine.end_within(10, 'It took longer than 10 seconds')
        clock.return_value = 110.0
        self.assertIsNone(self.stopped())
        clock.return_value = 110.1
        cause = self.stopped()
        self.assertEqual(
            ('remote_timeout', 'It took longer than 10 seconds'),
            (cause.code, cause.message))
        # Also for whoever is about to make another attempt.
        with self.assertRaises(errors.RemoteTimeout):
            self.mine.retry(errors.RemoteUnavailable('x'))
        self.mine.turn_back()
        self.assertIsNone(self.stopped())

    def test_who_waits_is_woken_until_it_turns_back(self):
        waits = []
        self.enterContext(mock.patch.object(
            threading.Event, 'wait', autospec=True,
            side_effect=lambda event, seconds: waits.append(
                (event.is_set(), seconds))))
        self.mine.sleep(1)
        self.mine.stop(errors.ImageDeleted('one'))
        with self.assertRaises(errors.ImageDeleted):
            self.mine.sleep(2)
        self.mine.turn_back()
        self.mine.sleep(3)
        self.assertEqual([(False, 1), (True, 2), (False, 3)], waits)

    def test_there_is_no_turning_back_from_a_loss(self):
        for cause in (hold.Lost(), hold.HandedBack()):
            run = self.run_of('processing')
            run.stop(cause)
            run.turn_back()
            with self.assertRaises(type(cause)):
                run.sleep(60)

    def test_it_is_ours_until_a_while_before_somebody_may_take_it(self):
        self.assertIs(True, self.mine.is_ours())
        self.mine.stop(errors.ImageDeleted('one'))
        self.pass_(90)
        self.assertIs(True, self.mine.is_ours())
        self.pass_(1)
        self.assertIs(False, self.mine.is_ours())

    def test_it_is_not_ours_after_a_sleep_that_the_time_of_day_missed(self):
        self.assertIs(True, self.mine.is_ours())
        self.mine._renewed -= 91
        self.assertIs(False, self.mine.is_ours())
        self.mine.fenced(None, 'm')
        self.assertIs(True, self.mine.is_ours())

    def test_it_is_not_ours_once_it_is_over_or_lost(self):
        self.assertFalse(self.mine.is_over)
        self.mine.fenced(None, 'm', last=True)
        self.assertEqual((True, False), (self.mine.is_over,
                                         self.mine.is_ours()))
        lost = self.run_of('processing')
        lost.stop(hold.Lost())
        self.assertIs(False, lost.is_ours())


class ConfirmTest(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.mine = self.run_of('processing')

    def test_the_row_is_right_whatever_the_clock_says(self):
        self.pass_(1000)
        self.assertIs(False, self.mine.is_ours())
        self.assertIs(True, self.mine.confirm())
        self.assertIs(True, self.mine.is_ours())

    def test_another_owner_is_found_while_the_clock_says_that_it_is_ours(
            self):
        self.pass_(1)
        other = run.Run(self.read(self.mine.action.id), self.mine.context)
        other.take_over()
        self.assertIs(True, self.mine.is_ours())
        self.assertIs(False, self.mine.confirm())
        self.assertIs(False, self.mine.is_ours())
        self.assertIs(True, other.confirm())

    def test_what_was_cancelled_is_ours_to_be_undone(self):
        self.cancel(self.mine.action.id)
        self.assertIs(True, self.mine.confirm())

    def test_nobody_owns_it_where_the_database_does_not_say(self):
        with mock.patch.object(hold.db, 'transaction',
                               side_effect=exception.DBConnectionError):
            self.assertIs(False, self.mine.confirm())
        self.assertIs(True, self.mine.confirm())

    def test_what_is_over_is_not_ours(self):
        self.mine.fenced(None, 'm', last=True)
        self.assertIs(False, self.mine.confirm())


class SayTest(rows.RowsCase):
    def test_what_waits_says_for_what(self):
        run = self.run_of()
        self.assertEqual('Waiting for its turn', run.say())
        run.waits_for = 'another'
        self.assertEqual('Waiting for another', run.say())

    def test_what_runs_says_how_far_it_is(self):
        run = self.run_of('processing', max_attempts=4,
                          result={'phase': 'reading', 'attempt': 2})
        run.progress.done = 3 * rows.GIB + 1
        self.assertEqual('Reading: 3072 MiB, attempt 2 of 4', run.say())
        run.progress.total = 5 * rows.GIB
        self.assertEqual('Reading: 3072 of 5120 MiB, attempt 2 of 4',
                         run.say())

    def test_what_failed_says_why(self):
        run = self.run_of('failure')
        run.action.message = 'It broke'
        self.assertEqual('It broke', run.say())
