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
"""A store that is not mounted: nothing is repaired in it, nor removed."""

import json
import os

from tests.functional import test_manage_hash_missing
from tests.functional import verify_life

DATA = verify_life.DATA[:64 * 1024]
OVERRIDE = '--even-if-store-looks-empty'


class AbsentCase(test_manage_hash_missing.ManageCase,
                 verify_life.VerifyCase):
    """Four images with copies in ``fast`` and ``slow``."""

    arguments = {'config': {'DEFAULT': {'http_retries': 0},
                            'glance_ext': {'heartbeat_timeout': 11}}}

    def setUp(self):
        super().setUp()
        self.images = [self.image(DATA) for _ in range(4)]
        self.places = self.locations()

    def unmount(self, store):
        """Put an empty directory in the place of a store's."""
        place = self.glance.directory / store
        place.rename(f'{place}.away')
        place.mkdir()
        self.addCleanup(self.mount, store)

    def mount(self, store):
        """Have the store back, with what was written meanwhile."""
        place = self.glance.directory / store
        away = place.with_name(f'{store}.away')
        if away.exists():
            for file in place.iterdir():
                file.replace(away / file.name)
            place.rmdir()
            away.rename(place)

    def inside(self, store):
        return set(os.listdir(self.glance.directory / store))

    def locations(self):
        return {tuple(row) for row in self.glance.sql(
            'select l.id, i.id, l.value from image_locations l join images i '
            "on i.id = l.image_id where l.status = 'active' and "
            'l.deleted = 0 and i.deleted = 0')}

    def assertUntouched(self, store, *written):
        """Nothing was written to the empty directory, or forgotten."""
        self.assertEqual(set(written), self.inside(store))
        self.assertEqual(self.places, self.locations())
        for image in self.images:
            self.assertIsNone(self.lock(image))
        self.mount(store)
        for image in self.images:
            self.whole(image, DATA)

    def run_json(self, *arguments, status):
        out = self.manage(*arguments, '--json', status=status)
        return [json.loads(line) for line in out.splitlines()
                if line.startswith('{')]


class RepairTest(AbsentCase):
    def test_a_repair_says_that_the_store_is_missing(self):
        self.unmount('slow')
        action = self.verify(self.images[0], repair=True)
        self.assertEqual('store_unavailable', action['error']['code'])
        self.assertIn("store 'slow' looks as if it were not mounted",
                      action['error']['message'])
        self.assertIn('3 of the 3 copies', action['error']['message'])
        self.assertEqual({'fast': 'good', 'slow': 'missing'},
                         self.verdicts(action))
        self.assertUntouched('slow')

    def test_a_verification_alone_tells_what_it_has_read(self):
        self.unmount('slow')
        self.bad(self.verify(self.images[0]), fast='good', slow='missing')
        self.assertUntouched('slow')

    def test_a_copy_that_is_missing_alone_is_repaired(self):
        for image in self.images[:2]:
            self.glance.store_file('slow', image).unlink()
        self.good(self.verify(self.images[0], repair=True))

    def test_a_sweep_repairs_nothing(self):
        self.unmount('slow')
        lines = self.run_json('verify', '--repair', status=1)
        self.assertEqual({('slow', 'missing')}, {
            (line['store'], line['verdict']) for line in lines[:-1]})
        self.assertEqual(0, lines[-1]['summary']['repaired'])
        self.assertUntouched('slow')

    def test_a_sweep_that_is_told_to_repairs_everything(self):
        self.unmount('slow')
        self.run_json('verify', '--repair', OVERRIDE, status=0)
        self.assertEqual(set(self.images), self.inside('slow'))


class DrainTest(AbsentCase):
    def test_no_location_is_taken_away(self):
        self.unmount('slow')
        lines = self.run_json('drain', 'slow', status=1)
        self.assertEqual(['left'], [line['outcome'] for line in lines[:-1]])
        self.assertUntouched('slow')

    def test_nothing_is_copied_to_where_the_target_was(self):
        alone = self.glance.upload(DATA, stores=['fast'])
        self.places = self.locations()
        self.unmount('slow')
        self.run_json('drain', 'fast', '--to', 'slow', status=1)
        self.assertUntouched('slow')
        self.whole(alone, DATA, ('fast',))

    def test_what_was_removed_half_is_not_forgotten(self):
        row, image, _ = min(place for place in self.places
                            if '/slow/' in place[2])
        self.glance.sql(
            "update image_locations set status = 'pending_delete', "
            'deleted = 1 where id = ?', (row,))
        self.unmount('slow')
        self.run_json('drain', 'slow', status=1)
        self.assertEqual('pending_delete', self.glance.sql(
            'select status from image_locations where id = ?', (row,))[0][0])
        self.mount('slow')
        self.run_json('drain', 'slow', status=0)
        self.assertEqual(set(), self.inside('slow'))
        self.whole(image, DATA, ('fast',))

    def test_one_that_is_told_to_empties_what_is_lost(self):
        self.unmount('slow')
        lines = self.run_json('drain', 'slow', OVERRIDE, status=0)
        self.assertEqual(['removed'] * 4,
                         [line['outcome'] for line in lines[:-1]])
