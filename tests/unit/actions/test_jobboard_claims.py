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
"""What a process does on the board, with a taskflow of the test's."""

import json
import os
import socket
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture
from taskflow import exceptions
from taskflow import states

from glance_ext import conf
from glance_ext import errors
from glance_ext.actions import jobboard

ME = 'host:1'


class Job:
    """What a server tells; its strings are equal to ours, and no more."""

    def __init__(self, name, details):
        self.name = json.loads(json.dumps(name))
        self.details = json.loads(json.dumps(details))
        self.set_state(states.UNCLAIMED)
        self.owner = self.expiry = None

    def set_state(self, state):
        self.state = json.loads(json.dumps(state))

    def extend_expiry(self, seconds):
        self.expiry += seconds


class Taskflow:
    """The methods of taskflow's jobboards that are called."""

    def __init__(self):
        self.connected = False
        self.connections = 0
        self.jobs = []
        self.trouble = None

    def meet(self):
        if self.trouble:
            raise self.trouble

    def connect(self):
        self.meet()
        self.connected = True
        self.connections += 1

    def close(self):
        self.connected = False
        self.meet()

    def post(self, name, details):
        self.meet()
        job = Job(name, details)
        self.jobs.append(job)
        return job

    def iterjobs(self, *, ensure_fresh, only_unclaimed=False):
        self.meet()
        assert ensure_fresh
        for job in list(self.jobs):
            if not only_unclaimed or job.state == states.UNCLAIMED:
                yield job

    def claim(self, job, who, *, expiry):
        self.meet()
        if job not in self.jobs:
            raise exceptions.NotFound('m')
        if job.state != states.UNCLAIMED:
            raise exceptions.UnclaimableJob('m')
        job.set_state(states.CLAIMED)
        job.owner, job.expiry = who, expiry

    def consume(self, job, who):
        self.abandon(job, who)
        self.jobs.remove(job)

    def abandon(self, job, who):
        self.meet()
        if job not in self.jobs:
            raise exceptions.NotFound('m')
        if job.owner != who:
            raise ValueError('not yours')
        job.set_state(states.UNCLAIMED)


class Case(unittest.TestCase):
    def setUp(self):
        self.taskflow = Taskflow()
        self.fetch = self.enterContext(mock.patch(
            'taskflow.jobs.backends.fetch', return_value=self.taskflow))
        self.board = jobboard.Board('redis://h', ME)

    def claim(self, action_id='a', seconds=120):
        """Claim an action that is on the board, or posted now."""
        offers = dict(self.board.offers())
        if action_id not in offers:
            self.board.post(action_id)
            offers = dict(self.board.offers())
        return self.board.claim(action_id, offers[action_id], seconds)

    def refused(self, call, *args):
        with self.assertRaises(jobboard.Unavailable) as caught:
            call(*args)
        return str(caught.exception)


class ConnectionTest(Case):
    def test_taskflow_is_told_what_the_url_says(self):
        self.fetch.assert_called_once_with('glance_ext', {
            'board': 'redis', 'host': 'h', 'db': '0',
            'namespace': 'glance_ext', 'socket_timeout': 5,
            'socket_connect_timeout': 5})

    def test_it_connects_once(self):
        self.assertIs(self.board, self.board.connect())
        self.board.connect()
        self.assertEqual(1, self.taskflow.connections)

    def test_it_closes_whatever_happens(self):
        self.board.connect()
        self.taskflow.trouble = OSError
        self.board.close()
        self.assertFalse(self.taskflow.connected)

    def test_no_trouble_of_a_server_gets_out_as_it_is(self):
        self.assertTrue(self.claim())
        self.board.appear([], 120)
        self.taskflow.trouble = OSError('redis://u:secret@h')
        board = self.board
        for call, *args in (
                (board.connect,), (board.post, 'b'), (board.posted,),
                (list, board.offers()), (board.claim, 'b', None, 9),
                (board.consume, 'a'), (board.workers,),
                (board.appear, [], 9), (board.disappear,)):
            self.assertEqual('The jobboard does not answer: OSError',
                             self.refused(call, *args))

    def test_who_reads_offers_may_have_troubles_of_its_own(self):
        self.board.post('a')
        for trouble in (errors.Cancelled('m'), jobboard.Unavailable('m')):
            offers = self.board.offers()
            next(offers)
            with self.assertRaises(type(trouble)) as caught:
                offers.throw(trouble)
            self.assertIs(trouble, caught.exception)


