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
"""What an executor holds, keeps alive, and hands back at its end."""

import queue
import threading

from glance_ext.actions import run as run_
from glance_ext.host import database
from glance_ext.host import pools
from glance_ext.host import task_sweeps
from tests.unit.actions import executing

LOG = 'glance_ext.actions.executor'
BACK = 'pending', 'queued', 'Waiting for another process to go on'


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.waited = []
        self.idle = self.replace(
            threading.Condition, 'wait_for', autospec=True,
            side_effect=lambda _, is_so, seconds: self.wait(seconds, is_so))

    def wait(self, seconds, is_so):
        self.waited.append(seconds)
        return is_so()

    def submit(self, count):
        runs = [self.run_of() for _ in range(count)]
        for run in runs:
            self.executor.submit(run)
        return runs

    def beaten(self, run):
        """Tell whether the row was written at this moment."""
        return self.read(run.action.id).stamp == database.now()


class RoomTest(Case):
    def test_what_is_submitted_runs_as_soon_as_there_is_room(self):
        runs = self.submit(4)
        self.assertEqual(runs[:2], self.begun())
        self.assertEqual(set(runs), set(self.executor.held()))
        self.go()
        self.assertEqual(['success'] * 4, [self.told(run)[0]
                                           for run in runs])
        self.assertEqual([], self.executor.held())

    def test_more_room_is_used_at_the_next_beat(self):
        runs = self.submit(3)
        self.room = 3
        self.executor.beat()
        self.assertEqual(runs, self.begun())

    def test_there_is_room_for_what_would_run_at_once(self):
        for held in range(4):
            self.assertIs(held < 2, self.executor.has_room())
            self.submit(1)
        self.room = 5
        self.assertIs(True, self.executor.has_room())
        self.executor.close(0)
        self.go()
        self.assertIs(False, self.executor.has_room())

    def test_stores_are_found_out_before_where_they_are_counted(self):
        first, = self.submit(1)
        self.assertEqual((), first.stores)
        self.options.config(group='glance_ext',
                            max_running_actions_per_store=2)
        second, = self.submit(1)
        self.assertEqual({'fast', 'slow'}, second.stores)
        self.go()
        self.assertEqual({'fast', 'slow'}, first.stores)

    def test_stores_that_cannot_be_found_out_hold_nothing_up(self):
        self.options.config(group='glance_ext',
                            max_running_actions_per_store=1)
        self.replace(self.plugin, 'stores', side_effect=OSError('secret'))
        with self.assertLogs(LOG, 'WARNING') as log:
            runs = self.submit(2)
        self.assertEqual((runs, ()), (self.begun(), runs[0].stores))
        self.assertEqual(
            f'The stores of action {runs[0].action.id} could not be found '
            f'out: OSError', log.records[0].getMessage())


class AliveTest(Case):
    def test_what_waits_runs_or_is_kept_is_kept_alive(self):
        runs, kept, other = self.submit(3), self.run_of(), self.run_of()
        with self.executor.keeping(kept):
            self.pass_(60)
            self.executor.beat()
            self.assertEqual(
                [True, True, True, True, False],
                [self.beaten(run) for run in (*runs, kept, other)])
            # What waits moves nothing.
            self.assertEqual({*runs[:2], kept}, {
                call.args[0] for call in self.moved.mock_calls})

    def test_all_that_waits_is_kept_by_one_write(self):
        runs = self.submit(9)
        written = []
        self.replace(task_sweeps, '_keep_all', side_effect=lambda *_, some,
                     moment: written.append([each.id for each in some]))
        for seconds in (29, 2, 28, 2):
            self.pass_(seconds)
            self.executor.beat()
        # It is written to four times within the time that it has.
        self.assertEqual([7, 7], [len(each) for each in written])
        self.assertEqual({run.action.id for run in runs[2:]},
                         set(written[0]))

    def test_what_somebody_else_took_is_left_and_the_others_are_kept(self):
        runs = self.submit(6)
        self.pass_(31)
        run_.Run(self.read(runs[4].action.id), None).fenced(None, 'Theirs')
        self.executor.beat()
        self.assertEqual('Theirs', self.read(runs[4].action.id).message)
        self.assertFalse(runs[4].is_ours())
        self.pass_(1)
        self.assertTrue(all(run.is_ours() for run in (*runs[:4], runs[5])))

    def test_what_was_cancelled_elsewhere_is_found_at_the_next_beat(self):
        runs = self.submit(4)
        self.cancel(runs[3].action.id)
        self.executor.beat()
        self.assertIn(runs[3], self.begun())

    def test_without_a_database_what_waits_is_given_up_when_it_is_stale(self):
        runs = self.submit(3)
        self.replace(task_sweeps, 'keep', side_effect=database.FAILURES[0])
        for seconds, ours in (60, True), (61, False):
            self.pass_(seconds)
            with self.assertLogs(LOG, 'WARNING') as log:
                self.executor.beat()
            self.assertIn('could not be written',
                          log.records[0].getMessage())
            self.assertIs(ours, runs[2].is_ours())

    def test_what_a_request_works_at_is_held_until_it_ends(self):
        kept = self.run_of()
        with self.assertRaises(ValueError), self.executor.keeping(kept):
            self.assertEqual([kept], self.executor.held())
            raise ValueError
        self.assertEqual([], self.executor.held())

    def test_only_the_action_that_is_looked_at_is_beaten(self):
        runs = self.submit(3)
        for looked_at in runs:
            self.pass_(60)
            self.executor.look_at(looked_at.action.id)
            self.assertEqual([looked_at],
                             [run for run in runs if self.beaten(run)])

    def test_one_that_was_cancelled_needs_no_room(self):
        self.room = 1
        runs = self.submit(3)
        work, running = self.jobs.popleft()
        self.cancel(runs[2].action.id)
        self.executor.look_at(runs[2].action.id)
        self.assertEqual([runs[2]], self.begun())
        self.go()
        self.assertEqual('failure', self.told(runs[2])[0])
        work(running)


