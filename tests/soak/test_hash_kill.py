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
"""``kill -9`` again and again, at any point, of all processes or of one.

Runs with ``GLANCE_EXT_SOAK=1``. ``GLANCE_EXT_SOAK_ROUNDS`` is the number of
kills of each test (20), ``GLANCE_EXT_SOAK_SEED`` repeats a run.
"""

import os
import random
import signal
import time
import unittest

from tests.functional import hash_life
from tests.harness import glance

DATA = hash_life.DATA * 4
ALGORITHMS = ('sha512', 'sha256', 'blake2b')


@unittest.skipUnless(os.environ.get('GLANCE_EXT_SOAK') == '1',
                     'skipped: GLANCE_EXT_SOAK is not 1')
class KillTest(unittest.TestCase):
    """Whatever is killed, every image ends usable, free, and never wrong."""

    def setUp(self):
        self.rounds = int(os.environ.get('GLANCE_EXT_SOAK_ROUNDS', '20'))
        seed = os.environ.get('GLANCE_EXT_SOAK_SEED') or str(time.time_ns())
        self.random = random.Random(seed)
        print(f'GLANCE_EXT_SOAK_SEED={seed}', flush=True)

    def start(self, server, processes):
        """Return a Glance whose stores need a second or two an image."""
        self.glance = glance.Glance(
            server=server, processes=processes,
            config={
                'DEFAULT': {'http_retries': 3},
                'glance_ext': {
                    'heartbeat_timeout': 10, 'max_running_actions': 3}})
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()
        self.glance.fault('slow', bytes_per_second=len(DATA))
        self.images = [self.glance.legacy(DATA) for _ in range(8)] + [
            self.glance.upload(DATA) for _ in range(4)]
        self.actions = {}

    def ask(self):
        """Ask for a hash of an image; 409 while it has an action is right.
        """
        image = self.random.choice(self.images)
        algorithm = self.random.choice(ALGORITHMS)
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/hash',
            {'os_hash_algo': algorithm, 'rehash': True})
        self.assertIn(answer.status, (202, 409), answer.text)
        if answer.status == 202:
            self.actions[answer.json['id']] = image

    def check(self):
        """No image is ever anything but active and right."""
        right = {hash_life.digests(DATA, name) for name in ALGORITHMS}
        for image in self.images:
            self.assertEqual('active', self.glance.image(image)['status'])
            found = hash_life.fields(self.glance, image)
            if found[2] is None:
                self.assertIsNone(found[0])
            else:
                self.assertIn(found, right)

    def check_end(self):
        """Every action comes to an end that says what became of it."""
        codes = set()
        for action in self.actions:
            ended = self.glance.wait_action(action, timeout=120)
            codes.add((ended['error'] or {}).get('code'))
        self.assertLessEqual(codes, {None, 'worker_lost'})
        self.assertIn(None, codes)
        self.check()
        self.assertEqual([], hash_life.locks(self.glance, *self.images))
        for image in self.images:
            self.assertEqual(DATA, self.glance.download(image))
            _, algorithm, value = hash_life.fields(self.glance, image)
            self.assertEqual(algorithm is None, value is None)

    def test_all_processes_at_any_moment(self):
        self.start('waitress', 1)
        for _ in range(self.rounds):
            for _ in range(6):
                self.ask()
            time.sleep(self.random.uniform(0, 6))
            self.glance.kill()
            self.glance.start()
            self.check()
        self.check_end()

    def test_one_worker_at_any_moment(self):
        for server in ('pyuwsgi', 'gunicorn'):
            with self.subTest(server):
                self.start(server, 3)
                master = self.glance.processes_alive()[0]
                for _ in range(self.rounds):
                    for _ in range(4):
                        self.ask()
                    time.sleep(self.random.uniform(0, 6))
                    workers = set(self.glance.processes_alive()) - {master}
                    victim = self.random.choice(sorted(workers))
                    os.kill(victim, signal.SIGKILL)
                    hash_life.until(self.glance.answers)
                    self.check()
                self.check_end()
