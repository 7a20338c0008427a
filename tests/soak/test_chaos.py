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

"""Hundreds of actions while processes die, hang and are cut off.

``GLANCE_EXT_SOAK_ACTIONS`` is how many (300), ``SEED`` repeats a run.
"""

import os

from tests.harness import workers
from tests.harness.soaking import soak
from tests.services import chaos

ACTIONS = int(os.environ.get('GLANCE_EXT_SOAK_ACTIONS', '300'))


@soak
class ChaosTest(chaos.ChaosCase):

    def run_on(self, board):
        self.begin(board)
        self.fire(ACTIONS * 1.5, ACTIONS)
        found = self.settle(300)
        self.check(found)
        self.assertGreater(len(found), ACTIONS / 4)

    def test_on_redis(self):
        board = workers.redis()
        self.addCleanup(workers.forget, board)
        self.run_on(board)

    def test_on_etcd(self):
        self.run_on(workers.etcd())
