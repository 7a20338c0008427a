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
"""What becomes of an action that waits for a worker."""

import os
import socket

from glance_ext.actions import jobboard
from glance_ext.actions import posting
from glance_ext.actions import run as run_
from glance_ext.host import database
from glance_ext.host import task_sweeps
from tests.unit.actions import executing

LOG = 'glance_ext.actions.posting'


class Board:
    """The methods of :class:`jobboard.Board` that a keeper calls."""

    def __init__(self):
        self.is_away = False
        self.jobs = []
        self.living = []

    def connect(self):
        if self.is_away:
            raise jobboard.Unavailable('It does not answer')
        return self

    def post(self, action_id):
        self.jobs.append(action_id)

    def posted(self):
        return set(self.jobs)

    def workers(self):
        return self.living


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.options.config(group='glance_ext', executor='jobboard')
        self.board = Board()
        self.replace(posting, 'board', lambda: self.board)

    def wait(self, seconds=61, **spec):
        """Return an action that was written so long ago."""
        action = self.new(**spec)
        self.pass_(seconds)
        return action

    def told(self, action):
        row = self.read(action.id)
        return row.status, row.message, row.stamp == database.now()


class BoardTest(executing.ExecutorCase):
    def test_workers_run_the_actions_only_where_it_is_said(self):
        for executor, on in (('local', False), ('jobboard', True)):
            self.options.config(group='glance_ext', executor=executor)
            self.assertIs(on, posting.is_on())

    def test_a_process_has_one_board_by_its_own_name(self):
        self.options.config(group='glance_ext', jobboard_url='redis://h')
        self.addCleanup(posting.board.cache_clear)
        posting.board.cache_clear()
        board = self.replace(jobboard, 'Board')
        self.assertIs(posting.board(), posting.board())
        board.assert_called_once_with(
            'redis://h', f'{socket.gethostname()}:{os.getpid()}')


class FreeTest(Case):
    def test_what_needs_a_token_stays_where_it_is(self):
        for spec, stays in (({}, False), ({'needs_token': True}, True),
                            ({'store_needs_token': True}, True)):
            self.assertIs(stays, posting.stays(self.new(**spec)))

    def test_it_is_free_while_it_has_no_owner_or_a_dead_one(self):
        for status, runner, seconds, spec, free in (
                ('pending', '', 0, {}, True),
                ('pending', 'one', 0, {}, False),
                ('pending', 'one', 121, {}, True),
                ('processing', '', 0, {}, False),
                ('processing', 'one', 121, {}, True),
                ('failure', '', 0, {}, True),
                ('failure', 'one', 0, {}, False),
                ('pending', '', 0, {'upload_timeout': 9}, False),
                ('pending', '', 121, {'upload_timeout': 9}, False)):
            with self.subTest(status, runner=runner, seconds=seconds):
                action = self.new(status, result={'runner': runner}, **spec)
                self.pass_(seconds)
                self.assertIs(free, posting.is_free(self.read(action.id)))


class PostTest(Case):
    def test_it_is_on_the_board(self):
        posting.post('a')
        self.assertEqual(['a'], self.board.jobs)

    def test_a_board_that_is_away_hinders_nobody(self):
        self.board.is_away = True
        with self.assertLogs(LOG, 'WARNING') as log:
            posting.post('a')
        self.assertEqual(
            'Action a is not posted yet: It does not answer',
            log.records[0].getMessage())


class TendTest(Case):
    def test_what_has_waited_is_touched_and_posted_again(self):
        lost, there = self.wait(0), self.wait(61)
        self.board.jobs = [there.id]
        self.board.living = [jobboard.Worker('h', 1, frozenset())]
        posting.tend()
        for action in (lost, there):
            self.assertEqual(('pending', 'Waiting for a worker', True),
                             self.told(action))
        self.assertEqual([there.id, lost.id], self.board.jobs)
        self.assertEqual('', self.read(lost.id).runner)

    def test_each_is_told_what_it_waits_for(self):
        needy, easy = self.wait(0, stores=['slow']), self.wait(61)
        self.board.living = [jobboard.Worker('h', 1, frozenset({'fast'}))]
        self.replace(jobboard.reach, 'lacking', lambda action, stores:
                     'slow' if action.id == needy.id else '')
        posting.tend()
        self.assertEqual(
            ['Waiting: no worker has slow', 'Waiting for a worker'],
            [self.told(action)[1] for action in (needy, easy)])

    def test_what_does_not_wait_or_not_for_long_is_left(self):
        self.replace(posting, 'board', self.fail)
        left = [self.wait(0, status='processing'),
                self.wait(0, status='failure'),
                self.wait(61, upload_timeout=9), self.wait(60)]
        posting.tend()
        self.assertEqual([False] * 4, [self.told(each)[2] for each in left])

    def test_a_board_that_is_away_is_told_of(self):
        self.board.is_away = True
        action = self.wait()
        with self.assertLogs(LOG, 'WARNING') as log:
            posting.tend()
        self.assertEqual(['It does not answer'],
                         [record.getMessage() for record in log.records])
        self.assertEqual(
            ('pending', 'Waiting: the jobboard does not answer', True),
            self.told(action))

    def test_what_somebody_took_meanwhile_is_not_posted(self):
        action = self.wait()
        before = task_sweeps.waiting(database.now(), 1)
        self.replace(task_sweeps, 'waiting', lambda *_: before)
        run_.Run(self.read(action.id), None).take_over()
        self.pass_(1)
        posting.tend()
        self.assertEqual([], self.board.jobs)
        self.assertEqual(36, len(self.read(action.id).runner))


class OfferTest(Case):
    def test_it_is_posted_only_where_it_is_known_not_to_be(self):
        for posted, jobs in ((None, 0), ({'other'}, 1), ({'a'}, 0)):
            self.board.jobs = []
            action = self.new()
            posting.offer(action, 'Waiting', posted and {
                action.id if each == 'a' else each for each in posted})
            self.assertEqual(([action.id] * jobs, 'Waiting'), (
                self.board.jobs, self.read(action.id).message))

    def test_who_has_it_keeps_it(self):
        action = self.new()
        owner = run_.Run(self.read(action.id), None)
        self.pass_(1)
        owner.fenced(None, 'Mine')
        posting.offer(action, 'Waiting', set())
        self.assertEqual(([], 'Mine'), (
            self.board.jobs, self.read(action.id).message))
        owner.fenced(None, 'Mine still')
