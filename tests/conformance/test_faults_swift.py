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
"""What the swift and s3 drivers do to images, and lost and damaged data."""

import io
import time
import unittest

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from tests.conformance.cases import MIB
from tests.conformance.cases import Broken
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import write
from tests.conformance.test_swift import SEGMENT
from tests.conformance.test_swift import S3Case
from tests.conformance.test_swift import SwiftCase
from tests.harness.backends import swift
from tests.harness.backends import swift_serve

DATA = data(5 * SEGMENT)
SINGLE = DATA[:SEGMENT]
PARTS = data(11 * MIB)


class BreaksOff(io.BytesIO):
    """A source that raises once a whole part or segment was read."""

    def __init__(self, content, at):
        super().__init__(content)
        self._at = at

    def read(self, size=-1):
        if self.tell() >= self._at:
            raise Broken
        return super().read(min(size, self._at - self.tell()))


class TestSegments(SwiftCase, unittest.TestCase):

    def test_last_one_may_be_shorter_than_the_others(self):
        for more in (1, SEGMENT - 1):
            with self.subTest(more):
                content = data(2 * SEGMENT + more)
                begun = time.monotonic()
                copy = self.add(content, image_id='id')
                # The driver alone promises a whole segment; Swift waits.
                self.assertLess(time.monotonic() - begun,
                                swift_serve.PATIENCE)
                self.assertEqual(content, read(copy))
                self.assertEqual(
                    {'id': 0, 'id-00001': SEGMENT, 'id-00002': SEGMENT,
                     'id-00003': more}, self.swift.objects(self.container))
                self.delete(copy)
        self.assert_nothing_new()

    def test_those_before_a_failure_between_two_are_deleted_or_cleared(self):
        driver = drivers.of_store('swift')
        with self.assertRaises(Broken):
            driver.add('id', BreaksOff(DATA, 2 * SEGMENT), len(DATA),
                       'sha256')
        self.assertEqual(['id-00001', 'id-00002'], self.everything())
        with self.transaction('other') as transaction, (
                self.assertRaises(Broken)):
            write(transaction, cut(DATA, 2 * SEGMENT), ['swift'], len(DATA))
        self.assertEqual(['id-00001', 'id-00002'], self.everything())
        clearing.clear('swift', 'id', self.context, self.owner.confirm)
        self.assertEqual([], self.everything())

    def test_image_is_not_written_over_another_one(self):
        copy = self.add(DATA, image_id='id')
        driver = drivers.of_store('swift')
        for content in (SINGLE, data(2 * SEGMENT)):
            self.assert_fails(errors.StoreOccupied, self.add, content,
                              image_id='id')
        self.assertEqual(DATA, read(copy))
        # What the driver alone makes of it, in silence.
        driver.add('id', io.BytesIO(data(2 * SEGMENT)), 0, 'sha256')
        self.assertEqual(data(2 * SEGMENT) + DATA[2 * SEGMENT:], read(copy))
        driver.add('id', io.BytesIO(SINGLE), SEGMENT, 'sha256')
        self.assertEqual(SINGLE, read(copy))
        self.delete(copy)
        self.assertEqual([f'id-0000{index}' for index in range(1, 6)],
                         self.everything())
        # Segments that nobody reads any more are in the way as well.
        self.assert_fails(errors.StoreOccupied, self.add, SINGLE,
                          image_id='id')

    def test_lost_one_is_noticed(self):
        copy = self.add(DATA, image_id='id')
        self.swift.request('DELETE', self.container, 'id-00003')
        self.assertEqual(DATA[:2 * SEGMENT] + DATA[3 * SEGMENT:], read(copy))
        self.assert_fails(errors.ShortRead, digest, [copy], size=len(DATA))

    def test_one_lost_under_the_reader_is_noticed(self):
        # More than what waits on the way to a reader.
        copy = self.add(data(12 * SEGMENT), image_id='id')
        chunks = copy.chunks()
        next(chunks)
        self.swift.request('DELETE', self.container, 'id-00012')
        self.assert_fails(errors.StoreError, b''.join, chunks)


class TestSize(SwiftCase, unittest.TestCase):
    """The driver says 0 for whatever went wrong."""

    def test_of_what_is_missing(self):
        copy = self.add(SINGLE)
        self.delete(copy)
        driver, where = drivers.of_location(copy.location)
        self.assertEqual(0, driver.get_size(where))
        self.assert_fails(errors.DataMissing, copy.size)

    def test_of_what_may_not_be_seen(self):
        copy = self.add(SINGLE)
        account = self.swift.directory / 'accounts.conf'
        with_key = account.read_text()
        account.write_text(with_key.replace(swift.PASSWORD, 'wrong'))
        try:
            driver, where = drivers.of_location(copy.location)
            self.assertEqual(0, driver.get_size(where))
            self.assert_fails(errors.StoreDenied, copy.size)
            self.assertFalse(copy.is_missing())
        finally:
            account.write_text(with_key)
        self.assertEqual(SEGMENT, copy.size())

    def test_of_nothing_is_known(self):
        self.assertEqual(0, self.add(b'', None).size())


class TestDamage(SwiftCase, unittest.TestCase):

    def test_wrong_bytes_are_believed_by_nobody(self):
        copy = self.add(SINGLE, image_id='id')
        with self.swift.file(self.container, 'id').open('r+b') as file:
            file.write(b'not what it was')
        # Swift sends them all before it notices, and then is without.
        with self.assertRaises((errors.HashMismatch, errors.DataMissing)):
            digest([copy], recorded={'sha256': sha256(SINGLE)})

    def test_missing_bytes_are_noticed(self):
        copy = self.add(SINGLE, image_id='id')
        with self.swift.file(self.container, 'id').open('r+b') as file:
            file.truncate(1000)
        self.assert_fails(errors.DataMissing, digest, [copy], size=SEGMENT)


class TestUploads(S3Case, unittest.TestCase):

    def test_that_failed_or_were_left_are_aborted(self):
        driver = drivers.of_store('s3')
        with self.assertRaises(Broken):
            driver.add('id', BreaksOff(PARTS, 6 * MIB), len(PARTS), 'sha256')
        (left,) = self.swift.uploads(self.bucket)
        with self.transaction('other') as transaction, (
                self.assertRaises(Broken)):
            write(transaction, cut(PARTS, 6 * MIB), ['s3'], len(PARTS))
        self.assertEqual([left], [*self.swift.uploads(self.bucket)])
        clearing.clear('s3', 'id', self.context, self.owner.confirm)
        self.assertEqual([], self.everything())
        with self.transaction('id') as transaction, (
                self.assertRaises(Broken)):
            write(transaction, cut(PARTS, 6 * MIB), ['s3'], len(PARTS))
        self.assertEqual([], self.everything())

    def test_whose_part_was_lost_are_noticed(self):
        copy = self.add(PARTS)
        parts = f'{self.bucket}+segments'
        _, second, _ = sorted(self.swift.objects(parts))
        self.swift.request('DELETE', parts, second)
        self.assert_fails(errors.StoreUnavailable, digest, [copy],
                          size=len(PARTS))
