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
"""Glance's own import plugins, in our imports."""

import gzip
import hashlib

from tests.functional.download_life import DownloadCase
from tests.functional.hash_life import DATA
from tests.functional.import_life import changed
from tests.functional.import_life import downloading
from tests.functional.import_life import staged
from tests.harness.users import MEMBER


class PluginsTest(DownloadCase):
    """Glance's own import plugins, with data in staging for them."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        image_import_opts={'image_import_plugins':
                           "['inject_image_metadata',"
                           "'image_decompression']"},
        inject_metadata_properties={'inject': 'made:by-plugin'},
        DEFAULT={'http_retries': 1, 'image_size_cap': 8 << 20})}

    def test_they_run_and_what_they_change_is_recorded_in_the_end(self):
        uri = self.server.serve('/image', DATA)
        image = self.glance.create(user=MEMBER)['id']
        action, fault = self.stalled(
            image, downloading(uri, 'fast', 'slow'), 'add', at=65536,
            store='fast')
        self.assertNotIn('made', self.glance.image(image))
        found = self.go_on(action, fault)
        self.assertFetched(found, 'fast', 'slow', image=image)
        # Administrators are left out of it by default.
        self.assertNotIn('made', self.glance.image(image))

    def test_metadata_is_injected_for_members(self):
        image = self.glance.create(user=MEMBER)['id']
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA), 'fast'),
            user=MEMBER)
        self.assertFetched(action, 'fast', image=image)
        self.assertEqual('by-plugin', self.glance.image(image)['made'])

    def test_a_failure_takes_back_what_they_have_changed(self):
        image = self.glance.create(user=MEMBER)['id']
        before = self.rows(image)
        self.glance.fault('raise', 'add', store='slow', image=image)
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA), 'fast',
                               'slow'), user=MEMBER)
        self.assertUndone(action, 'store_error', before, [])
        self.assertEqual([], staged(self.glance))

    def test_compressed_data_is_stored_as_it_was_before(self):
        packed = gzip.compress(DATA)
        image = self.glance.create()['id']
        action = self.fetch(
            self.server.serve('/image.gz', packed), 'fast', image=image,
            os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(packed).hexdigest())
        self.assertFetched(action, 'fast', image=image)

    def test_a_second_attempt_writes_what_the_first_has_made(self):
        packed = gzip.compress(DATA)
        image = self.glance.create()['id']
        self.glance.fault('raise', 'add', store='slow', image=image,
                          at=100_000, times=1)
        action = self.fetch(
            self.server.serve('/again.gz', packed), 'fast', 'slow',
            image=image, os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(packed).hexdigest())
        self.assertFetched(action, 'fast', 'slow', image=image)
        self.assertEqual(1, len(self.server.log('/again.gz')))

    def test_what_is_too_large_unpacked_is_refused(self):
        uri = self.server.serve('/image.gz', gzip.compress(bytes(9 << 20)))
        self.assertNotFetched(self.fetch(uri, 'fast'), 'image_too_large')