class ActionsTest(Case):
    def test_what_is_posted_is_offered_until_it_is_claimed(self):
        self.board.post('a')
        self.board.post('b')
        self.board.appear([], 9)
        self.assertEqual({'a', 'b'}, self.board.posted())
        self.assertEqual(['a', 'b'], [name for name, _ in
                                      self.board.offers()])
        self.assertIs(True, self.claim('a', 77))
        self.assertEqual(({'a', 'b'}, ['b'], ['a'], (ME, 77)), (
            self.board.posted(), [name for name, _ in self.board.offers()],
            self.board.claimed, (self.taskflow.jobs[0].owner,
                                 self.taskflow.jobs[0].expiry)))

    def test_what_is_claimed_elsewhere_or_gone_is_not_claimed(self):
        self.board.post('a')
        (_, job), = self.board.offers()
        job.state = states.CLAIMED
        self.assertIs(False, self.board.claim('a', job, 9))
        self.taskflow.jobs.clear()
        self.assertIs(False, self.board.claim('a', job, 9))
        self.assertEqual([], self.board.claimed)

    def test_a_job_of_an_unknown_kind_is_nothing(self):
        self.taskflow.post('action', {})
        self.taskflow.post('another', {'action_id': 'x'})
        self.assertEqual(({''}, ['']), (
            self.board.posted(), [name for name, _ in self.board.offers()]))

    def test_what_has_ended_is_taken_off(self):
        self.claim()
        self.board.consume('a')
        self.board.consume('a')
        self.assertEqual(([], set()), (self.board.claimed,
                                       self.board.posted()))

    def test_what_is_given_back_is_offered_again(self):
        self.claim()
        self.board.abandon('a')
        self.board.abandon('a')
        self.assertEqual(([], ['a']), (
            self.board.claimed, [name for name, _ in self.board.offers()]))

    def test_a_claim_that_ran_out_is_no_trouble(self):
        for end in (self.board.consume, self.board.abandon):
            self.claim()
            self.taskflow.jobs.clear()
            end('a')
            self.assertEqual([], self.board.claimed)


class WorkersTest(Case):
    def test_a_worker_is_seen_with_its_stores(self):
        self.assertIs(False, self.board.is_seen())
        self.board.appear(['fast', 'slow'], 77)
        self.assertIs(True, self.board.is_seen())
        self.assertEqual(
            [(socket.gethostname(), os.getpid(),
              frozenset({'fast', 'slow'}))], self.board.workers())
        job, = self.taskflow.jobs
        self.assertEqual(('worker', ME, 77), (job.name, job.owner,
                                              job.expiry))
        job.state = states.COMPLETE
        self.assertIs(False, self.board.is_seen())

    def test_it_disappears_once(self):
        self.board.disappear()
        self.board.appear([], 77)
        self.board.disappear()
        self.board.disappear()
        self.assertEqual(([], False), (self.taskflow.jobs,
                                       self.board.is_seen()))

    def test_all_that_it_has_is_extended(self):
        self.board.extend(5)
        self.claim('a', 10)
        self.claim('b', 20)
        self.board.extend(5)
        self.board.appear([], 30)
        self.board.extend(5)
        self.assertEqual([20, 30, 35],
                         [job.expiry for job in self.taskflow.jobs])

    def test_what_died_is_forgotten(self):
        self.board.post('a')
        for state in (states.UNCLAIMED, states.CLAIMED, states.COMPLETE):
            self.taskflow.post('worker', {
                'host': state, 'pid': 1, 'stores': []}).state = state
        expiries = self.note_claims()
        self.assertEqual(
            [jobboard.Worker(states.CLAIMED, 1, frozenset())],
            self.board.workers())
        self.assertEqual(
            (['action', states.CLAIMED, states.COMPLETE], [5, 5]),
            ([job.details.get('host', job.name)
              for job in self.taskflow.jobs], expiries))

    def note_claims(self):
        expiries, claim = [], self.taskflow.claim

        def noted(job, who, *, expiry):
            expiries.append(expiry)
            claim(job, who, expiry=expiry)

        self.taskflow.claim = noted
        return expiries


class ModuleTest(Case):
    def setUp(self):
        super().setUp()
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.options.config(group='glance_ext', jobboard_url='etcd://e')

    def test_what_is_wrong_with_the_option_is_said(self):
        jobboard.check()
        self.assertEqual('e', self.fetch.call_args.args[1]['host'])
        self.assertFalse(self.taskflow.connected)
        self.options.config(group='glance_ext', jobboard_url='http://e')
        self.assertEqual('jobboard_url is no redis://, rediss://, etcd:// or '
                         'etcds:// URL', self.refused(jobboard.check))

    def test_a_board_for_a_moment_is_closed_in_the_end(self):
        with self.assertRaises(ValueError), jobboard.connected() as board:
            self.assertTrue(self.taskflow.connected)
            board.appear([], 9)
            self.assertEqual(f'{os.getpid()}', self.taskflow.jobs[0].owner)
            raise ValueError
        self.assertFalse(self.taskflow.connected)
