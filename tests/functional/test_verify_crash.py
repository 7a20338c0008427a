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
"""Repairs, and everything else at once, with ``kill -9`` in between."""

from tests.functional import verify_schedules
from tests.functional.hash_life import until
from tests.functional.verify_life import DAMAGE
from tests.functional.verify_life import DATA


class CrashTest(verify_schedules.Schedules):
    def test_no_schedule_loses_a_good_copy_or_records_a_bad_one(self):
        self.run_schedules(20, at_once=20)


class AftercareTest(verify_schedules.Schedules):
    """What a save or a deletion that knew less leaves of a repair."""

    RETRIES = 1

    def repaired(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0])
        fault = self.glance.fault('raise', store='fast', at=None)
        found = self.bad(self.verify(image, repair=True),
                         fast='unreachable', slow='good', cold='good')
        self.assertEqual('corrupt', found['slow']['found'])
        self.glance.clear_faults(fault)
        return image

    def test_what_a_save_took_away_is_back(self):
        image = self.repaired()
        self.glance.sql(
            "update image_locations set deleted = 1, status = 'deleted' "
            "where image_id = ? and value like '%/slow/%'", (image,))
        self.assertNotIn('slow', self.glance.image(image)['stores'])
        until(lambda: 'slow' in self.glance.image(image)['stores'])
        self.good(self.verify(image), *self.STORES)

    def test_what_a_deletion_left_is_deleted(self):
        image = self.repaired()
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        file = self.glance.store_file('slow', image)
        file.write_bytes(DATA)
        until(lambda: not file.exists())
