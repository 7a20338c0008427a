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
"""What a worker does about each job, on a board that is a dictionary."""

import threading
import types
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.actions import jobboard
from glance_ext.actions import worker
from tests.unit.actions import rows


def action(status='pending', phase='queued', **spec):
    return rows.unstored({'action_type': 'hash', **spec}, status,
                         result={'phase': phase})


class Board:
    """The methods of :class:`jobboard.Board` that a worker calls."""

    def __init__(self):
        self.jobs = {}
        self.claims = set()
        self.shown = None
        self.extended = 0
        self.is_closed = False
        #: What the next connection meets, once each.
        self.troubles = []

    def connect(self):
        if self.troubles:
            raise self.troubles.pop(0)
        return self

    def close(self):
        self.is_closed = True

    def offers(self):
        return [(name, job) for name, job in self.jobs.items()
                if name not in self.claims]

    def claim(self, action_id, job, seconds):
        if job == 'claimed elsewhere':
            return False
        self.claims.add(action_id)
        return True

    @property
    def claimed(self):
        return list(self.claims)

    def consume(self, action_id):
        self.claims.discard(action_id)
        del self.jobs[action_id]

    def abandon(self, action_id):
        self.claims.discard(action_id)

    def is_seen(self):
        return self.shown is not None

    def appear(self, stores, seconds):
        self.shown = stores, seconds

    def extend(self, seconds):
        self.extended += 1

    def disappear(self):
        self.shown = None


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.options.config(heartbeat_timeout=120, group='glance_ext')
        self.board = Board()
        self.executor = mock.Mock()
        self.executor.held.return_value = []
        self.executor.running.return_value = {}
        self.owners = {}
        self.have(worker.task_sweeps, 'owners', lambda ids: self.owners)
        self.actions = {}
        self.have(worker.node, 'start', lambda: self.executor)
        self.have(worker.node, 'show', self.actions.get)
        self.foreign = self.have(worker.tasks, 'get', return_value=None)
        self.have(worker.reach, 'stores', lambda: ['fast'])
        self.lacking = self.have(worker.reach, 'lacking', return_value='')
        self.taking = self.have(worker.keeper, 'take_over',
                                side_effect=self.take_over)
        self.worker = worker.Worker(self.board)

    def have(self, module, name, *new, **how):
        return self.enterContext(mock.patch.object(module, name, *new, **how))

    def take_over(self, found, executor):
        executor.held.return_value.append(types.SimpleNamespace(action=found))
        return True

    def offer(self, found, job='job'):
        self.board.jobs['a'] = job
        if found is not None:
            self.actions['a'] = found

    def look(self):
        self.worker._take()


class TakeTest(Case):
    def test_what_waits_is_claimed_and_goes_on_here(self):
        self.offer(action())
        self.look()
        self.assertEqual(['a'], self.board.claimed)
        self.taking.assert_called_once_with(self.actions['a'], self.executor)
        self.look()
        self.taking.assert_called_once()
        self.assertEqual(['a'], self.board.claimed)

    def test_the_job_of_one_that_ended_here_is_taken_off(self):
        self.offer(action())
        self.look()
        self.executor.held.return_value = []
        self.actions['a'] = action('success', 'ended')
        self.look()
        self.assertEqual({}, self.board.jobs)

    def test_one_that_was_handed_back_is_offered_again(self):
        self.offer(action())
        self.look()
        self.executor.held.return_value = []
        self.executor.has_room.return_value = False
        self.look()
        self.assertEqual(([], {'a': 'job'}),
                         (self.board.claimed, self.board.jobs))

    def offer_many(self, *owners):
        """Offer an action of each of these projects, in this order."""
        for number, owner in enumerate(owners):
            name = f'{owner}{number}'
            found = action()
            found.id, found.owner = name, owner
            self.board.jobs[name] = 'job'
            self.actions[name], self.owners[name] = found, owner
        self.executor.has_room.side_effect = lambda owner=None: (
            len(self.board.claims) < 4)
        self.look()
        return [call.args[0].id for call in self.taking.mock_calls]

    def test_projects_take_turns(self):
        self.assertEqual(['a0', 'b5', 'a1', 'b6'],
                         self.offer_many(*'aaaaabb'))

    def test_a_project_that_has_some_here_comes_after_others(self):
        self.executor.running.return_value = {'a': 1}
        self.assertEqual(['b5', 'a0', 'b6', 'a1'],
                         self.offer_many(*'aaaaabb'))

    def test_what_would_only_wait_for_its_project_is_left_to_others(self):
        self.executor.has_room.side_effect = lambda owner=None: (
            owner != 'p')
        self.offer(action())
        self.look()
        self.assertEqual([], self.board.claimed)

    def test_whose_an_action_is_is_asked_once(self):
        self.executor.has_room.side_effect = lambda owner=None: owner is None
        self.offer(action())
        self.owners['a'] = 'p'
        asked = []
        self.have(worker.task_sweeps, 'owners', lambda ids: asked.append(
            list(ids)) or self.owners)
        self.look()
        self.look()
        self.assertEqual([['a'], []], asked)

    def test_without_room_nothing_is_claimed(self):
        self.executor.has_room.return_value = False
        self.offer(action())
        self.look()
        self.assertEqual([], self.board.claimed)

    def test_the_job_of_no_action_and_of_one_that_ended_goes(self):
        for found in (None, action('failure', 'ended')):
            self.offer(found)
            self.look()
            self.assertEqual({}, self.board.jobs)
        self.taking.assert_not_called()

    def test_the_job_of_a_task_that_is_not_known_as_an_action_stays(self):
        """A worker with another ``secret_key`` must not take all jobs off."""
        self.offer(None)
        self.foreign.return_value = object()
        for _ in range(2):
            self.look()
            self.assertEqual(([], {'a': 'job'}),
                             (self.board.claimed, self.board.jobs))
        self.foreign.assert_called_once_with('a')

    def test_what_another_worker_claims_first_is_left(self):
        for found in (action(), action('success', 'ended')):
            self.offer(found, 'claimed elsewhere')
            self.look()
            self.assertEqual({'a': 'claimed elsewhere'}, self.board.jobs)
        self.taking.assert_not_called()

    def test_what_runs_elsewhere_is_left(self):
        self.offer(action('processing', 'reading'))
        self.look()
        self.assertEqual([], self.board.claimed)

    def test_a_claim_is_given_back_where_the_row_has_another_owner(self):
        self.taking.side_effect = None
        self.taking.return_value = False
        self.offer(action())
        self.look()
        self.assertEqual(([], {'a': 'job'}),
                         (self.board.claimed, self.board.jobs))

    def test_one_that_needs_other_stores_is_passed_over_for_a_while(self):
        self.lacking.return_value = "store 'slow'"
        self.offer(action())
        clock = self.have(worker.time, 'monotonic', return_value=100.0)
        self.look()
        self.lacking.return_value = ''
        clock.return_value += worker._PASS_OVER - 1
        self.look()
        self.assertEqual([], self.board.claimed)
        clock.return_value += 2
        self.look()
        self.assertEqual(['a'], self.board.claimed)

    def test_what_was_passed_over_long_ago_is_forgotten(self):
        self.lacking.return_value = "store 'slow'"
        clock = self.have(worker.time, 'monotonic', return_value=100.0)
        self.worker._passed_over = {'old': 99.0, 'new': 101.0}
        self.offer(action())
        self.look()
        self.assertEqual({'new', 'a'}, set(self.worker._passed_over))
        self.assertEqual(100.0, clock.return_value)