class CloseTest(Case):
    def test_what_waits_is_handed_back_and_what_runs_may_end(self):
        runs = self.submit(3)
        self.replace(self, 'wait', lambda seconds, is_so: self.go() or is_so())
        self.executor.close(7)
        self.assertEqual(['success', 'success', 'pending'],
                         [self.told(run)[0] for run in runs])
        self.assertEqual(BACK, self.told(runs[2]))
        self.assertEqual([True, True, False],
                         [run.process_ends for run in runs])
        self.assertEqual([], self.executor.held())

    def test_it_waits_as_long_as_the_operator_says(self):
        self.replace(pools, 'seconds_to_end', lambda: 9)
        self.executor.close()
        self.executor.close(0)
        self.executor.close(3)
        self.assertEqual([9, 0, 3], self.waited)

    def test_what_runs_on_is_stopped_and_gets_a_few_seconds(self):
        def wait(seconds, is_so):
            self.waited.append(seconds)
            if len(self.waited) == 2:
                self.go()
            return is_so()

        self.plugin.run = lambda run: run.check()
        run, = self.submit(1)
        self.replace(self, 'wait', wait)
        self.executor.close(7)
        self.assertEqual(([7, 5], BACK), (self.waited, self.told(run)))

    def test_what_does_not_return_is_handed_back_over_its_head(self):
        runs = self.submit(2)
        self.executor.close(7)
        self.assertEqual([BACK] * 2, [self.told(run) for run in runs])
        with self.assertLogs(LOG, 'WARNING'):
            self.go()
        self.assertEqual([BACK] * 2, [self.told(run) for run in runs])

    def test_what_comes_after_the_end_is_handed_back(self):
        self.executor.close(0)
        run, = self.submit(1)
        self.assertEqual((BACK, [], []), (
            self.told(run), self.begun(), self.executor.held()))

    def test_what_somebody_else_has_is_handed_back_by_nobody(self):
        self.executor.close(0)
        run, cancelled = self.run_of(), self.run_of()
        run_.Run(self.read(run.action.id), None).fenced(None, 'Theirs')
        self.pass_(1)
        run_.Run(self.read(run.action.id), None).fenced(None, 'Theirs')
        self.cancel(cancelled.action.id)
        with self.assertNoLogs(LOG, 'WARNING'):
            self.executor.submit(run)
            self.executor.submit(cancelled)
        self.assertEqual(('Theirs', 'rolling-back'),
                         (self.told(run)[2], self.told(cancelled)[1]))

    def test_without_a_database_it_is_taken_over_later(self):
        self.executor.close(0)
        run = self.run_of()
        with self.assertLogs(LOG, 'WARNING') as log:
            self.replace(run, 'hand_back',
                         side_effect=database.db_exception.DBError)
            self.executor.submit(run)
        self.assertEqual(
            f'Action {run.action.id} could not be handed back: DBError. It '
            f'is taken over when it is stale.', log.records[0].getMessage())


class IdleTest(executing.ExecutorCase):
    def test_who_waits_for_the_end_is_told_of_it(self):
        waiting = queue.SimpleQueue()
        real = threading.Condition.wait_for

        def wait_for(condition, is_so, seconds):
            waiting.put(seconds)
            return real(condition, is_so, seconds)

        self.executor.submit(self.run_of())
        self.replace(threading.Condition, 'wait_for', wait_for)
        closing = threading.Thread(target=self.executor.close, args=(30,))
        closing.start()
        self.assertEqual(30, waiting.get(timeout=10))
        self.go()
        closing.join(10)
        self.assertFalse(closing.is_alive())
