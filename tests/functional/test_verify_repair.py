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
"""``{"repair": true}``: bad copies are replaced from good ones."""

from tests.functional import cases
from tests.functional import verify_life
from tests.functional.verify_life import DAMAGE
from tests.functional.verify_life import DATA


class RepairTest(verify_life.VerifyCase):
    def locations(self, image):
        return self.glance.sql(
            'select id, value, status, deleted from image_locations '
            'where image_id = ?', (image,))

    def test_each_damage_is_repaired_and_found_good_again(self):
        image = self.image()
        for turn, (name, (how, verdict, _)) in enumerate(DAMAGE.items()):
            with self.subTest(name):
                store, other = (self.STORES[turn % 2],
                                self.STORES[1 - turn % 2])
                self.damage(image, how, store)
                file = self.glance.store_file(other, image)
                good = file.stat()
                result = self.good(self.verify(image, repair=True))
                self.assertEqual(verdict, result['stores'][store]['found'])
                self.whole(image)
                self.assertEqual(
                    (good.st_ino, good.st_mtime_ns),
                    (file.stat().st_ino, file.stat().st_mtime_ns))

    def test_without_a_good_copy_nothing_is_touched(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0], 'fast')
        self.damage(image, DAMAGE['cut'][0], 'slow')
        locations = self.locations(image)
        found = self.bad(self.verify(image, repair=True), fast='corrupt',
                         slow='short')
        for store in self.STORES:
            self.assertEqual('No copy is proven to be good',
                             found[store]['not_repaired'])
        self.assertEqual(locations, self.locations(image))
        self.assertEqual(verify_life.flip(DATA), self.glance.store_file(
            'fast', image).read_bytes())

    def test_a_store_that_cannot_be_reached_is_left_alone(self):
        image = self.image()
        self.glance.fault('raise', store='slow', at=None)
        found = self.bad(self.verify(image, repair=True), fast='good',
                         slow='unreachable')
        self.assertEqual('The store cannot be reached',
                         found['slow']['not_repaired'])
        self.glance.clear_faults()
        self.whole(image)

    def test_the_location_is_away_while_the_copy_is_written(self):
        image = self.image()
        self.damage(image, DAMAGE['gone'][0])
        slow = self.glance.fault('slow', store='fast', image=image,
                                 bytes_per_second=len(DATA) // 2)
        action = self.expect(202, self.ask(image, repair=True)).json
        cases.until(lambda: self.glance.image(image)['stores'] == 'fast')
        self.assertEqual(action['id'], self.lock(image))
        self.expect(409, self.ask(image, repair=True))
        self.glance.clear_faults(slow)
        self.good(self.ended(action['id']))
        self.whole(image)

    def test_a_deletion_meanwhile_leaves_nothing(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0])
        self.glance.fault('slow', store='fast', image=image,
                          bytes_per_second=len(DATA) // 2)
        action = self.expect(202, self.ask(image, repair=True)).json
        cases.until(lambda: self.glance.image(image)['stores'] == 'fast')
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        self.failed('image_deleted', self.ended(action['id']))
        for store in self.STORES:
            self.assertFalse(self.glance.store_file(store, image).exists())
