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
"""A scrub of ten thousand small images, on a budget, three times in a row."""

import hashlib
import json

from tests.functional import test_manage_verify
from tests.harness.soaking import soak

IMAGES = 10_000
DATA = b'small'


@soak
class ManyTest(test_manage_verify.ScrubCase):
    arguments = {'stores': ('fast', 'slow'), 'config': {
        'DEFAULT': {'http_retries': 0}, 'glance_ext': {
            'bytes_per_second': 0}}}

    def make(self):
        """Put the images straight into the tables and the store."""
        model = self.glance.upload(DATA)
        columns = [row[1] for row in self.glance.sql(
            'pragma table_info(images)') if row[1] != 'id']
        names = ', '.join(columns)
        numbers = ('with recursive n(i) as (select 1 union all select i + 1 '
                   f'from n where i < {IMAGES}) ')
        new = "printf('%08x-0000-4000-8000-000000000000', i)"
        self.glance.sql(
            f'insert into images (id, {names}) {numbers} '
            f'select {new}, {names} from n, images where id = ?', (model,))
        directory = self.glance.directory / 'fast'
        self.glance.sql(
            'insert into image_locations (image_id, value, meta_data, '
            f'status, created_at, deleted) {numbers} select {new}, ? || '
            f"{new}, ?, 'active', '2026-01-01 00:00:00', 0 from n",
            (f'file://{directory}/', json.dumps({'store': 'fast'})))
        for number in range(1, IMAGES + 1):
            name = f'{number:08x}-0000-4000-8000-000000000000'
            (directory / name).write_bytes(DATA)
        self.assertEqual(
            hashlib.sha512(DATA).hexdigest(), self.digests(model)[2])

    def test_each_run_covers_others_the_oldest_first(self):
        self.make()
        before = self.verified()
        done: set[str] = set()
        for _ in range(3):
            process = self.begin('verify', '--max-duration', '60', '--json')
            out, errors = process.communicate(timeout=120)
            self.assertEqual(3, process.returncode, errors)
            summary = json.loads(out.splitlines()[-1])['summary']
            now = self.verified()
            new = {image for image, at in now.items() if at != before[image]}
            print(f'{summary["images"]} images in 60 seconds', flush=True)
            self.assertEqual(summary['images'], len(new))
            self.assertFalse(new & done)
            done |= new
            before = now
