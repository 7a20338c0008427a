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
"""Data in the staging directory, and what a disk may do to it."""

import errno
import hashlib
from pathlib import Path
import tempfile
from unittest import mock

from glance_ext import errors
from glance_ext.host import staging
from glance_ext.plugins import attempts
from glance_ext.plugins import staged
from glance_ext.stores import fixture
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA

FAILED = 'The staging directory failed: FileNotFoundError'


class FileTest(stored.StoredCase):
    def setUp(self):
        super().setUp()
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory()),
                         'data')

    def test_it_is_read_from_any_byte(self):
        self.file.write_bytes(DATA)
        source = staged.StagedFile(self.file)
        self.assertEqual(
            (len(DATA), DATA, DATA[1000:], 'the staged data'),
            (source.size(), b''.join(source.chunks()),
             b''.join(source.chunks(1000)), str(source)))

    def test_one_that_is_not_there(self):
        source = staged.StagedFile(self.file)
        for read in source.size, lambda: list(source.chunks()):
            with self.assertRaises(errors.StoreError) as failure:
                read()
            self.assertEqual(FAILED, failure.exception.message)


class FetchTest(stored.StoredCase):
    def setUp(self):
        super().setUp()
        self.install(fast=fixture.Store())
        self.add_stored()
        self.run_ = self.start(self.add_action('copy-image', stores=[]))
        self.source = staged.StagedFile(self.staging / 'source')
        self.source.file.write_bytes(DATA)

    def fetch(self, convert=None):
        reading = attempts.reader(self.run_, {'md5'}, {})
        return staged.fetch(self.run_, reading, [self.source], convert)

    def refused(self, kind, message):
        with self.assertRaises(kind) as failure:
            self.fetch()
        self.assertEqual((kind, message), (
            type(failure.exception), failure.exception.message))

    def test_what_was_read_and_its_digests(self):
        (found,), digests = self.fetch()
        self.assertEqual(DATA, found.file.read_bytes())
        self.assertEqual({'md5': hashlib.md5(
            DATA, usedforsecurity=False).hexdigest()}, digests)
        self.assertEqual(len(DATA), self.run_.progress.total)

    def test_of_what_is_converted_no_digests_are_known(self):
        def convert(file):
            made = file.with_name('converted')
            made.write_bytes(file.read_bytes()[:10])
            return made
        (found,), digests = self.fetch(convert)
        self.assertEqual(({}, DATA[:10], 10), (
            digests, found.file.read_bytes(), self.run_.progress.total))

    def test_no_directory(self):
        with mock.patch.object(staging, '_directory',
                               lambda: self.staging / 'absent'):
            self.refused(errors.StoreError, FAILED)

    def test_a_disk_that_is_full_or_over_its_quota(self):
        for number in errno.ENOSPC, errno.EDQUOT:
            file = mock.MagicMock()
            file.__enter__.return_value.write.side_effect = OSError(
                number, 'no room')
            with mock.patch.object(staged, '_opened', lambda _: file):
                self.refused(errors.StoreFull,
                             'The staging directory is full')

    def test_nothing_is_written_through_a_link(self):
        target = self.staging / 'elsewhere'
        staging.file(ACTION).symlink_to(target)
        self.refused(errors.StoreError,
                     'The staging directory failed: OSError')
        self.assertFalse(target.exists())


class WritingTest(stored.StoredCase):
    def test_the_file_is_gone_unless_it_was_moved(self):
        for moved in False, True:
            with staged.writing(ACTION) as (target, file):
                target.write(DATA)
                target.flush()
                if moved:
                    file.rename(staging.file(ACTION))
            self.assertEqual((False, moved), (
                file.exists(), staging.file(ACTION).exists()))
        self.assertEqual(DATA, staging.file(ACTION).read_bytes())

    def test_it_is_gone_when_it_comes_to_nothing(self):
        with self.assertRaises(ValueError):
            with staged.writing(ACTION) as (_, file):
                raise ValueError
        self.assertFalse(file.exists())

    def test_a_disk_that_fails_or_is_full(self):
        for number, kind in ((errno.EIO, errors.StoreError),
                             (errno.ENOSPC, errors.StoreFull)):
            with self.assertRaises(errors.StoreError) as failure:
                with staged.writing(ACTION):
                    raise OSError(number, 'bad')
            self.assertIs(kind, type(failure.exception))
