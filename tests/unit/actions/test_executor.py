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
"""Which action runs next, and what the others wait for."""

import collections
import unittest
from unittest import mock
import uuid

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.actions import executor
from glance_ext.actions.run import Run
from glance_ext.host import tasks
from tests.unit.actions import rows

TURN = 'its turn'


def run_of(project: str, *stores: str) -> Run:
    found = Run(rows.unstored({'action_type': 'hash'}, owner=project,
                              action_id=str(uuid.uuid4())), None)
    found.stores = set(stores)
    return found


class NextTest(unittest.TestCase):
    """``pools.room`` would ask a server for its threads."""

    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.enterContext(mock.patch.object(
            executor.pools, 'room', lambda: self.room))
        self.room = 4
        self.limit(project=0)
        self.executor = executor.Executor()

    def limit(self, **limits):
        self.options.config(group='glance_ext', **{
            f'max_running_actions_per_{name}': value
            for name, value in limits.items()})

    def begun(self, *waiting):
        """Return what of these begins to run, in order."""
        for run in waiting:
            self.executor._waiting.setdefault(
                run.action.owner, collections.deque()).append(run)
        return list(iter(self.executor._next, None))

    def ends(self, run):
        self.executor._running.remove(run)
        return self.begun()

    def test_as_many_as_there_is_room_in_order(self):
        self.room = 2
        runs = [run_of('p') for _ in range(4)]
        self.assertEqual(runs[:2], self.begun(*runs))
        self.assertEqual([TURN, TURN], [run.waits_for for run in runs[2:]])
        self.assertEqual(runs[2:3], self.ends(runs[1]))

    def test_one_held_back_by_its_project_does_not_hold_back_others(self):
        self.limit(project=1)
        first, second, third = [run_of('a') for _ in range(3)]
        other = run_of('b')
        self.assertEqual([first, other],
                         self.begun(first, second, third, other))
        self.assertEqual('one of 1 running actions of its project to end',
                         second.waits_for)
        self.assertEqual([second], self.ends(first))
        self.assertEqual([third], self.ends(second))

    def test_one_held_back_by_a_store_waits_for_each_of_its_stores(self):
        self.limit(store=1)
        fast, slow = run_of('a', 'fast'), run_of('b', 'slow')
        both, free = run_of('c', 'fast', 'slow'), run_of('d')
        self.assertEqual([fast, slow, free],
                         self.begun(fast, slow, both, free))
        self.assertEqual('one of 1 running actions on fast to end',
                         both.waits_for)
        self.assertEqual([], self.ends(fast))
        self.assertEqual('one of 1 running actions on slow to end',
                         both.waits_for)
        self.assertEqual([both], self.ends(slow))

    def test_projects_take_turns(self):
        self.room = 1
        many, few = [run_of('a') for _ in range(9)], [run_of('b')]
        first, = self.begun(*many, *few)
        self.assertEqual(many[0], first)
        self.assertEqual(few, self.ends(first))
        self.assertEqual(many[1:2], self.ends(few[0]))
        few = [run_of('b'), run_of('c')]
        self.begun(*few)
        self.assertEqual(few[:1], self.ends(many[1]))
        self.assertEqual(few[1:], self.ends(few[0]))
        self.assertEqual(many[2:3], self.ends(few[1]))

    def test_the_project_with_the_fewest_running_is_next(self):
        self.room = 3
        runs = [run_of('a') for _ in range(9)]
        self.assertEqual(runs[:3], self.begun(*runs))
        others = [run_of('b') for _ in range(9)]
        self.begun(*others)
        # From the second on, one of each runs: they take turns.
        self.assertEqual([others[0], runs[3], others[1], runs[4]], [
            self.ends(run)[0] for run in (runs[0], runs[1], runs[2],
                                          others[0])])

    def test_half_of_the_room_is_one_projects_by_default(self):
        cfg.CONF.clear_override('max_running_actions_per_project',
                                'glance_ext')
        for room, half in (1, 1), (2, 1), (3, 2), (4, 2), (16, 8):
            self.room = room
            self.executor = executor.Executor()
            self.assertEqual(half, len(self.begun(
                *(run_of('a') for _ in range(20)))))
            self.assertEqual(room - half, len(self.begun(
                *(run_of('b') for _ in range(20)))[:room - half]))

    def test_a_limit_that_is_lowered_holds_at_once(self):
        for limit in ('store', 'project'):
            with self.subTest(limit):
                self.executor = executor.Executor()
                self.limit(**{limit: 2})
                runs = [run_of('a', 'fast') for _ in range(3)]
                self.assertEqual(runs[:2], self.begun(*runs))
                self.limit(**{limit: 1})
                self.assertEqual([], self.begun())
                self.assertEqual(runs[2:], [
                    *self.ends(runs[0]), *self.ends(runs[1])])
                self.limit(**{limit: 0})

    def test_zero_is_without_limit(self):
        self.limit(project=0, store=0)
        runs = [run_of('a', 'fast') for _ in range(4)]
        self.assertEqual(runs, self.begun(*runs))

    def test_one_that_is_only_to_be_undone_goes_before_all(self):
        self.room = 1
        self.limit(project=1)
        first, second, failed = [run_of('a') for _ in range(3)]
        self.assertEqual([first], self.begun(first, second))
        failed.action.status = tasks.FAILURE
        self.assertEqual([failed], self.begun(failed))

    def test_what_waits_says_so_in_its_message(self):
        run = run_of('a')
        self.assertEqual('Waiting for its turn', run.say())
        run.waits_for = 'x'
        self.assertEqual('Waiting for x', run.say())
