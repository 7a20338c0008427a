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
"""A store with five hundred images, drained by three processes in turn."""

from tests.functional import test_manage_drain
from tests.harness.soaking import soak


@soak
class DrainManyTest(test_manage_drain.DrainCase):

    patience = 900

    def test_killed_twice_it_goes_on_where_it_was(self):
        self.killed_twice(500, 100, 300)
