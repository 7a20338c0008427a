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
"""A copy that dies at 60 % in one store is read on in another."""

import contextlib
import os
import unittest
import uuid

from glance_ext import errors
from glance_ext.stores import writing
from glance_ext.transfer import failover
from tests.conformance import cases
from tests.conformance.cases import MIB
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import sha256
from tests.conformance.cases import write
from tests.conformance.test_swift import SEGMENT
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import stores
from tests.harness.backends import swift

#: What the s3 driver makes a part; two of them, of which one is 60 %.
PART = 5 * MIB
IN_PARTS = data(PART * 10 // 6)
#: Five segments, of which three are 60 %.
IN_SEGMENTS = data(5 * SEGMENT)
#: Objects of 1 MiB; the driver is a few of them ahead.
IN_OBJECTS = data(20 * MIB)


class GoesOnCase(cases.StoreCase):

    def assert_goes_on(self, copies, content, within, kind, **how):
        """See that the second copy goes on where the first one dies.

        :param within: the first byte at which it may die, and the last
        :param kind: of error that it dies of
        """
        first, second = copies
        for recorded in ({}, {'sha256': sha256(content)}):
            with self.subTest(recorded), self.recovering():
                found = digest([first, second], size=len(content),
                               recorded=recorded, attempts=2, **how)
                self.assertEqual(sha256(content), found.sha256)
                self.assertIs(second, found.copy)
                ((byte, error),) = found.failures
                self.assertLessEqual(within[0], byte)
                self.assertLessEqual(byte, within[1])
                self.assert_error(kind, error)

    def recovering(self):
        """Return what undoes the fault afterwards, where that can be."""
        return contextlib.nullcontext()


class TestObjectsAndFiles(GoesOnCase, unittest.TestCase):

    @contextlib.contextmanager
    def set_up_stores(self):
        self.swift = swift.shared()
        self.bucket = f'b-{uuid.uuid4().hex[:8]}'
        with (filesystems.Filesystem() as self.disk, stores.multi_store(
                self.swift.s3_conf('s3', s3_store_bucket=self.bucket),
                self.disk.conf('file'))):
            yield

    def everything(self):
        return self.swift.objects(self.bucket)

    def copies(self, content, image_id=None):
        return [self.add(content, image_id=image_id, store=store)
                for store in ('s3', 'file')]

    def lose_second_part(self):
        parts = f'{self.bucket}+segments'
        _, second = sorted(self.swift.objects(parts))
        self.swift.request('DELETE', parts, second)

    def test_from_s3_to_a_file(self):
        copies = self.copies(IN_PARTS)
        self.lose_second_part()
        self.assert_goes_on(copies, IN_PARTS, (PART, PART),
                            errors.StoreUnavailable)

    def test_from_a_file_to_s3(self):
        s3, file = self.copies(IN_PARTS, 'id')
        os.truncate(self.disk.directory / 'file' / 'id', PART)
        self.assert_goes_on([file, s3], IN_PARTS, (PART, PART),
                            errors.ShortRead)

    def test_from_s3_to_a_file_in_the_middle_of_a_copy(self):
        copies = self.copies(IN_PARTS)
        self.lose_second_part()
        failures = []
        stream = failover.Stream(copies, len(IN_PARTS), failures.append, None)
        with self.transaction('new') as transaction:
            outcome, found = write(transaction, stream, ['file'],
                                   len(IN_PARTS))
            self.assertIsInstance(outcome['file'], writing.Written)
            self.assertEqual(sha256(IN_PARTS), found['sha256'])
            new = self.disk.directory / 'file' / 'new'
            self.assertEqual(IN_PARTS, new.read_bytes())
        self.assert_error(errors.StoreUnavailable, *failures)
        self.assertFalse(new.exists())


class TestObjectsAndBlocks(GoesOnCase, unittest.TestCase):

    @contextlib.contextmanager
    def set_up_stores(self):
        self.swift, self.ceph = swift.shared(), ceph.shared()
        self.container = f'c-{uuid.uuid4().hex[:8]}'
        with stores.multi_store(
                self.ceph.conf('rbd', rados_connect_timeout=1),
                self.swift.conf(
                    'swift', swift_store_container=self.container),
                self.swift.conf('whole', swift_store_large_object_size=500)):
            yield

    def everything(self):
        return (self.ceph.images(), self.swift.objects(self.container))

    @contextlib.contextmanager
    def recovering(self):
        try:
            yield
        finally:
            self.ceph.thaw()

    def test_from_segments_to_blocks(self):
        copies = [self.add(IN_SEGMENTS, image_id='id', store=store)
                  for store in ('swift', 'rbd')]
        os.truncate(self.swift.file(self.container, 'id-00004'), 1000)
        at = 3 * SEGMENT
        self.assert_goes_on(copies, IN_SEGMENTS, (at, at), errors.StoreError)

    def test_from_blocks_to_an_object(self):
        copies = [self.add(IN_OBJECTS, store=store)
                  for store in ('rbd', 'whole')]
        at = 12 * MIB
        self.assert_goes_on(
            copies, IN_OBJECTS, (at, at + 5 * MIB), errors.StoreUnavailable,
            at=at, happens=self.ceph.freeze)
