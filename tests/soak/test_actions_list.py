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
"""How long a list of actions takes in a table that is full of them.

``GLANCE_EXT_SOAK_EXPIRED`` is how many have expired (10,000). A tenth as many
live. Both lists are measured by turns, on MariaDB.
"""

import os
import signal
import statistics
import time

from tests.functional import cases
from tests.harness import glance
from tests.harness import mariadb
from tests.harness.soaking import soak
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER

EXPIRED = int(os.environ.get('GLANCE_EXT_SOAK_EXPIRED', '10000'))
FEW, TURNS = 10, 40


@soak
class FullTableTest(cases.HashCase):

    def setUp(self):
        self.glances = [self.filled(FEW, 0),
                        self.filled(EXPIRED // 10, EXPIRED)]

    def filled(self, live, expired):
        """Return a Glance with so many actions of MEMBER's project."""
        on = glance.Glance(database=mariadb.Database(),
                           config={'glance_ext': cases.TRUSTING})
        self.addCleanup(on.stop, signal.SIGKILL)
        on.start()
        image = on.legacy(b'data', user=MEMBER, visibility='private')
        action = on.request('POST', f'/v2/images/{image}/hash', {}).json['id']
        on.wait_action(action)
        on.sql("update tasks set owner = 'project' where id = ?", (action,))
        name = "concat(lpad(hex(seq), 8, '0'), '-0000-4000-8000-', '{}')"
        # An action lives for two days after its end.
        step = 2 * 24 * 3600 // live
        for count, mark, first in (
                (live - 1, '000000000000', 0),
                (expired, '00000000000f', 2 * 24 * 3600)):
            if not count:
                continue
            numbers, key = f'seq_1_to_{count}', name.format(mark)
            age = f'interval {first} + seq * {step} second'
            on.sql(
                'insert into tasks (id, type, status, owner, image_id, '
                'created_at, updated_at, expires_at, deleted) select '
                f'{key}, type, status, owner, image_id, '
                f'date_sub(created_at, {age}), date_sub(updated_at, {age}), '
                f'date_sub(expires_at, {age}), 0 '
                f'from tasks, {numbers} where id = ?', (action,))
            on.sql(
                'insert into task_info (task_id, input, result, message) '
                f'select {key}, input, result, message from task_info, '
                f'{numbers} where task_id = ?', (action,))
        return on

    def test_a_page_takes_as_long_as_where_there_are_few(self):
        for user, path in (
                (MEMBER, '/v2/image-actions?limit=10'),
                (ADMIN, '/v2/image-actions?limit=10&status=success')):
            took = [[], []]
            for turn in range(TURNS):
                for on, times in zip(self.glances, took, strict=True):
                    begun = time.perf_counter()
                    answer = on.request('GET', path, user=user)
                    if turn:
                        times.append(time.perf_counter() - begun)
                    self.assertEqual(
                        FEW, len(answer.json['image_actions']))
            few, many = map(statistics.median, took)
            print(f'{path}: {few * 1000:.1f} ms with {FEW} actions, '
                  f'{many * 1000:.1f} ms with {EXPIRED // 10} and {EXPIRED} '
                  f'that have expired: {many / few:.2f} times as long')
            # What an index would not save is many times as long.
            self.assertLess(many, 3 * few)
