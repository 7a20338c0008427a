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
"""What the data of an import has to pass."""

from pathlib import Path
import tempfile
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext import errors
from glance_ext.plugins import verifying
from tests.functional import disks
from tests.harness import pages


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory()),
                         'data')

    def subject(self, data, disk_format=None, container='bare', most=1 << 30,
                **known):
        self.file.write_bytes(data)
        return verifying.Subject(self.file, disk_format, container,
                                 known.get('found', {}),
                                 known.get('expected', {}), most,
                                 None, lambda seconds: None)

    def refused(self, verifier, *subject, **how):
        with self.assertRaises(errors.ActionError) as refusal:
            verifier.verify(self.subject(*subject, **how))
        return refusal.exception


class ChainTest(Case):
    def test_the_first_that_objects_has_its_word(self):
        self.options.config(verifiers=['format', 'size'], group='glance_ext')
        with self.assertRaises(errors.ActionError) as refusal:
            verifying.verify(self.subject(b'', 'raw', 'ova'))
        self.assertEqual('There is no data: 0 bytes',
                         refusal.exception.message)

    def test_it_ends_with_its_action_between_two(self):
        subject = self.subject(disks.qcow2())
        subject.sleep = mock.Mock(side_effect=[
            None, errors.Cancelled('The action was cancelled')])
        self.options.config(verifiers=['format', 'size'], group='glance_ext')
        with self.assertRaises(errors.Cancelled):
            verifying.verify(subject)
        self.assertEqual('qcow2', subject.disk_format)

    def test_verifier_that_is_not_installed_fails_before_any_runs(self):
        self.options.config(verifiers=['size', 'none'], group='glance_ext')
        with self.assertRaises(errors.InternalError) as refusal:
            verifying.verify(self.subject(b''))
        self.assertEqual('A verifier of this host is not installed; its log '
                         'has the name', refusal.exception.message)


class OptionTest(Case):
    """Nothing is converted that was not found safe."""

    def test_a_conversion_needs_the_safety_check_before_it(self):
        for names in (['conversion'], ['size', 'conversion'],
                      ['conversion', 'safety']):
            with self.assertRaises(ValueError) as refusal:
                self.options.config(verifiers=names, group='glance_ext')
            self.assertIn("'conversion' needs 'safety' before it",
                          str(refusal.exception))
        for names in ([], ['safety', 'conversion'], ['safety']):
            self.options.config(verifiers=names, group='glance_ext')

    def test_a_process_with_such_an_option_does_not_start(self):
        options = cfg.ConfigOpts()
        file = self.file.with_name('glance-api.conf')
        file.write_text('[glance_ext]\nverifiers = size,conversion\n')
        options(['--config-file', str(file)])
        with self.assertRaises(ValueError):
            conf.register_opts(options)


class FormatTest(Case):
    def test_what_nobody_declared_is_found_out(self):
        subject = self.subject(disks.qcow2())
        verifying.Format().verify(subject)
        self.assertEqual('qcow2', subject.disk_format)

    def test_nothing_looks_into_a_container(self):
        for declared, taken in ((None, 'raw'), ('vmdk', 'vmdk')):
            subject = self.subject(disks.qcow2(), declared, 'ova')
            for verifier in (verifying.Format(), verifying.Safety(),
                             verifying.VirtualSize(),
                             verifying.Conversion()):
                verifier.verify(subject)
            self.assertEqual((taken, None, self.file), (
                subject.disk_format, subject.virtual_size, subject.file))

    def test_what_is_declared_has_to_be_there(self):
        noise = disks.noise(disks.MIB)
        for data, declared, message in (
                (disks.iso(), 'qcow2', 'which disk_format says: it is iso'),
                (noise, 'qcow2', 'which disk_format says: it is no disk'),
                (noise, None, 'of no known disk format; declare'),
                (disks.qcow2(), 'raw', 'it is qcow2'),
                (disks.qcow2(), 'ploop', 'it is qcow2')):
            self.assertIn(message, self.refused(
                verifying.Format(), data, declared).message)

    def test_what_nothing_knows_is_taken_at_its_word(self):
        for declared in 'raw', 'ploop':
            subject = self.subject(disks.noise(disks.MIB), declared)
            verifying.Format().verify(subject)
            self.assertEqual(declared, subject.disk_format)


class SizeTest(Case):
    def test_of_the_data(self):
        verifying.Size().verify(self.subject(b'12345', most=5))
        self.assertIsInstance(self.refused(
            verifying.Size(), b'123456', most=5), errors.ImageTooLarge)
        self.assertIsInstance(self.refused(verifying.Size(), b''),
                              errors.InvalidImageData)

    def test_of_the_disk_in_it(self):
        data = disks.qcow2(virtual_size=disks.MIB)
        subject = self.subject(data, 'qcow2', most=disks.MIB)
        verifying.VirtualSize().verify(subject)
        self.assertEqual(disks.MIB, subject.virtual_size)
        refusal = self.refused(verifying.VirtualSize(), data, 'qcow2',
                               most=disks.MIB - 1)
        self.assertEqual(
            'The disk in the data has 1048576 bytes; the quota, or '
            'image_size_cap, allows 1048575', refusal.message)

    def test_a_format_that_is_not_looked_into_has_none(self):
        subject = self.subject(disks.noise(disks.MIB), 'ploop')
        verifying.VirtualSize().verify(subject)
        self.assertIsNone(subject.virtual_size)


class ExampleTest(Case):
    """The verifier that the contributor's page shows."""

    def test_it_refuses_what_it_says(self):
        shown = {}
        exec(pages.program(
            pages.SOURCE / 'contributor' / 'extending.rst'), shown)
        verifier = shown['NoSmallDisks']()
        self.assertIsInstance(self.refused(verifier, b'small'),
                              errors.ImageRefused)
        large = self.subject(b'of a large disk')
        large.virtual_size = 1 << 30
        verifier.verify(large)


class DigestTest(Case):
    def test_every_digest_that_was_asked_for_has_to_be_found(self):
        found = {'md5': '0a', 'sha256': '0b'}
        verifying.Digest().verify(self.subject(
            b'', found=found, expected={'md5': '0A', 'sha256': '0b'}))
        refusal = self.refused(
            verifying.Digest(), b'', found=found,
            expected={'md5': '0a', 'sha256': '0a'})
        self.assertIsInstance(refusal, errors.HashMismatch)
        self.assertIn('sha256', refusal.message)


class ConversionTest(Case):
    """``qemu-img`` is replaced by what it leaves."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(
            verifying.conversion, 'wanted_format', lambda: 'raw'))
        self.makes = disks.noise(disks.MIB)
        self.enterContext(mock.patch.object(
            verifying.conversion, 'convert', self.convert))
        self.calls = []

    def convert(self, source, given, target, wanted, most, context, sleep):
        self.calls.append((source, given, wanted, most))
        target.write_bytes(self.makes)
        return disks.MIB

    def test_the_image_is_what_was_made_of_it(self):
        subject = self.subject(disks.qcow2(virtual_size=disks.MIB), 'qcow2')
        verifying.Conversion().verify(subject)
        self.assertEqual([(self.file, 'qcow2', 'raw', 1 << 30)], self.calls)
        self.assertEqual(
            (self.file.with_name('converted'), 'raw', disks.MIB),
            (subject.file, subject.disk_format, subject.virtual_size))

    def test_what_is_right_or_no_disk_is_left_as_it_is(self):
        for declared in 'raw', 'ploop':
            subject = self.subject(disks.noise(1000), declared)
            verifying.Conversion().verify(subject)
            self.assertEqual(self.file, subject.file)
        self.assertEqual([], self.calls)
