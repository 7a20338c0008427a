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
"""One pass calculates; drivers answer with what it found."""

import collections
import hashlib
import tempfile
import threading
import unittest
from unittest import mock

from glance_store.common import utils as store_code

from glance_ext.stores import fixture
from glance_ext.stores import sharing
from glance_ext.stores import writing
from tests.conformance import cases
from tests.harness.backends import stores

DATA = cases.data(300_000)
FOUND = {'md5': hashlib.md5(DATA).hexdigest(),
         'sha256': hashlib.sha256(DATA).hexdigest()}


class Counted:
    """A hasher as glance_store makes them, which counts its bytes."""

    taken = collections.Counter()

    def __init__(self, name, usedforsecurity=True):
        self._name = str(name)
        self._hasher = hashlib.new(self._name)

    def update(self, data):
        self.taken[self._name] += len(data)
        self._hasher.update(data)

    def hexdigest(self):
        return self._hasher.hexdigest()


class TestDriversDoNotHash(unittest.TestCase):

    def setUp(self):
        Counted.taken.clear()
        self.enterContext(mock.patch.object(sharing, '_own', Counted))

    def write(self, targets):
        with writing.Transaction('image', None, fixture.Owner()
                                 ) as transaction:
            outcome, found = cases.write(transaction, cases.cut(DATA),
                                         targets, len(DATA))
            self.assertEqual(FOUND, found)
            for target in targets:
                self.assertIsInstance(outcome[target], writing.Written)

    def test_file_drivers_calculate_nothing(self):
        with (tempfile.TemporaryDirectory() as one,
              tempfile.TemporaryDirectory() as two,
              stores.multi_store({
                  'one:file': {'filesystem_store_datadir': one},
                  'two:file': {'filesystem_store_datadir': two}})):
            self.write(['one', 'two'])
        self.assertEqual({}, Counted.taken)

    def test_other_calls_of_the_same_process_hash_as_ever(self):
        store = fixture.Store()
        with fixture.stores({'memory': store}):
            self.write(['memory'])
            _url, _count, checksum, multihash, _metadata = store.add(
                'other', iter([DATA]), 0, 'sha256')
        self.assertEqual(FOUND, {'md5': checksum, 'sha256': multihash})
        self.assertEqual({'md5': len(DATA), 'sha256': len(DATA)},
                         Counted.taken)

    def test_without_the_private_function_they_just_hash_again(self):
        with (mock.patch.object(sharing, '_own', None),
              mock.patch.object(store_code, 'get_hasher', Counted),
              fixture.stores({'a': fixture.Store(), 'b': fixture.Store()})):
            self.write(['a', 'b'])
        self.assertEqual({'md5': 2 * len(DATA), 'sha256': 2 * len(DATA)},
                         Counted.taken)


class TestShared(unittest.TestCase):

    def setUp(self):
        self.digests = sharing.Digests()

    def test_each_thread_has_its_own(self):
        inside, other = threading.Event(), threading.Event()
        found = {}

        def elsewhere():
            inside.wait()
            found['without'] = store_code.get_hasher('md5', False)
            mine = sharing.Digests()
            mine.set({'md5': 'mine'})
            with sharing.shared(mine, lambda: True):
                found['with'] = store_code.get_hasher('md5').hexdigest()
            other.set()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        self.digests.set({'md5': 'ours'})
        with sharing.shared(self.digests, lambda: True):
            inside.set()
            other.wait()
            self.assertEqual('ours',
                             store_code.get_hasher('md5').hexdigest())
        thread.join()
        found['without'].update(b'x')
        self.assertEqual(hashlib.md5(b'x').hexdigest(),
                         found['without'].hexdigest())
        self.assertEqual('mine', found['with'])

    def test_it_ends_with_the_call_whatever_that_raises(self):
        with (self.assertRaises(ZeroDivisionError),
              sharing.shared(self.digests, lambda: True)):
            raise ZeroDivisionError
        self.assertEqual(hashlib.md5().hexdigest(),
                         store_code.get_hasher('md5', False).hexdigest())

    def test_driver_that_asks_early_waits_for_the_pass(self):
        told = []
        with sharing.shared(self.digests, lambda: True):
            hasher = store_code.get_hasher('sha256')
        asking = threading.Thread(
            target=lambda: told.append(hasher.hexdigest()))
        asking.start()
        self.digests.set({'sha256': 'found'})
        asking.join(10)
        self.assertEqual(['found'], told)

    def test_driver_that_leaves_bytes_unread_does_not_wait(self):
        with sharing.shared(self.digests, lambda: False):
            self.assertEqual('', store_code.get_hasher('md5').hexdigest())

    def test_driver_gets_no_digest_of_a_source_that_broke(self):
        self.digests.set(None)
        with sharing.shared(self.digests, lambda: True):
            self.assertEqual('', store_code.get_hasher('md5').hexdigest())
