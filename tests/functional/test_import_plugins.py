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
import shutil
import unittest

from tests.functional import disks
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
        self.assertUndone(action, 'store_unavailable', before, [])
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


@unittest.skipUnless(shutil.which('qemu-img'), 'skipped: qemu-img absent')
class ConversionTest(DownloadCase):
    """Glance's plugin that has qemu-img make raw images of all."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        DEFAULT={'http_retries': 1, 'image_size_cap': 8 << 20},
        image_import_opts={'image_import_plugins': "['image_conversion']"},
        image_conversion={'output_format': 'raw'})}

    def setUp(self):
        super().setUp()
        self.image = self.glance.create(disk_format='qcow2')['id']
        self.before = self.rows(self.image)

    def test_what_was_made_of_the_data_is_the_image(self):
        data = disks.qcow2(virtual_size=4 << 20)
        action = self.fetch(
            self.server.serve('/disk.qcow2', data), 'fast', 'slow',
            os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(data).hexdigest())
        self.assertFetched(action, 'fast', 'slow', data=bytes(4 << 20))
        found = self.glance.image(self.image)
        self.assertEqual(('raw', 4 << 20),
                         (found['disk_format'], found['virtual_size']))

    def test_a_second_attempt_writes_what_the_first_has_made(self):
        self.glance.fault('raise', 'add', store='slow', image=self.image,
                          at=100_000, times=1)
        uri = self.server.serve('/disk.qcow2', disks.qcow2(
            virtual_size=4 << 20))
        self.assertFetched(self.fetch(uri, 'fast', 'slow'), 'fast', 'slow',
                           data=bytes(4 << 20))

    def test_what_cannot_be_converted_fails_the_import(self):
        broken = bytearray(disks.qcow2(virtual_size=4 << 20))
        # Of its table of the first level there is nothing.
        broken[36:40] = bytes(4)
        for data, code in (
                (bytes(broken), 'conversion_failed'),
                (DATA, 'invalid_image_data'),
                (disks.qcow2(backing='/etc/passwd'), 'invalid_image_data')):
            action = self.fetch(self.server.serve('/disk', data), 'fast')
            self.assertNotFetched(action, code)
            self.assertEqual('qcow2', self.glance.image(self.image)[
                'disk_format'])

    def test_a_store_that_fails_takes_back_the_format_too(self):
        self.glance.fault('raise', 'add', store='slow', image=self.image)
        uri = self.server.serve('/disk.qcow2', disks.qcow2(
            virtual_size=4 << 20))
        self.assertNotFetched(
            self.fetch(uri, 'fast', 'slow'), 'store_unavailable')

    def test_a_disk_that_is_larger_than_an_image_may_be(self):
        uri = self.server.serve('/disk.qcow2', disks.qcow2(
            virtual_size=9 << 20))
        self.assertNotFetched(self.fetch(uri, 'fast'), 'image_too_large')
