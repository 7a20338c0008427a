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
"""Two and three actions of any kinds on one image or one id."""

import collections
from concurrent import futures
import os
import random
import subprocess
import sys
import threading
import time

from tests.functional import action_schedules
from tests.functional import cases
from tests.harness.backends import http
from tests.harness.backends import http_raw
from tests.harness.soaking import SOAK

SEED = int(os.environ.get('GLANCE_EXT_SOAK_SEED', time.time_ns()))
COUNT = int(os.environ.get('GLANCE_EXT_SOAK_SCHEDULES',
                           '1000' if SOAK else '24'))
AT_ONCE = 8


class ActionsTest(cases.HashCase):
    """Two processes share the stores and the database."""

    arguments = {
        'database': 'mariadb', 'server': 'gunicorn', 'processes': 2,
        'config': {
            'DEFAULT': {'http_retries': 1, 'image_size_cap': 1 << 30},
            'glance_ext': {'heartbeat_timeout': 10, 'stall_timeout': 5,
                           'max_running_actions': 16,
                           'import_upload_timeout': 20},
            'wsgi': {'task_pool_threads': 24}}}
    drains = SOAK

    def setUp(self):
        super().setUp()
        self.server = self.enterContext(http.Server())
        self.target = self.enterContext(http_raw.Server(
            lambda headers, body: http_raw.answer(201)))
        self.draining = threading.Lock()
        self.faulting = threading.Lock()

    def drain(self):
        # A program of its own: who has threads does not fork.
        config = self.glance.directory / 'etc' / 'glance-api.conf'
        with self.draining:
            subprocess.run(
                [sys.executable, '-m', 'glance_ext.cmd.manage',
                 '--config-file', str(config), 'drain', 'slow'],
                capture_output=True, timeout=300)

    def one(self, seed):
        schedule = action_schedules.Schedule(self, seed)
        try:
            schedule.begin()
        finally:
            schedule.end()
        return [each for each in schedule.did if '{' not in each]

    def test_every_image_has_its_data_and_nobody_loses_an_object(self):
        chosen = random.Random(SEED)
        seeds = [chosen.getrandbits(32) for _ in range(COUNT)]
        failed, did = [], collections.Counter()
        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            running = {pool.submit(self.one, seed): seed for seed in seeds}
            for each in futures.as_completed(running):
                if cause := each.exception():
                    failed.append((running[each], repr(cause)))
                    print('failed', failed[-1], flush=True)
                else:
                    did.update(each.result())
                    ended = sum(future.done() for future in running)
                    if not ended % 50:
                        print(f'{ended} ended', flush=True)
        print(f'{COUNT} schedules, seed {SEED}, {len(failed)} failed: '
              f'{sorted(did.items())}', flush=True)
        self.assertEqual([], failed)
