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
"""Whatever goes wrong: all of it, or nothing."""

from tests.functional.import_life import STORES
from tests.functional.import_life import changed
from tests.functional.import_schedules import SchedulesCase
from tests.harness.soaking import SOAK

STRAIGHT = {'stores': STORES, 'config': changed(
    DEFAULT={'http_retries': 1}, glance_ext={'stall_timeout': 5})}


class StraightTest(SchedulesCase):
    """Without anything in staging."""

    arguments = STRAIGHT

    def test_random_schedules(self):
        self.run_schedules(250 if SOAK else 15, kills=SOAK)


class StagedTest(SchedulesCase):
    """Through staging, with a plugin that changes the image."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'http_retries': 1},
        glance_ext={'copy_through_staging': True},
        image_import_opts={'image_import_plugins':
                           "['inject_image_metadata']"},
        inject_metadata_properties={'inject': 'made:by-plugin',
                                    'ignore_user_roles': 'nobody'})}

    def test_random_schedules(self):
        self.run_schedules(250 if SOAK else 10, kills=SOAK)
