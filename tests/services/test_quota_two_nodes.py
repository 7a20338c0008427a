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
"""``user_storage_quota`` on two API processes and a real database."""

from tests.functional import test_quota_races
from tests.harness.soaking import soak


class TwoNodesTest(test_quota_races.QuotaRaceCase):
    """Where transactions really run beside each other."""

    arguments = test_quota_races.QuotaRaceCase.arguments | {
        'database': 'mariadb', 'server': 'uwsgi', 'processes': 2}

    @soak
    def test_uploads(self):
        self.assertHeld(self.crowd.uploads())

    def test_downloads(self):
        self.assertHeld(self.crowd.downloads())

    def test_copies(self):
        self.copy()
