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
"""``glance-ext-manage drain``, beside a real Glance."""

import json
import os
import signal
import time

from tests.functional import test_manage_hash_missing
from tests.functional import verify_life
from tests.functional.hash_life import until
from tests.functional.verify_life import DAMAGE

DATA = verify_life.DATA[:64 * 1024]


class DrainCase(test_manage_hash_missing.ManageCase,
                verify_life.VerifyCase):
    arguments = {'config': {
        'DEFAULT': {'http_retries': 3},
        'glance_ext': {'heartbeat_timeout': 10}}}

    def setUp(self):
        super().setUp()
        for image in os.listdir(self.glance.directory / 'slow'):
            self.glance.store_file('slow', image).unlink()

    def drain(self, *arguments, status=0):
        out = self.manage('drain', 'slow', *arguments, '--json',
                          status=status)
        *lines, last = map(json.loads, out.splitlines())
        return {line['image_id']: line['outcome'] for line in lines}, last

    def left(self):
        """Return what lies in the store."""
        return os.listdir(self.glance.directory / 'slow')

    def killed_twice(self, count, *enough):
        """Drain so many images, with a kill when some have gone."""
        images = [self.glance.upload(DATA, stores=['slow'])
                  for _ in range(count)]
        for gone in enough:
            process = self.begin('drain', 'slow', '--bytes-per-second',
                                 str(len(DATA) * max(4, count // 4)))
            while len(self.left()) > len(images) - gone:
                time.sleep(0.02)
            process.signal(signal.SIGKILL)
            process.communicate()
        self.assertTrue(self.left())
        # What it was copying is held until its action is taken over.
        self.glance.sql(
            'update tasks set updated_at = ? where status in '
            "('pending', 'processing')", ('2026-01-01 00:00:00',))
        until(lambda: not any(map(self.lock, images)), 60)
        self.drain()
        self.assertEqual([], self.left())
        for image in images:
            self.whole(image, DATA, ('fast',))


class DrainTest(DrainCase):

    def test_every_image_has_a_verified_copy_elsewhere_and_the_store_is_empty(
            self):
        alone = self.glance.upload(DATA, stores=['slow'])
        both = self.glance.upload(DATA, stores=['slow', 'cold'])
        bare = self.glance.legacy(DATA, stores=['slow'])
        self.assertEqual({'to': 'fast', 'plan': {
            'images': 3, 'to_copy': 2, 'bytes': 3 * len(DATA),
            'bytes_to_copy': 2 * len(DATA), 'bytes_to_read': 5 * len(DATA),
            'seconds': 0}}, self.drain('--dry-run')[1])
        self.assertEqual(3, len(self.left()))
        outcomes, last = self.drain()
        self.assertEqual(
            {alone: 'moved', both: 'removed', bare: 'moved'}, outcomes)
        self.assertTrue(last['complete'])
        self.assertEqual([], self.left())
        self.whole(alone, DATA, ('fast',))
        self.whole(both, DATA, ('cold',))
        self.whole(bare, DATA, ('fast',))
        self.assertEqual('nothing to do\n', self.manage('drain', 'slow'))

    def test_a_copy_is_not_removed_while_no_other_is_good(self):
        image = self.glance.upload(DATA, stores=['slow', 'cold'])
        self.damage(image, DAMAGE['bit'][0], 'cold', DATA)
        outcomes, last = self.drain(status=1)
        self.assertEqual({image: 'left'}, outcomes)
        self.assertFalse(last['complete'])
        self.assertEqual([image], self.left())
        self.good(self.verify(image, repair=True), 'slow', 'cold')
        self.assertEqual({image: 'removed'}, self.drain()[0])

    def test_what_cannot_be_is_wrong_usage(self):
        self.manage('drain', 'slow', '--to', 'slow', status=2)
        self.manage('drain', 'nowhere', status=2)

    def test_killed_twice_it_goes_on_where_it_was(self):
        self.killed_twice(8, 1, 4)
