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
"""``glance-ext-manage verify``, beside a real Glance."""

import json
import signal
import time

from tests.functional import test_manage_hash_missing
from tests.functional import verify_life
from tests.functional.verify_life import DAMAGE
from tests.functional.verify_life import DATA


class ScrubCase(test_manage_hash_missing.ManageCase,
                verify_life.VerifyCase):
    STORES = 'fast', 'slow'

    def scrub(self, *arguments, status=0):
        """Return the lines, and the summary with ``complete`` in it."""
        out = self.manage('verify', *arguments, '--json', status=status)
        *lines, last = map(json.loads, out.splitlines())
        return lines, {**last['summary'], 'complete': last['complete']}

    def verified(self):
        """Return ``{image: when its copy in fast was verified}``."""
        found = {}
        for image, text in self.glance.sql(
                'select image_id, meta_data from image_locations '
                'where deleted = 0'):
            metadata = json.loads(text)
            if metadata['store'] == 'fast':
                found[image] = metadata.get('glance_ext_verified_at')
        return found

    def date(self, image, moment):
        """Say that an image was verified at that time."""
        for row, text in self.glance.sql(
                'select id, meta_data from image_locations '
                'where image_id = ?', (image,)):
            metadata = {**json.loads(text), 'glance_ext_verdict': 'good',
                        'glance_ext_verified_at': moment}
            self.glance.sql(
                'update image_locations set meta_data = ? where id = ?',
                (json.dumps(metadata), row))


class ScrubTest(ScrubCase):
    def test_bad_copies_are_told_with_a_line_each_and_repaired(self):
        good, bad = self.image(), self.image()
        alone = self.glance.legacy(DATA, stores=['fast'])
        self.damage(bad, DAMAGE['block'][0])
        lines, summary = self.scrub(status=1)
        self.assertEqual(
            [{'image_id': bad, 'verdict': 'corrupt', 'store': 'slow',
              'bytes': len(DATA), 'range': {'first': 8192, 'last': 12287}},
             {'image_id': alone, 'verdict': 'without-hash'}],
            sorted(lines, key=lambda line: line['verdict']))
        self.assertEqual(
            {'images': 3, 'bytes': 4 * len(DATA), 'repaired': 0,
             'corrupt': 1, 'good': 3, 'without-hash': 1, 'complete': True},
            summary)
        text = self.manage('verify', '--repair')
        self.assertIn(f'{bad} good         slow 1.0 MiB bytes 8192 to 12287 '
                      f'was corrupt\n', text)
        self.assertIn('1 repaired', text)
        self.whole(bad)
        self.whole(good)
        self.scrub()

    def test_what_cannot_be_repaired_stays_bad(self):
        image = self.image()
        for store in self.STORES:
            self.damage(image, DAMAGE['bit'][0], store)
        lines, _ = self.scrub('--repair', status=1)
        self.assertEqual({'No copy is proven to be good'},
                         {line['not_repaired'] for line in lines})

    def test_the_oldest_come_first_and_a_budget_covers_others_each_time(self):
        images = [self.glance.upload(DATA) for _ in range(3)]
        for year, image in zip((2022, 2020, 2021), images, strict=True):
            self.date(image, f'{year}-01-01T00:00:00Z')
        lines, _ = self.scrub('--dry-run')
        self.assertEqual([images[1], images[2], images[0]],
                         [line['image_id'] for line in lines])
        before = self.verified()
        for turn in (1, 2, 0):
            # At this rate one image takes all the time there is.
            _, summary = self.scrub('--max-duration', '1',
                                    '--bytes-per-second', '700k', status=3)
            self.assertEqual(1, summary['images'])
            now = self.verified()
            self.assertEqual({images[turn]}, {
                image for image in images if now[image] != before[image]})
            before = now

    def test_what_was_good_lately_is_left_out_and_what_was_bad_is_not(self):
        good, bad = self.image(), self.image()
        self.damage(bad, DAMAGE['cut'][0])
        self.scrub(status=1)
        lines, summary = self.scrub('--max-age', '1h', status=1)
        self.assertEqual([bad], [line['image_id'] for line in lines])
        self.assertEqual(1, summary['images'])
        self.assertIsNotNone(self.verified()[good])

    def test_only_the_copies_in_the_named_stores(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0])
        _, summary = self.scrub('--stores', 'fast')
        self.assertEqual({'good': 1}, {'good': summary['good']})
        self.scrub('--stores', 'slow', status=1)
        self.manage('verify', '--stores', 'nowhere', status=2)

    def test_a_signal_stops_it_and_nothing_is_left(self):
        image = self.image()
        process = self.begin('verify', '--json', '--bytes-per-second', '300k')
        time.sleep(3)
        process.signal(signal.SIGTERM)
        out, errors = process.communicate()
        self.assertEqual(3, process.returncode, errors)
        self.assertFalse(json.loads(out.splitlines()[-1])['complete'])
        self.assertIsNone(self.verified()[image])
