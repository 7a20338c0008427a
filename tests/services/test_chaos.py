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

"""The short form of ``tests/soak/test_chaos.py``."""

from tests.harness import workers
from tests.services import chaos


class ChaosTest(chaos.ChaosCase):

    def test_everything_breaks_and_nothing_is_wrong_in_the_end(self):
        board = workers.redis()
        self.addCleanup(workers.forget, board)
        self.begin(board)
        self.fire(16, 12)
        self.check(self.settle(90))
