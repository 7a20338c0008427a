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
"""A server of Swift and S3 that is killed, and one that hangs.

Both drivers try again for half a minute before they give up, so there is one
outage for all the tests.
"""

from concurrent import futures
import contextlib
import threading
import unittest

from glance_ext import errors
from glance_ext.stores import drivers
from glance_ext.stores import fixture
from tests.conformance import cases
from tests.conformance.cases import MIB
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import until
from tests.conformance.cases import write
from tests.conformance.test_swift import SEGMENT
from tests.harness.backends import stores
from tests.harness.backends import swift
from tests.harness.soaking import soak

#: For a reader: more than what waits on the way to it.
LONG = data(48 * MIB)
CONTAINER, BUCKET = 'container', 'bucket'


class ServerCase(cases.StoreCase):
    """A server of its own, with three stores: ``whole`` never segments."""

    @contextlib.contextmanager
    def set_up_stores(self):
        with swift.Swift() as self.swift, stores.multi_store(
                self.swift.conf('swift', swift_store_container=CONTAINER),
                self.swift.conf('whole', swift_store_container=CONTAINER,
                                swift_store_large_object_size=500),
                self.swift.s3_conf('s3', s3_store_bucket=BUCKET)):
            yield

    def everything(self):
        return sorted([*self.swift.objects(CONTAINER),
                       *self.swift.objects(BUCKET),
                       *self.swift.uploads(BUCKET)])


