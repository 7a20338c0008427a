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
"""``glance-ext-manage restore``, beside a real Glance."""

import subprocess
import sys

from tests.functional import restore_life
from tests.functional.verify_life import DATA


class RestoreTest(restore_life.Restores):
    def test_a_running_scrubber_is_a_reason_to_refuse(self):
        image = self.glance.upload(DATA)
        self.delete(image)
        self.enterContext(restore_life.alone())
        scrubber = self.glance.directory / 'glance-scrubber'
        scrubber.write_text('import time\ntime.sleep(60)\n')
        process = subprocess.Popen([sys.executable, str(scrubber)])
        try:
            self.refuse('the scrubber is running', image)
        finally:
            process.kill()
            process.wait()
        self.manage('restore', image)
        self.assertEqual(DATA, self.glance.download(image))

    def test_a_copy_that_was_removed_long_before_stays_away(self):
        image = self.image()
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/stores/slow/{image}'))
        self.glance.sql(
            'update image_locations set deleted_at = ? where image_id = ? '
            'and deleted = 1', ('2026-01-01 00:00:00', image))
        before = self.dump(image)
        self.delete(image)
        self.manage('restore', image)
        self.assertEqual(before, self.dump(image))
