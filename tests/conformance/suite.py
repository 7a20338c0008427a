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
"""The suite: one mixin, which a driver's test case inherits."""

from concurrent import futures
import uuid

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import writing
from tests.conformance import cases
from tests.conformance import fenced
from tests.conformance.cases import CHUNK
from tests.conformance.cases import MIB
from tests.conformance.cases import Broken
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import write


class Conformance(fenced.Fenced, cases.StoreCase):
    """What every driver has to do; see ``StoreCase`` for what it needs."""

    #: Just below, at and above where this driver cuts data into parts.
    sizes = (1, 65535, 65536, 65537, 5 * MIB)
    #: The same, where the driver is not told the size before.
    sizes_untold: tuple[int, ...] = ()

    def at_once(self, call, values):
        """Return what the calls with these values give, made by threads."""
        # The container, which drivers do not make at once without a race.
        self.delete(self.add(data(1)))
        with futures.ThreadPoolExecutor(len(values)) as pool:
            return [*pool.map(call, values)]

    # Reading and writing -------------------------------------------------

    def test_what_was_written_is_read(self):
        untold = self.sizes_untold or self.sizes
        for told, size in (*((size, size) for size in self.sizes),
                           *((None, size) for size in untold)):
            with self.subTest(size=size, told=told):
                content = data(size)
                copy = self.add(content, told)
                self.assertEqual(sha256(content), sha256(read(copy)))
                self.assertEqual(size, copy.size())
                self.delete(copy)
        self.assert_nothing_new()

    def test_nothing_is_written_as_nothing(self):
        copy = self.add(b'', None)
        self.assertEqual(b'', read(copy))

    def test_is_read_twice(self):
        content = data(300_000)
        copy = self.add(content)
        self.assertEqual((content, content), (read(copy), read(copy)))

    def test_is_read_from_an_offset_where_the_driver_says_so(self):
        content = data(300_000)
        copy = self.add(content)
        if copy.seeks:
            self.assertEqual(content[70_001:], read(copy, 70_001))
        else:
            with self.assertRaises(errors.StoreError):
                read(copy, 70_001)

    def test_several_are_written_at_once(self):
        contents = [data(400_000, index) for index in range(4)]
        copies = self.at_once(self.add, contents)
        self.assertEqual(contents, [read(copy) for copy in copies])

    def test_digest_is_that_of_the_data(self):
        content = data(self.sizes[-1])
        copy = self.add(content)
        self.assertEqual(cases.Found(copy, sha256(content), []),
                         digest([copy], size=len(content)))

    # What goes wrong ------------------------------------------------------

    def test_deleted_under_its_reader_there_is_no_digest(self):
        size = self.sizes[-1]
        hashed = {'sha256': sha256(data(size))}
        for at, recorded in ((0, {}), (size // 4, hashed), (size // 2, {}),
                             (size * 99 // 100, hashed)):
            with self.subTest(at=at, recorded=recorded):
                copy = self.add(data(size))
                with self.assertRaises(errors.StoreError):
                    digest([copy], size=size, recorded=recorded, at=at,
                           happens=lambda: self.delete(copy))
                self.assertTrue(copy.is_missing())
        self.assert_nothing_new()

    def test_shorter_data_than_was_said_fails_and_leaves_nothing(self):
        def work(size):
            with self.assertRaises(errors.StoreError):
                self.add(data(size - 1), size)
        # Some stores wait for the rest.
        self.at_once(work, self.sizes[1:])
        self.assert_nothing_new()

    def test_longer_data_than_was_said_fails_and_leaves_nothing(self):
        def work(size):
            with self.assertRaises(errors.StoreError):
                self.add(data(size + 100_000), size)
        self.at_once(work, self.sizes)
        self.assert_nothing_new()

    def test_source_that_breaks_leaves_nothing(self):
        size = self.sizes[-1]
        breaks = (0, 1, CHUNK, *self.sizes[1:-1], size // 2, size - 1)
        untold = breaks[::4] if self.sizes_untold else breaks
        for told, at in (*((size, at) for at in breaks),
                         *((None, at) for at in untold)):
            with self.subTest(at=at, told=told):
                with (self.transaction() as transaction,
                      self.assertRaises(Broken)):
                    write(transaction, cut(data(size), at), [self.store],
                          told)
                self.assertEqual([], transaction.left)
                self.assert_nothing_new()

    def test_cancelled_write_leaves_nothing(self):
        seen = []

        def check():
            seen.append(1)
            if len(seen) > 20:
                raise Broken
        with (self.transaction() as transaction,
              self.assertRaises(Broken)):
            write(transaction, cut(data(self.sizes[-1])), [self.store],
                  None, check)
        self.assert_nothing_new()

    def test_what_lies_there_already_is_refused_and_left(self):
        image_id = str(uuid.uuid4())
        for size in (1000, self.sizes[-1]):
            with self.subTest(size=size):
                content = data(size)
                copy = self.add(content, image_id=image_id)
                with_it = self.everything()
                for other in (data(500, 1), data(self.sizes[-1], 1)):
                    with self.assertRaises(errors.StoreOccupied):
                        self.add(other, image_id=image_id)
                self.assertEqual(with_it, self.everything())
                self.assertEqual(content, read(copy))
                self.delete(copy)

    def test_what_is_not_committed_is_gone(self):
        with self.transaction() as transaction:
            outcome, _found = write(transaction, cut(data(self.sizes[-1])),
                                    [self.store], self.sizes[-1])
            self.assertIsInstance(outcome[self.store], writing.Written)
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()

    def test_what_a_process_that_died_has_left_is_cleared(self):
        if not clearing.can_clear(self.store):
            self.skipTest('skipped: nobody knows what this driver leaves')
        for size in (1000, self.sizes[-1]):
            with self.subTest(size=size):
                other = self.add(data(1000), image_id='other')
                self.kept.discard(self.add(data(size), image_id='image'))
                for _ in range(2):
                    clearing.clear(self.store, 'image', self.context,
                                   self.owner.confirm)
                    self.assertEqual(data(1000), read(other))
                self.delete(other)
                self.assert_nothing_new()

    def test_missing_data_says_so(self):
        copy = self.add(data(1000))
        self.delete(copy)
        with self.assertRaises(errors.DataMissing):
            read(copy)
        with self.assertRaises(errors.DataMissing):
            copy.size()
        self.assertTrue(copy.is_missing())

    def test_no_message_holds_an_address_or_a_secret(self):
        copy = self.add(data(1000))
        self.delete(copy)
        with self.assertRaises(errors.StoreError) as caught:
            read(copy)
        for secret in (copy.location.url, copy.location.url.split('/')[2]):
            if secret:
                self.assertNotIn(secret, caught.exception.message)
                self.assertNotIn(secret, repr(copy.location))
