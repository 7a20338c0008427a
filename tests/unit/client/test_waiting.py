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

import time
import unittest

import openstack.connection

from glance_ext import client
from glance_ext.client import errors
from glance_ext.client import waiting
from tests.unit.client import stub

CALL = 'GET /v2/image-actions/a1'


def reply(status, **fields):
    return stub.Reply(200, {'id': 'a1', 'status': status, **fields})


class FollowTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(stub.Server())
        self.client = client.Client(
            openstack.connection.Connection(session=self.server.session())
        )

    def test_waits_for_either_end(self):
        for end in ('success', 'failure'):
            with self.subTest(end):
                seen = []
                self.server.on(
                    CALL, reply('pending'), reply('processing'), reply(end)
                )
                ended = self.client.wait('a1', callback=seen.append)
                self.assertEqual(end, ended.status)
                self.assertEqual(
                    ['pending', 'processing', end],
                    [action.status for action in seen],
                )

    def test_what_is_cancelled_has_ended_when_it_is_rolled_back(self):
        self.server.on(
            CALL,
            reply('failure', phase='rolling-back'),
            reply('failure', phase='ended'),
        )
        self.assertEqual('ended', self.client.wait('a1').phase)

    def test_an_id_is_taken_when_there_is_room_for_it(self):
        for name in ('a1', 'a2', 'a3'):
            self.server.on(
                f'GET /v2/image-actions/{name}',
                reply('processing', id=name),
                reply('success', id=name),
            )
        taken = []

        def ids():
            for name in ('a1', 'a2', 'a3'):
                taken.append((name, len(self.server.requests)))
                yield name

        seen = list(self.client.follow(ids(), parallel=2))
        self.assertEqual(6, len(seen))
        # The third after both had been looked at twice.
        self.assertEqual([('a1', 0), ('a2', 0), ('a3', 4)], taken)

    def test_a_status_that_is_not_known_is_no_end(self):
        self.server.on(CALL, reply('resting'), reply('success'))
        self.assertTrue(self.client.wait('a1').succeeded)
        self.assertEqual(2, len(self.server.requests))

    def test_follows_several_until_each_has_ended(self):
        self.server.on(CALL, reply('processing'), reply('success'))
        gone = 'GET /v2/image-actions/a2'
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, {}))
        seen = list(self.client.follow(['a1', 'a2']))
        self.assertEqual(['a1', 'a2', 'a1'], [name for name, _ in seen])
        self.assertEqual('processing', seen[0][1].status)
        self.assertEqual(404, seen[1][1].status)
        self.assertEqual('success', seen[2][1].status)
        self.assertEqual(1, self.server.calls().count(gone))

    def test_nothing_to_follow(self):
        for parallel in (None, 1):
            self.assertEqual([], list(self.client.follow([], None, parallel)))
        self.assertEqual([], self.server.requests)

    def test_an_action_that_is_gone_ends_the_wait(self):
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, {}))
        with self.assertRaises(errors.Refused) as raised:
            self.client.wait('a1')
        self.assertEqual('Not known. (HTTP 404)', str(raised.exception))

    def test_a_server_that_restarts_is_waited_for(self):
        self.server.on(
            CALL,
            reply('processing'),
            stub.Reply(cut=True),
            stub.Reply(503, 'Busy', 'text/plain'),
            reply('success'),
        )
        self.assertTrue(self.client.wait('a1').succeeded)
        self.assertEqual(4, len(self.server.requests))

    def test_a_server_that_does_not_come_back_is_not(self):
        self.addCleanup(setattr, waiting, 'PATIENCE', waiting.PATIENCE)
        waiting.PATIENCE = 0.3
        self.server.on(CALL, stub.Reply(503, 'Busy', 'text/plain'))
        with self.assertRaisesRegex(errors.Refused, 'Busy'):
            self.client.wait('a1')
        self.assertGreater(len(self.server.requests), 1)

    def test_the_time_to_wait_is_kept(self):
        self.server.on(CALL, reply('processing'))
        begun = time.monotonic()
        with self.assertRaises(errors.WaitTimeout) as raised:
            self.client.wait('a1', timeout=0.4)
        self.assertLess(0.4, time.monotonic() - begun)
        self.assertEqual(('a1',), raised.exception.action_ids)
        self.assertEqual('Not ended after 0.4 s: a1', str(raised.exception))

    def test_asks_less_and_less_often(self):
        self.addCleanup(
            setattr, waiting, 'LONGEST_PAUSE', waiting.LONGEST_PAUSE
        )
        waiting.LONGEST_PAUSE = 0.3
        times = []

        def note(action):
            times.append(time.monotonic())
            if len(times) == 7:
                self.server.on(CALL, reply('success'))

        self.server.on(CALL, reply('processing'))
        self.client.wait('a1', callback=note)
        pauses = [b - a for a, b in zip(times, times[1:], strict=False)]
        for least, pause in zip(
            (0.1, 0.15, 0.225, 0.3, 0.3, 0.3), pauses, strict=False
        ):
            self.assertGreaterEqual(pause, least)

    def test_looks_again_when_the_server_expects_the_end(self):
        self.addCleanup(setattr, waiting, 'FIRST_PAUSE', waiting.FIRST_PAUSE)
        waiting.FIRST_PAUSE = waiting.LONGEST_PAUSE
        soon = {'eta_seconds': 0.6}
        self.server.on(
            CALL, reply('processing', progress=soon), reply('success')
        )
        begun = time.monotonic()
        self.client.wait('a1')
        self.assertLess(0.6, time.monotonic() - begun)
        self.assertLess(time.monotonic() - begun, waiting.LONGEST_PAUSE)
