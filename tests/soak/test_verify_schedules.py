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
"""Two hundred schedules of repair, in rounds that a kill ends."""

from tests.functional import verify_schedules
from tests.harness.soaking import soak


@soak
class ScheduleTest(verify_schedules.Schedules):
    def test_no_schedule_loses_a_good_copy_or_records_a_bad_one(self):
        self.run_schedules(200, at_once=10)
