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
"""What a file is, and what is dangerous in it."""

from pathlib import Path
import struct
import sys
import tempfile
import types
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from oslo_config import cfg

from glance_ext import conf
from glance_ext import errors
from glance_ext.host import formats
from tests.functional import disks


def mbr(*partitions):
    """Return a first sector with partitions: (boot flag, type, first)."""
    entries = b''.join(
        struct.pack('<B3BB3BII', boot, 0, 2, 0, kind, 0, 0, 0, first, 8)
        for boot, kind, first in partitions)
    return bytes(446) + entries.ljust(64, b'\0') + b'\x55\xaa'


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory()),
                         'data')

    def write(self, data):
        self.file.write_bytes(data)
        return self.file

    def refused(self, call, data):
        with self.assertRaises(errors.InvalidImageData) as refusal:
            call(self.write(data))
        return refusal.exception.message


class DetectTest(Case):
    def test_name_and_size_of_the_disk(self):
        for what, data, found in (
            ('qcow2', disks.qcow2(10 * disks.MIB),
             ('qcow2', True, 10 * disks.MIB)),
            ('iso', disks.iso(), ('iso', True, 128 * disks.KIB)),
            ('noise', disks.noise(disks.MIB), ('raw', False, disks.MIB)),
            ('partitions', mbr((0x80, 0x83, 8)).ljust(disks.MIB, b'\0'),
             ('raw', True, disks.MIB)),
        ):
            with self.subTest(what):
                self.assertEqual(found, formats.detect(self.write(data)))

    def test_a_bootable_iso_is_an_iso(self):
        boot = mbr((0x80, 0x17, 0))
        self.assertEqual(
            'iso', formats.detect(
                self.write(boot + disks.iso()[len(boot):])).name)

    def test_two_formats_at_once_are_refused(self):
        both = disks.qcow2(size=64 * disks.KIB)[:32 * disks.KIB]
        self.assertEqual(
            'The data is of several formats at once, or broken',
            self.refused(formats.detect, both + disks.iso()[len(both):]))

    def test_a_format_that_is_not_all_there_is_refused(self):
        class Inspector:
            def __str__(self):
                return 'vhdx'

            @property
            def virtual_size(self):
                raise struct.error('unpack requires a buffer of 8 bytes')

            def safety_check(self):
                return self.virtual_size

        with mock.patch.object(formats, '_inspect', lambda _: Inspector()):
            for call in formats.detect, formats.require_safe:
                self.assertEqual(
                    'The data looks like vhdx but is broken, or not all '
                    'there', self.refused(call, b''))

    def test_the_first_28_has_no_idea_of_formats(self):
        older = types.ModuleType('format_inspector')
        for later in (None, older):
            with mock.patch.dict(sys.modules, {
                    'glance.common.format_inspector': older,
                    'oslo_utils.imageutils.format_inspector': later}):
                self.assertEqual(
                    'This Glance cannot tell formats apart: 28.1 is the '
                    'first that can', self.refused(formats.detect, b''))

    def test_what_is_known(self):
        self.assertTrue(formats.knows('vmdk'))
        self.assertFalse(formats.knows('docker'))


class SafetyTest(Case):
    def test_what_is_safe(self):
        for data in (disks.qcow2(), disks.iso(), disks.noise(disks.MIB),
                     mbr((0x80, 0x83, 8)).ljust(disks.MIB, b'\0')):
            formats.require_safe(self.write(data))

    def test_what_refers_to_other_files(self):
        for data in (disks.qcow2(backing='/etc/passwd'),
                     disks.qcow2(incompatible=4)):
            self.assertIn('not safe: its qcow2', self.refused(
                formats.require_safe, data))

    def test_an_operator_may_take_partitions_as_they_are(self):
        # A boot flag that is neither on nor off.
        odd = mbr((0x42, 0x83, 8)).ljust(disks.MIB, b'\0')
        cfg.CONF.set_override(
            'gpt_safety_checks_nonfatal', [], 'image_format')
        self.addCleanup(cfg.CONF.clear_override,
                        'gpt_safety_checks_nonfatal', 'image_format')
        self.assertEqual(
            'The data is not safe: its gpt has what is not allowed (mbr)',
            self.refused(formats.require_safe, odd))
        cfg.CONF.set_override(
            'gpt_safety_checks_nonfatal', ['mbr'], 'image_format')
        formats.require_safe(self.write(odd))
