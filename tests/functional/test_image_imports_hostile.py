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
"""What is no image ends in a failure that a user understands."""

import shutil
import unittest

from tests.functional import disks
from tests.functional import import_requests

CONVERTING = {'config': {
    'DEFAULT': {'http_retries': 0, 'image_size_cap': 64 * disks.MIB},
    'image_conversion': {'output_format': 'raw'},
    'glance_ext': {'verifiers': 'size,digest,format,safety,virtual-size,'
                                'conversion'}}}


class HostileTest(import_requests.RequestCase):

    def message(self, data, disk_format=None, **behaviour):
        """Import this; return why it failed, with nothing left."""
        declared = {'disk_format': disk_format} if disk_format else {}
        return self.refused(self.begin(
            self.serve(data, **behaviour), image_properties=declared))

    def test_what_is_not_what_disk_format_says(self):
        for name, data, declared, message in (
            ('a movie', disks.movie(), 'qcow2',
             'The data is not qcow2, which disk_format says: it is no disk'),
            ('a movie of no format', disks.movie(), None,
             'The data is of no known disk format; declare disk_format if it '
             'is an image nevertheless'),
            ('an ISO', disks.iso(), 'qcow2',
             'The data is not qcow2, which disk_format says: it is iso'),
            ('a qcow2', disks.qcow2(), 'raw',
             'The data is not raw, which disk_format says: it is qcow2'),
            ('1 byte', b'x', 'qcow2',
             'The data is not qcow2, which disk_format says: it is no disk'),
            ('0 bytes', b'', 'qcow2', 'There is no data: 0 bytes'),
        ):
            with self.subTest(name):
                self.assertEqual(message, self.message(data, declared))

    def test_a_qcow2_that_leads_to_other_files(self):
        for data in (disks.qcow2(backing='/etc/passwd'),
                     disks.qcow2(incompatible=4)):
            self.assertRegex(self.message(data, 'qcow2'),
                             r'^The data is not safe: its qcow2 has what is '
                             r'not allowed \(')

    def test_a_truncated_vmdk(self):
        # Glance 28 does not recognise it without its descriptor.
        self.assertRegex(
            self.message(disks.truncated_vmdk(), 'vmdk'),
            '^The data looks like vmdk but is broken, or not all there$|'
            '^The data is not vmdk, which disk_format says: it is no disk$')

    def test_a_disk_that_is_larger_than_an_image_may_be(self):
        self.assertRegex(
            self.message(disks.qcow2(virtual_size=disks.GIB), 'qcow2'),
            '^The disk in the data has 1073741824 bytes; image_size_cap '
            'allows')

    def test_a_file_that_grows_and_one_without_an_end(self):
        self.assertRegex(
            self.message(disks.qcow2(), 'qcow2', length_off_by=-1000,
                         ranges=False),
            '^Could not retrieve image.  The server 127.0.0.1 gave more '
            'bytes than it said')
        self.assertRegex(
            self.message(65 * disks.MIB, 'raw', framing='chunked',
                         ranges=False),
            '^Could not retrieve image.  The server 127.0.0.1 has more than '
            'the 67108864 bytes that are allowed')

    def test_a_cut_and_a_digest_that_differs(self):
        self.assertRegex(
            self.message(disks.qcow2(), truncate_at=1000, ranges=False,
                         etag=False),
            '^Could not retrieve image. ')
        self.assertEqual(
            'The sha512 of the data is not the one that was asked for',
            self.refused(self.begin(
                self.serve(disks.qcow2()), os_hash_algo='sha512',
                os_hash_value='0' * 128)))


@unittest.skipUnless(shutil.which('qemu-img'), 'there is no qemu-img')
class ConversionTest(import_requests.RequestCase):
    arguments = CONVERTING

    def test_a_qcow2_becomes_raw(self):
        image = self.make(self.serve(disks.qcow2(virtual_size=disks.MIB)))
        self.assertEqual(('raw', disks.MIB, disks.MIB), tuple(
            image[name] for name in ('disk_format', 'size', 'virtual_size')))
        self.assertEqual(bytes(disks.MIB),
                         self.glance.download(image['id']))

    def test_damaged_data_fails_the_import(self):
        # Its only table leads to where no cluster can begin.
        data = bytearray(disks.qcow2(virtual_size=disks.MIB))
        data[3 * 65536:3 * 65536 + 8] = b'\x80\0\0\0\0\0\x02\0'
        path = self.begin(self.serve(bytes(data)))
        self.assertEqual('The data could not be converted from qcow2 to '
                         'raw: the data may be damaged', self.refused(path))
