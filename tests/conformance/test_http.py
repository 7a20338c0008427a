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
"""The http driver, which reads only, and servers with bad manners."""

import contextlib
import unittest

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import drivers
from glance_ext.stores import reading
from tests.conformance import cases
from tests.conformance.cases import MIB
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import write
from tests.harness.backends import http
from tests.harness.backends import stores

SIZE = 12 * MIB
DATA = data(SIZE)
HASHED = {'sha256': sha256(DATA)}
AT = SIZE * 6 // 10


class HttpCase(cases.StoreCase):

    store = 'http'

    @contextlib.contextmanager
    def set_up_stores(self):
        self.server = http.shared()
        self.addCleanup(self.server.forget)
        with stores.multi_store({'http:http': {}}):
            yield

    def everything(self):
        return ()

    def serve(self, content=DATA, **behaviour):
        """Return a copy at a server that behaves like this."""
        url = self.server.serve('/image', content, **behaviour)
        return reading.Copy(Location(1, 'http', url), None)


class TestHttp(HttpCase, unittest.TestCase):
    """What of the suite a store can do that is only read."""

    def test_what_is_served_is_read(self):
        for framing in ('length', 'chunked', 'close'):
            for size in (0, 1, 65537, 4 * MIB, SIZE):
                with self.subTest(framing, size=size):
                    copy = self.serve(DATA[:size], framing=framing)
                    self.assertEqual(DATA[:size], read(copy))

    def test_is_read_twice(self):
        copy = self.serve()
        self.assertEqual((DATA, DATA), (read(copy), read(copy)))

    def test_is_not_read_from_an_offset(self):
        copy = self.serve()
        self.assertFalse(copy.seeks)
        self.assert_fails(errors.StoreError, read, copy, 70_001)

    def test_size_is_what_the_server_says(self):
        self.assertEqual(SIZE, self.serve().size())

    def test_server_that_says_no_length_has_no_size(self):
        self.assertIsNone(self.serve(framing='chunked').size())

    def test_digest_is_that_of_the_data(self):
        for framing in ('length', 'chunked', 'close'):
            for size in (SIZE, 0):
                with self.subTest(framing, size=size):
                    copy = self.serve(framing=framing)
                    self.assertEqual(
                        cases.Found(copy, HASHED['sha256'], []),
                        digest([copy], size=size))

    def test_deleted_under_its_reader_there_is_no_digest(self):
        copy = self.serve()
        self.assert_fails(errors.DataMissing, digest, [copy], size=SIZE,
                          at=AT, happens=self.server.forget)
        self.assertTrue(copy.is_missing())

    def test_missing_data_says_so(self):
        copy = self.serve(status=404)
        self.assert_fails(errors.DataMissing, read, copy)
        self.assert_fails(errors.DataMissing, copy.size)
        self.assertTrue(copy.is_missing())

    def test_is_not_written_to(self):
        with self.transaction() as transaction:
            outcome, _found = write(transaction, cut(DATA), ['http'], SIZE)
            self.assert_error(errors.StoreMisconfigured, outcome['http'])
            self.assertEqual([], transaction.left)
        self.assertEqual([], self.server.requests)

    def test_nothing_is_deleted(self):
        copy = self.serve()
        self.assert_fails(errors.StoreError, drivers.delete, copy.location,
                          None)
        self.assertEqual(DATA, read(copy))


class TestFaults(HttpCase, unittest.TestCase):

    def test_cut_off(self):
        for framing in ('length', 'chunked'):
            for recorded in ({}, HASHED):
                with self.subTest(framing, recorded=recorded):
                    copy = self.serve(truncate_at=AT, framing=framing)
                    self.assert_fails(errors.StoreUnavailable, digest, [copy],
                                      recorded=recorded)

    def test_cut_off_where_only_the_image_knows_the_length(self):
        copy = self.serve(truncate_at=AT, framing='close')
        self.assertEqual(DATA[:AT], read(copy))
        self.assert_fails(errors.ShortRead, digest, [copy], size=SIZE)
        with self.assertRaises(errors.HashMismatch):
            digest([copy], recorded=HASHED)

    def test_reset(self):
        copy = self.serve(reset_at=AT)
        self.assert_fails(errors.StoreUnavailable, digest, [copy], size=SIZE)

    def test_silence(self):
        for at in (0, AT):
            with self.subTest(at):
                copy = self.serve(stall_at=at)
                try:
                    self.assert_fails(errors.StoreStalled, digest, [copy],
                                      size=SIZE, stall_timeout=1)
                finally:
                    self.server.release('/image')

    def test_wrong_length(self):
        for off_by, kind in ((-1000, errors.ShortRead),
                             (1000, errors.StoreUnavailable)):
            with self.subTest(off_by):
                copy = self.serve(length_off_by=off_by)
                self.assert_fails(kind, digest, [copy], size=SIZE)

    def test_more_than_the_image_has(self):
        for framing in ('length', 'chunked', 'close'):
            with self.subTest(framing):
                copy = self.serve(DATA + b'more', framing=framing)
                self.assert_fails(errors.ShortRead, digest, [copy],
                                  size=SIZE)

    def test_other_data_with_the_second_request(self):
        other = data(SIZE, 1)
        copy = self.serve(cut_every=AT, becomes=other, times=1)
        with self.assertRaises(errors.HashMismatch):
            digest([copy], size=SIZE, recorded=HASHED, attempts=2)
        copy = self.serve(cut_every=AT, becomes=other, times=1)
        self.assert_fails(errors.CopiesDiffer, digest, [copy], size=SIZE,
                          attempts=2)

    def test_refusal(self):
        for status, kind in ((301, errors.DataMissing),
                             (403, errors.StoreError),
                             (500, errors.StoreError)):
            with self.subTest(status):
                copy = self.serve(status=status,
                                  location=f'{self.server.url}/nowhere')
                self.assert_fails(kind, read, copy)
                self.assert_fails(kind, copy.size)

    def test_nobody_there(self):
        with http.Server() as server:
            url = server.serve('/image', DATA)
        copy = reading.Copy(Location(1, 'http', url), None)
        self.assert_fails(errors.StoreUnavailable, read, copy)
        self.assert_fails(errors.StoreUnavailable, copy.size)
        self.assertFalse(copy.is_missing())

    def test_another_attempt_gets_the_rest(self):
        for recorded in ({}, HASHED):
            with self.subTest(recorded):
                copy = self.serve(cut_every=AT, times=1)
                found = digest([copy], size=SIZE, recorded=recorded,
                               attempts=2)
                self.assertEqual(HASHED['sha256'], found.sha256)
                ((at, error),) = found.failures
                self.assertEqual(AT, at)
                self.assert_error(errors.StoreUnavailable, error)
