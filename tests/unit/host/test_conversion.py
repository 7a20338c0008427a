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
"""qemu-img gets what it needs and no more."""

from pathlib import Path
import shutil
import tempfile
import time
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from oslo_config import cfg

from glance_ext import conf
from glance_ext import errors
from glance_ext.host import conversion
from tests.functional import disks


class ConversionTest(unittest.TestCase):

    def setUp(self):
        conf.register_opts(cfg.CONF)
        directory = self.enterContext(tempfile.TemporaryDirectory())
        self.source = Path(directory, 'data')
        self.target = Path(directory, 'converted')
        self.source.write_bytes(disks.qcow2(virtual_size=10 * disks.MIB))

    def convert(self, most=64 * disks.MIB, sleep=time.sleep):
        conversion.convert(self.source, 'qcow2', self.target, 'raw', most,
                           sleep)

    def refused(self, **how):
        with self.assertRaises(errors.ConversionFailed) as refusal:
            self.convert(**how)
        self.assertFalse(self.target.exists())
        return refusal.exception.message

    def test_a_host_without_qemu_img_says_so(self):
        with mock.patch.object(shutil, 'which', return_value=None):
            self.assertEqual('The conversion needs qemu-img, which this host '
                             'does not have', self.refused())

    @unittest.skipUnless(shutil.which('qemu-img'), 'there is no qemu-img')
    def test_the_result_has_no_more_bytes_than_it_may(self):
        self.convert()
        self.assertEqual(bytes(10 * disks.MIB), self.target.read_bytes())
        self.target.unlink()
        self.assertIn('more than the memory, the time or the room',
                      self.refused(most=disks.MIB))

    @unittest.skipUnless(shutil.which('qemu-img'), 'there is no qemu-img')
    def test_it_ends_with_its_action(self):
        def sleep(seconds):
            raise errors.Cancelled('The action was cancelled')
        with self.assertRaises(errors.Cancelled):
            self.convert(sleep=sleep)
