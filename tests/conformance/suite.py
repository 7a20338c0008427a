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

import contextlib
import hashlib
import random
import threading
import time
import uuid

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import digesting
from glance_ext.stores import drivers
from glance_ext.stores import reading
from glance_ext.stores import writing
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.progress import Progress

KIB, MIB = 1 << 10, 1 << 20
CHUNK = 64 * KIB


class Broken(Exception):
    """What a source raises in these tests."""


def data(size, seed=0):
    return random.Random(f'{size}-{seed}').randbytes(size)


def cut(content, breaks_at=None):
    """Yield ``content`` in chunks; raise at the byte ``breaks_at``."""
    for start in range(0, len(content), CHUNK):
        end = min(start + CHUNK, len(content))
        if breaks_at is not None and end > breaks_at:
            if start < breaks_at:
                yield content[start:breaks_at]
            raise Broken
        yield content[start:end]


def write(transaction, chunks, stores, size, check=lambda: None,
          stall_timeout=60):
    with Digests(['md5', 'sha256'], 2) as digests:
        return transaction.write(
            chunks, stores, size=size, algorithm='sha256', digests=digests,
            progress=Progress(size), check=check, sleep=time.sleep,
            stall_timeout=stall_timeout)


def read(copy, offset=0):
    return b''.join(copy.chunks(offset))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def digest(copies, *, size=0, recorded=None, attempts=1, stall_timeout=60,
           at=None, happens=None):
    """Read an image for its sha256 as the hash job does.

    :param happens: called once, when ``at`` bytes have passed
    :returns: the copy, its sha256, and the failures on the way
    """
    progress, failures = Progress(), []
    to_happen = [happens] if happens else []

    def check():
        if to_happen and progress.done >= at:
            to_happen.pop()()

    def retry(cause):
        failures.append(cause)
        if len(failures) >= attempts:
            raise cause
    copy, found = digesting.Pass(
        algorithms=frozenset({'md5', 'sha256'}), recorded=recorded or {},
        size=size, threads=2, stall_timeout=stall_timeout, check=check,
        retry=retry, sleep=time.sleep, progress=progress).read(copies)
    return copy, found['sha256'], failures


class Conformance:
    """Needs ``store`` (its id), ``everything()`` and ``set_up_stores()``.

    ``everything()`` returns the names of all that the backend holds, by any
    name: objects, segments, uploads that were begun, snapshots, trash.
    """

    store = ''
    #: Just below, at and above where this driver cuts data into parts.
    sizes = (1, 65535, 65536, 65537, 5 * MIB)
    #: The same, where the driver is not told the size before.
    sizes_untold: tuple[int, ...] = ()
    context = None

    def set_up_stores(self):
        """Return a context manager that configures glance_store."""
        raise NotImplementedError

    def everything(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(self.set_up_stores())
        self.before = self.everything()

    def tearDown(self):
        ours = [thread for thread in threading.enumerate()
                if thread.name.startswith('glance-ext-')]
        for thread in ours:
            thread.join(10)
        self.assertEqual([], [each.name for each in ours if each.is_alive()])
        super().tearDown()

    def assert_nothing_new(self):
        self.assertEqual(self.before, self.everything())

    def add(self, content, size='known', image_id=None):
        """Write ``content`` and keep it; return its copy."""
        image_id = image_id or str(uuid.uuid4())
        with writing.Transaction(image_id, self.context) as transaction:
            outcome, _found = write(
                transaction, cut(content), [self.store],
                len(content) if size == 'known' else size)
            written = outcome[self.store]
            if isinstance(written, Exception):
                raise written
            transaction.commit(self.store)
        copy = reading.Copy(Location(1, self.store, written.url),
                            self.context)
        self.addCleanup(self._delete, copy)
        return copy

    def _delete(self, copy):
        with contextlib.suppress(errors.DataMissing):
            drivers.delete(copy.location, self.context)

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
                self._delete(copy)
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
        # The container, which drivers do not make at once without a race.
        self.add(data(1))
        contents = [data(400_000, index) for index in range(4)]
        copies = {}
        # The first image makes the container, and two would do it at once.
        self.add(b'first')

        def work(index):
            copies[index] = self.add(contents[index])
        threads = [threading.Thread(target=work, args=(index,))
                   for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for index, content in enumerate(contents):
            self.assertEqual(content, read(copies[index]))

    def test_digest_is_that_of_the_data(self):
        content = data(self.sizes[-1])
        copy = self.add(content)
        self.assertEqual((copy, sha256(content), []), digest(
            [copy], size=len(content)))

    # What goes wrong ------------------------------------------------------

    def test_deleted_under_its_reader_there_is_no_digest(self):
        size = self.sizes[-1]
        for at in (0, size // 4, size // 2, size * 99 // 100):
            for recorded in ({}, {'sha256': sha256(data(size))}):
                with self.subTest(at=at, recorded=recorded):
                    copy = self.add(data(size))
                    with self.assertRaises(errors.StoreError):
                        digest([copy], size=size, recorded=recorded, at=at,
                               happens=lambda: self._delete(copy))
                    self.assertTrue(copy.is_missing())
        self.assert_nothing_new()

    def test_shorter_data_than_was_said_fails_and_leaves_nothing(self):
        for size in self.sizes[1:]:
            with self.subTest(size=size):
                with self.assertRaises(errors.StoreError):
                    self.add(data(size - 1), size)
                self.assert_nothing_new()

    def test_longer_data_than_was_said_fails_and_leaves_nothing(self):
        for size in self.sizes:
            with self.subTest(size=size):
                with self.assertRaises(errors.StoreError):
                    self.add(data(size + 100_000), size)
                self.assert_nothing_new()

    def test_source_that_breaks_leaves_nothing(self):
        size = self.sizes[-1]
        for breaks_at in (0, 1, CHUNK, *self.sizes[1:-1], size // 2,
                          size - 1):
            for told in (size, None):
                with self.subTest(breaks_at=breaks_at, told=told):
                    with (writing.Transaction(str(uuid.uuid4()),
                                              self.context) as transaction,
                          self.assertRaises(Broken)):
                        write(transaction, cut(data(size), breaks_at),
                              [self.store], told)
                    self.assertEqual([], transaction.left)
                    self.assert_nothing_new()

    def test_cancelled_write_leaves_nothing(self):
        seen = []

        def check():
            seen.append(1)
            if len(seen) > 20:
                raise Broken
        with (writing.Transaction(str(uuid.uuid4()), self.context)
              as transaction, self.assertRaises(Broken)):
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
                self._delete(copy)

    def test_what_is_not_committed_is_gone(self):
        with writing.Transaction(str(uuid.uuid4()),
                                 self.context) as transaction:
            outcome, _found = write(transaction, cut(data(self.sizes[-1])),
                                    [self.store], self.sizes[-1])
            self.assertIsInstance(outcome[self.store], writing.Written)
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()

    def test_missing_data_says_so(self):
        copy = self.add(data(1000))
        self._delete(copy)
        with self.assertRaises(errors.DataMissing):
            read(copy)
        with self.assertRaises(errors.DataMissing):
            copy.size()
        self.assertTrue(copy.is_missing())

    def test_no_message_holds_an_address_or_a_secret(self):
        copy = self.add(data(1000))
        self._delete(copy)
        with self.assertRaises(errors.StoreError) as caught:
            read(copy)
        for secret in (copy.location.url, copy.location.url.split('/')[2]):
            if secret:
                self.assertNotIn(secret, caught.exception.message)
                self.assertNotIn(secret, repr(copy.location))
