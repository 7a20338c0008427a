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
"""File systems of their own: the suite on each, and what they do to files."""

import contextlib
import os
import unittest

from glance_ext import errors
from glance_ext.stores import drivers
from tests.conformance import cases
from tests.conformance import suite
from tests.conformance.cases import MIB
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import write
from tests.harness.backends import filesystems
from tests.harness.backends import stores

SIZE = 12 * MIB
DATA = data(SIZE)


class FilesystemCase(cases.StoreCase):
    """A file store on a file system of this ``kind``."""

    store = 'file'
    kind = 'plain'

    @contextlib.contextmanager
    def set_up_stores(self):
        with (self.mounted() as self.disk,
              stores.multi_store(self.disk.conf('file'))):
            self.directory = self.disk.directory / 'file'
            yield

    def mounted(self):
        return filesystems.Filesystem(self.kind)

    def everything(self):
        return sorted(os.listdir(self.directory))


class SharedCase(FilesystemCase):

    def mounted(self):
        return contextlib.nullcontext(filesystems.shared(self.kind))


class TestExt4(SharedCase, suite.Conformance, unittest.TestCase):
    kind = 'ext4'


class TestXfs(SharedCase, suite.Conformance, unittest.TestCase):
    kind = 'xfs'


class TestBtrfs(SharedCase, suite.Conformance, unittest.TestCase):
    kind = 'btrfs'


class TestFull(FilesystemCase, unittest.TestCase):

    kind = 'ext4'

    def mounted(self):
        return filesystems.Filesystem('ext4', 8)

    def test_store_that_becomes_full_says_so_and_holds_nothing(self):
        free = self.disk.free()
        self.assertLess(free, SIZE)
        for told in (SIZE, None):
            with self.subTest(told):
                self.assert_fails(errors.StoreFull, self.add, DATA, told)
                self.assert_nothing_new()
                self.assertEqual(free, self.disk.free())


class TestTruncated(FilesystemCase, unittest.TestCase):
    """A file that becomes shorter ends early, like a complete one."""

    def test_under_the_reader(self):
        for recorded in ({}, {'sha256': sha256(DATA)}):
            for size in (SIZE, 0):
                with self.subTest(recorded, size=size):
                    copy = self.add(DATA, image_id='id')
                    self.assert_fails(
                        errors.ShortRead, digest, [copy], size=SIZE,
                        recorded=recorded, at=3 * MIB,
                        happens=lambda: self.truncate(8 * MIB))
                    self.assertEqual(DATA[:8 * MIB], read(copy))
                    self.delete(copy)

    def test_before_the_reader(self):
        copy = self.add(DATA, image_id='id')
        self.truncate(8 * MIB)
        self.assert_fails(errors.ShortRead, digest, [copy], size=SIZE)

    def test_after_the_reader(self):
        copy = self.add(DATA, image_id='id')
        self.assert_fails(errors.ShortRead, digest, [copy], at=SIZE - 1,
                          happens=lambda: self.truncate(8 * MIB))

    def truncate(self, size):
        os.truncate(self.directory / 'id', size)


class TestPermissions(FilesystemCase, unittest.TestCase):

    @contextlib.contextmanager
    def without(self, path):
        """Be nobody special, and may do nothing with ``path``."""
        user, mode = os.geteuid(), os.stat(path).st_mode
        path.chmod(0)
        if not user:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)
            path.chmod(mode)

    def test_denied_in_every_call(self):
        copy = self.add(DATA)
        with self.without(self.directory):
            for name, call in {
                'get': lambda: read(copy),
                'get_size': copy.size,
                'add': lambda: self.add(DATA),
                'delete': lambda: drivers.delete(copy.location, None),
            }.items():
                with self.subTest(name):
                    self.assert_fails(errors.StoreDenied, call)
            self.assertFalse(copy.is_missing())
        self.assertEqual(sha256(DATA), digest([copy]).sha256)

    def test_denied_to_clear_up(self):
        with self.transaction('id') as transaction:
            outcome, _found = write(transaction, cut(DATA), ['file'], SIZE)
            self.assertEqual(SIZE, outcome['file'].size)
            with self.without(self.directory):
                self.assertFalse(transaction.discard('file'))
                self.assertEqual(['file'], transaction.left)
            self.assertEqual(['id'], self.everything())
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()
