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
"""Actions that are cancelled at random moments, through two processes."""

import concurrent.futures
import random
import time
import unittest

from tests.functional import hash_life as life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import begin
from tests.functional.test_hash_crash import started
from tests.harness.soaking import SOAK

#: Within so many seconds a cancelled action has ended and is undone.
SOON = 5
COUNT = 100 if SOAK else 20
#: How long the data of one image takes, in seconds.
READS = 2


class RandomMomentTest(unittest.TestCase):
    def test_each_ends_within_5_seconds_and_leaves_nothing(self):
        owner = started(type(self), running=16)
        other = started(type(self), first=owner)
        chance = random.Random(COUNT)
        owner.fault('slow', bytes_per_second=len(DATA) // READS)
        images = [owner.legacy(DATA, chance.choice(('bare', 'half')))
                  for _ in range(COUNT)]
        moments = [(image, chance.uniform(0, READS * 1.5),
                    chance.choice((owner, other))) for image in images]

        def cancel(image, delay, through):
            action = begin(owner, image)
            time.sleep(delay)
            answer = through.request(
                'DELETE', f'/v2/image-actions/{action}').status
            began = time.monotonic()
            ended = through.wait_action(action, timeout=60)
            return answer, time.monotonic() - began, ended

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda each: cancel(*each), moments))
        took = [seconds for answer, seconds, _ in found if answer == 204]
        before = [ended['status'] for answer, _, ended in found
                  if answer == 409]
        print(f'{len(took)} of {COUNT} cancelled, the slowest in '
              f'{max(took):.1f} s; {len(before)} had ended well before they '
              f'were to be cancelled')
        self.assertEqual(['success'] * (COUNT - len(took)), before)
        self.assertGreater(len(took), COUNT // 4)
        self.assertLess(max(took), SOON)
        for image, (answer, _, ended) in zip(images, found, strict=True):
            code = ended['error'] and ended['error']['code']
            self.assertEqual((204, 'cancelled') if code else (409, None),
                             (answer, code), ended)
            self.assertEqual(life.NOTHING if code else life.digests(),
                             life.fields(owner, image))
        self.assertEqual([], life.locks(owner, *images))
