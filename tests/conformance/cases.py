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
"""What tests of stores share: a store, its data, and ways to use them."""

import contextlib
import dataclasses
import hashlib
import random
import threading
import time
import uuid

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import digesting
from glance_ext.stores import drivers
from glance_ext.stores import fixture
from glance_ext.stores import reading
from glance_ext.stores import writing
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.progress import Progress
from tests.harness.backends import swift

KIB, MIB = 1 << 10, 1 << 20
CHUNK = 64 * KIB


class Broken(Exception):
    """What a source raises in these tests."""


def data(size, seed=0):
    return random.Random(f'{size}-{seed}').randbytes(size)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def broken():
    raise Broken


def cut(content, at=None, happens=broken):
    """Yield ``content`` in chunks; ``happens`` is called at the byte ``at``.
    """
    done = 0
    while done < len(content):
        end = min(done + CHUNK, len(content))
        if at is not None and done <= at < end:
            if done < at:
                yield content[done:at]
            done, at = at, None
            happens()
            continue
        yield content[done:end]
        done = end


def read(copy, offset=0):
    return b''.join(copy.chunks(offset))


def write(transaction, chunks, stores, size, check=lambda: None,
          stall_timeout=60, **options):
    with Digests(['md5', 'sha256'], 2) as digests:
        return transaction.write(
            chunks, stores, size=size, algorithm='sha256', digests=digests,
            progress=Progress(size), check=check, sleep=time.sleep,
            stall_timeout=stall_timeout, **options)


@dataclasses.dataclass
class Found:
    """What came of reading an image for its sha256.

    ``failures`` has the byte and the cause of each.
    """

    copy: reading.Copy
    sha256: str
    failures: list[tuple[int, errors.StoreError]]


def digest(copies, *, size=0, recorded=None, attempts=1, stall_timeout=60,
           at=None, happens=None):
    """Read an image for its sha256 as the hash job does.

    :param happens: called once, when ``at`` bytes have passed
    """
    progress, failures = Progress(), []
    to_happen = [happens] if happens else []

    def check():
        if to_happen and progress.done >= at:
            to_happen.pop()()

    def retry(cause):
        failures.append((progress.done, cause))
        if len(failures) >= attempts:
            raise cause
    copy, found = digesting.Pass(
        algorithms=frozenset({'md5', 'sha256'}), recorded=recorded or {},
        size=size, threads=2, stall_timeout=stall_timeout, check=check,
        retry=retry, sleep=time.sleep, progress=progress).read(copies)
    return Found(copy, found['sha256'], failures)


def until(condition, seconds=60):
    """Wait for ``condition()`` to be true.

    :raises AssertionError: when it is not within ``seconds``
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'not so within {seconds} s')
        time.sleep(0.05)


class StoreCase:
    """Needs ``store`` (its id), ``everything()`` and ``set_up_stores()``.

    ``everything()`` returns the names of all that the backend holds, by any
    name: objects, segments, uploads that were begun, snapshots, trash.
    """

    store = ''
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
        self.owner = fixture.Owner()
        #: The copies that are deleted in the end.
        self.kept = set()
        self.addCleanup(lambda: [self.delete(copy) for copy in [*self.kept]])

    def tearDown(self):
        ours = [thread for thread in threading.enumerate()
                if thread.name.startswith('glance-ext-')]
        for thread in ours:
            thread.join(10)
        self.assertEqual([], [each.name for each in ours if each.is_alive()])
        super().tearDown()

    def assert_nothing_new(self):
        self.assertEqual(self.before, self.everything())

    def transaction(self, image_id=None):
        return writing.Transaction(image_id or str(uuid.uuid4()),
                                   self.context, self.owner)

    def add(self, content, size='known', image_id=None, store=None):
        """Write ``content`` and keep it; return its copy."""
        store = self.store if store is None else store
        with self.transaction(image_id) as transaction:
            outcome, _found = write(
                transaction, cut(content), [store],
                len(content) if size == 'known' else size)
            written = outcome[store]
            if isinstance(written, Exception):
                raise written
            transaction.commit(store)
        copy = reading.Copy(Location(1, store, written.url), self.context)
        self.kept.add(copy)
        return copy

    def delete(self, copy):
        """Delete a copy that may be gone."""
        self.kept.discard(copy)
        with contextlib.suppress(errors.DataMissing):
            drivers.delete(copy.location, self.context)

    def assert_fails(self, kind, call, *args, **kwargs):
        """See that a call fails with just this error, and gives no secret."""
        with self.assertRaises(errors.StoreError) as caught:
            call(*args, **kwargs)
        self.assert_error(kind, caught.exception)

    def assert_error(self, kind, error):
        self.assertIs(kind, type(error), error)
        for secret in ('://', '127.0.0.1', swift.USER, swift.PASSWORD):
            self.assertNotIn(secret, error.message)
