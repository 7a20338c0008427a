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
"""An action is cancelled while its process is frozen, or gone."""

import os
import signal
import time
import unittest

from tests.functional import hash_life as life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.functional.test_hash_crash import TAKEN_OVER
from tests.functional.test_hash_crash import stall
from tests.functional.test_hash_crash import started


class GoneTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        dead = started(cls)
        cls.frozen = started(cls, first=dead)
        cls.alive = started(cls, first=dead)
        cls.images = {'dead': dead.legacy(DATA), 'frozen': dead.legacy(DATA)}
        cls.actions = {'dead': stall(dead, cls.images['dead']),
                       'frozen': stall(cls.frozen, cls.images['frozen'])}
        processes = cls.frozen.processes_alive()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        dead.kill()
        began = time.monotonic()
        cls.answers = [cls.alive.request(
            'DELETE', f'/v2/image-actions/{action}').status
            for action in cls.actions.values()]
        cls.at_once = [cls.alive.action(action)
                       for action in cls.actions.values()]
        cls.ended = {
            name: cls.alive.wait_action(action, timeout=60)
            for name, action in cls.actions.items()}
        cls.took = time.monotonic() - began
        cls.before = [life.fields(cls.alive, image)
                      for image in cls.images.values()]
        for process in processes:
            os.kill(process, signal.SIGCONT)

    def test_it_has_failed_at_once(self):
        self.assertEqual([204, 204], self.answers)
        for action in self.at_once:
            self.assertEqual(
                ('failure', 'rolling-back', 'cancelled'),
                (action['status'], action['phase'], action['error']['code']))

    def test_another_process_undoes_it(self):
        self.assertLess(self.took, TAKEN_OVER + 5)
        for name, action in self.ended.items():
            with self.subTest(name):
                self.assertEqual('cancelled', action['error']['code'])
                image = self.images[name]
                self.assertEqual(life.NOTHING,
                                 life.fields(self.alive, image))
                self.assertEqual([], life.locks(self.alive, image))

    def test_a_process_that_comes_back_writes_nothing(self):
        until(lambda: f'Action {self.actions["frozen"]} has another owner '
                      f'now' in self.frozen.log())
        self.assertEqual(self.before, [
            life.fields(self.alive, image) for image in self.images.values()])