class Outage(ServerCase):
    """One for all: whoever reads and writes, and asks while it lasts."""

    #: The stores that are written to, how many bytes, and the one at which
    #: it happens.
    WRITTEN = {
        'single PUT': ('swift', SEGMENT, SEGMENT // 2),
        'segments': ('swift', 3 * SEGMENT, SEGMENT * 3 // 2),
        'multipart upload': ('s3', 13 * MIB, 12 * MIB),
    }
    #: Those that are read. Swift slows a reader down after ten segments.
    READ = {'swift': LONG[:10 * SEGMENT], 'whole': LONG, 's3': LONG}

    def __init__(self):
        self.kept = set()
        self.owner = fixture.Owner()
        self.threads = {}
        #: What became of each call: what it returned or raised.
        self.outcomes = {}
        #: What transactions told during the outage, and later.
        self.left = {}
        self.cleared = {}

    def run(self):
        with self.set_up_stores():
            copies = {store: self.add(content, store=store)
                      for store, content in self.READ.items()}
            before = self.everything()
            transactions = {name: self.transaction(name)
                            for name in self.WRITTEN}
            self.break_down(copies, transactions)
            # The driver deletes its segments one by one: it takes longest.
            last = self.threads.pop('segments')
            for thread in self.threads.values():
                thread.join()
            self.left = {name: each.left
                         for name, each in transactions.items()}
            self.swift.start()
            last.join()
            for name, transaction in transactions.items():
                discarded = [transaction.discard(store)
                             for store in self.left[name]]
                self.cleared[name] = (discarded, transaction.left)
            self.new = set(self.everything()) ^ set(before)
            self.read_again = {store: sha256(read(copy))
                               for store, copy in copies.items()}

    def break_down(self, copies, transactions):
        """Kill the server while it is read and written; ask it then."""
        before = len(self.everything())

        def kill():
            # The first segment, an upload of which parts are there, and an
            # object that is on its way: what has not begun leaves nothing.
            until(lambda: len(self.everything()) == before + 2 and all(
                each.left for each in transactions.values()))
            self.swift.kill()
        all_of_them = threading.Barrier(
            len(copies) + len(transactions) + 1, kill, 60)
        for store, copy in copies.items():
            self.begin(f'read {store}', digest, [copy], at=MIB,
                       size=len(self.READ[store]), happens=all_of_them.wait)
        for name, (store, size, at) in self.WRITTEN.items():
            self.begin(name, self.write, transactions[name], store,
                       cut(data(size), at, all_of_them.wait), size)
        all_of_them.wait()
        for store in ('swift', 's3'):
            copy = copies[store]
            self.begin(f'get {store}', read, copy)
            self.begin(f'get_size {store}', copy.size)
            self.begin(f'add {store}', self.add, b'data', store=store)
            self.begin(f'delete {store}', drivers.delete, copy.location,
                       self.context)
            self.begin(f'is_missing {store}', copy.is_missing)

    def begin(self, name, call, *args, **kwargs):
        """Note what becomes of a call that a thread of its own makes."""
        def work():
            try:
                self.outcomes[name] = call(*args, **kwargs)
            except Exception as error:
                self.outcomes[name] = error
        self.threads[name] = threading.Thread(target=work)
        self.threads[name].start()

    def write(self, transaction, store, chunks, size):
        outcome, _found = write(transaction, chunks, [store], size)
        return outcome[store]


class TestKilled(cases.StoreCase, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.outage = Outage()
        cls.outage.run()

    def set_up_stores(self):
        return contextlib.nullcontext()

    def everything(self):
        return ()

    def assert_failed(self, *names, kind=errors.StoreUnavailable):
        for name in names:
            with self.subTest(name):
                self.assert_error(kind,
                                  self.outage.outcomes[name])

    def test_under_a_reader_of_swift(self):
        self.assert_failed('read whole', 'read swift')

    def test_under_a_reader_of_s3(self):
        self.assert_failed('read s3')

    def test_under_a_writer_of_an_object(self):
        self.assert_failed('single PUT')

    def test_under_a_writer_of_segments(self):
        self.assert_failed('segments')

    def test_under_a_writer_of_parts(self):
        # The driver loses what its threads met.
        self.assert_failed('multipart upload', kind=errors.StoreError)

    def test_then_every_call_to_swift_fails(self):
        self.assert_failed('get swift', 'get_size swift', 'add swift',
                           'delete swift')

    def test_then_every_call_to_s3_fails(self):
        self.assert_failed('get s3', 'get_size s3', 'add s3', 'delete s3')

    def test_data_that_cannot_be_asked_for_is_not_missing(self):
        self.assertIs(False, self.outage.outcomes['is_missing swift'])
        self.assertIs(False, self.outage.outcomes['is_missing s3'])

    def test_transactions_say_what_is_left(self):
        self.assertEqual({'single PUT': ['swift'], 'segments': ['swift'],
                          'multipart upload': ['s3']}, self.outage.left)

    def test_afterwards_it_can_be_discarded(self):
        for name, outcome in self.outage.cleared.items():
            with self.subTest(name):
                self.assertEqual(([True], []), outcome)
        self.assertEqual(set(), self.outage.new)

    def test_afterwards_the_rest_is_as_it_was(self):
        self.assertEqual(
            {store: sha256(content)
             for store, content in self.outage.READ.items()},
            self.outage.read_again)


@soak
class TestHangs(ServerCase, unittest.TestCase):

    def at_once(self, call, values):
        with futures.ThreadPoolExecutor(len(values)) as pool:
            return [*pool.map(call, values)]

    def test_under_readers(self):
        content = LONG[:10 * SEGMENT]
        copies = [self.add(content, store=store)
                  for store in ('swift', 'whole', 's3')]
        all_of_them = threading.Barrier(len(copies), self.swift.freeze, 60)
        try:
            self.at_once(lambda copy: self.assert_fails(
                # A busy server has to give the first MiB in less.
                errors.StoreStalled, digest, [copy], stall_timeout=10,
                size=len(content), at=MIB, happens=all_of_them.wait), copies)
        finally:
            self.swift.thaw()
        for copy in copies:
            self.assertEqual(sha256(content), digest([copy]).sha256)

    def test_under_writers(self):
        # Makes the container and the bucket.
        for store in ('swift', 's3'):
            self.delete(self.add(b'data', store=store))
        sizes = {'an object': ('swift', SEGMENT),
                 'segments': ('swift', 3 * SEGMENT),
                 'one request': ('s3', MIB), 'parts': ('s3', 6 * MIB)}
        transactions = {name: self.transaction(name) for name in sizes}

        def freeze():
            until(lambda: all(each.left for each in transactions.values()))
            self.swift.freeze()
        all_of_them = threading.Barrier(len(sizes), freeze, 60)

        def work(name):
            store, size = sizes[name]
            # No more than waits for a driver that has only just begun: that
            # one shall hang has no meaning before it does.
            at = min(size // 2, MIB)
            with transactions[name] as transaction:
                outcome, _found = write(
                    transaction, cut(data(size), at, all_of_them.wait),
                    [store], size, stall_timeout=1)
                self.assert_error(errors.StoreStalled, outcome[store])
                self.assertFalse(transaction.discard(store))
                self.assertEqual([store], transaction.left)
        try:
            self.at_once(work, sizes)
        finally:
            self.swift.thaw()
        for name, (store, _) in sizes.items():
            until(lambda: transactions[name].discard(store))
        self.assert_nothing_new()