class PresenceTest(Case):
    def test_it_shows_that_it_lives_four_times_within_the_timeout(self):
        clock = self.have(worker.time, 'monotonic', return_value=100.0)
        self.look()
        self.assertEqual((['fast'], 120), self.board.shown)
        for second, times in ((29, 0), (30, 1), (59, 1), (60, 2)):
            clock.return_value = 100.0 + second
            self.look()
            self.assertEqual(times, self.board.extended, second)

    def test_it_appears_again_where_the_board_forgot_it(self):
        clock = self.have(worker.time, 'monotonic', return_value=100.0)
        self.look()
        self.board.shown = None
        clock.return_value += 30
        self.look()
        self.assertTrue(self.board.is_seen())

    def test_it_looks_once_a_second(self):
        self.worker.stopped = mock.Mock()
        self.worker.stopped.wait.side_effect = [False, False, True]
        self.worker.run()
        self.assertEqual([mock.call(1)] * 3,
                         self.worker.stopped.wait.mock_calls)

    def test_it_does_not_appear_on_its_way_out(self):
        appear = self.have(self.board, 'appear')
        self.worker.stopped.set()
        self.worker.run()
        appear.assert_not_called()

    def test_it_is_seen_for_as_long_as_it_hands_back(self):
        self.have(worker, '_LOOK', 0.01)
        self.have(worker.time, 'monotonic', side_effect=range(100, 9999, 30))
        self.look()
        extended, twice = self.board.extend, threading.Event()

        def extend(seconds):
            extended(seconds)
            if self.board.extended == 2:
                twice.set()

        self.board.extend = extend
        waited = []
        self.executor.close = lambda: waited.append(twice.wait(9))
        self.worker.stopped.set()
        self.worker.run()
        self.assertEqual([True], waited)

    def test_told_to_stop_it_hands_back_and_disappears(self):
        self.look()
        self.offer(action())
        self.worker.stopped.set()
        self.worker.run()
        self.executor.close.assert_called_once_with()
        self.assertEqual((None, True, []), (
            self.board.shown, self.board.is_closed, self.board.claimed))


class TroubleTest(Case):
    def test_a_board_that_is_away_is_told_of_once(self):
        self.board.troubles = [jobboard.Unavailable('It does not answer')] * 2
        with self.assertLogs('glance_ext.actions.worker', 'WARNING') as log:
            for _ in range(3):
                self.worker._try(self.look)
            self.board.troubles = [jobboard.Unavailable('Away again')]
            self.worker._try(self.look)
        self.assertEqual(
            ['It does not answer. What runs goes on.',
             'Away again. What runs goes on.'],
            [entry.getMessage() for entry in log.records])

    def test_whatever_fails_it_looks_again(self):
        self.have(worker, '_LOOK', 0.01)
        self.offer(action())
        self.board.troubles = [ValueError('odd')]
        self.taking.side_effect = lambda *_: self.worker.stopped.set()
        with self.assertLogs('glance_ext.actions.worker', 'ERROR') as log:
            self.worker.run()
        self.assertEqual('Looking at the jobboard failed; it is done again',
                         log.records[0].getMessage())
        self.taking.assert_called_once()
