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
"""Every image gets its hash, in one sweep."""

import datetime
import hashlib
import types
from unittest import mock

from glance_ext.actions import node
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import pools
from glance_ext.host import tasks
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from glance_ext.upkeep import backfill
from glance_ext.upkeep import coverage
from glance_ext.upkeep import waiting
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE
from tests.unit.upkeep import sweeping

SIZE = len(DATA)
SHA512 = hashlib.sha512(DATA).hexdigest()
BARE = {'checksum': None, 'os_hash_algo': None, 'os_hash_value': None}
NONE = dict.fromkeys(('hashed', 'failed', 'busy', 'changed', 'handed-back'),
                     0)


class Case(sweeping.SweepCase):
    def setUp(self):
        super().setUp()
        # Nothing is waited for: what runs has ended, or never will.
        self.enterContext(mock.patch.object(
            backfill, 'time', types.SimpleNamespace(
                monotonic=lambda: 5, sleep=self.sleep)))

    def sleep(self, seconds):
        if self.executor.held():
            self.stopped.set()

    def have(self, *faults, **image):
        self.install(fast=fixture.Store(faults), slow=fixture.Store())
        self.add_stored(**BARE | image)
        self.add_copy('fast')

    def new(self, **options):
        return backfill.Backfill(tell=self.told.append, stopped=self.stopped,
                                 **{'algorithm': 'sha512', **options})

    def sweep(self, complete=True, reached='', **options):
        """Return what came of it, in numbers."""
        one = self.new(**options)
        self.assertEqual((complete, reached), (one.run(), one.reached))
        return one.summary()

    def numbers(self, **counts):
        return {'images': 1, 'bytes': 0, **NONE, **counts}

    def outcome(self):
        return [line['outcome'] for line in self.told]


class SweepTest(Case):
    def test_an_image_without_a_hash_gets_one(self):
        self.have()
        self.assertEqual(self.numbers(bytes=SIZE, hashed=1), self.sweep())
        (line,) = self.told
        action_id = line.pop('action_id')
        self.assertEqual(IMAGE, tasks.get(action_id).image_id)
        self.assertEqual({
            'image_id': IMAGE, 'outcome': 'hashed', 'bytes': SIZE,
            'os_hash_algo': 'sha512', 'os_hash_value': SHA512}, line)
        self.assertEqual(SHA512, images.read(IMAGE).os_hash_value)
        self.assertEqual(self.numbers(images=0), self.sweep())

    def test_a_weak_hash_is_replaced(self):
        md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        self.have(os_hash_algo='md5', os_hash_value=md5)
        self.assertEqual(self.numbers(images=0), self.sweep())
        self.assertEqual(self.numbers(bytes=SIZE, hashed=1),
                         self.sweep(having='md5'))
        self.assertEqual(SHA512, images.read(IMAGE).os_hash_value)

    def test_one_whose_data_cannot_be_read(self):
        self.have(*[Fault('get', 'raise')] * 2)
        self.assertEqual(self.numbers(failed=1), self.sweep())
        self.assertEqual({'code': 'store_error',
                          'message': "store 'fast' failed: OSError"},
                         self.told[0]['error'])

    def test_one_that_somebody_works_on(self):
        self.have()
        locks.take(IMAGE, ACTION)
        self.assertEqual(self.numbers(busy=1), self.sweep())

    def test_one_that_changed_since_it_was_listed(self):
        self.have()
        for seen in (None, types.SimpleNamespace(status='queued'),
                     types.SimpleNamespace(status='active',
                                           os_hash_value='x')):
            with mock.patch.object(images, 'seen_by',
                                   lambda *_, seen=seen: seen):
                self.assertEqual(self.numbers(changed=1), self.sweep())
        with mock.patch.object(backfill.hash_, 'spec', lambda *_, **__: {
                **backfill.record.new_spec('hash'), 'rehash': False,
                'os_hash_algo': 'sha512'}):
            real = node.begin

            def begin(*arguments):
                database.transaction(lambda connection: connection.execute(
                    database.images.update().values(os_hash_value='new')))
                return real(*arguments)
            with mock.patch.object(node, 'begin', begin):
                self.assertEqual(self.numbers(changed=1), self.sweep())

    def test_which_images_it_is_about(self):
        self.have()
        future = database.now() + datetime.timedelta(days=1)
        for options, count in (
                ({'stores': frozenset({'slow'})}, 0), ({'after': IMAGE}, 0),
                ({'created_before': future.replace(year=2020)}, 0),
                ({'stores': frozenset({'fast', 'slow'}), 'after': '0',
                  'created_before': future}, 1)):
            one = self.new(**options)
            one.plan()
            self.assertEqual(
                {'images': count, 'bytes': count * SIZE} | (
                    {'would-hash': 1} if count else NONE), one.summary())
        self.assertEqual([{'image_id': IMAGE, 'outcome': 'would-hash',
                           'bytes': SIZE}], self.told)


class StopTest(Case):
    def test_nothing_is_begun_after_the_time_or_a_stop(self):
        self.have()
        self.sweep(complete=False, max_duration=0)
        self.stopped.set()
        self.sweep(complete=False)
        self.sweep(complete=False, after='0', reached='0')
        self.assertEqual([], self.told)

    def test_what_runs_is_handed_back(self):
        self.have()
        self.add_image()
        with mock.patch.object(pools, 'room', lambda: 0):
            self.assertEqual(self.numbers(**{'handed-back': 1}),
                             self.sweep(complete=False, reached=IMAGE))
        self.assertEqual('pending', tasks.get(
            self.told[0]['action_id']).status)

    def test_a_wait_for_an_action_ends_with_a_stop(self):
        self.have()
        seen = images.seen_by(stored.contexts.admin(), IMAGE)
        with mock.patch.object(pools, 'room', lambda: 0):
            action = node.begin(backfill.hash_.spec('sha512', False), seen,
                                stored.contexts.admin())
            with mock.patch.object(waiting, 'time', types.SimpleNamespace(
                    sleep=self.sleep)):
                waiting.until_ended(action, self.stopped)
        self.assertTrue(self.stopped.is_set())
        self.assertEqual(('pending', []), (action.status,
                                           self.executor.held()))


class CoverageTest(Case):
    def test_how_many_images_have_a_hash(self):
        self.have()
        self.add_copy('slow')
        self.add_image(size=7, os_hash_algo='sha512', os_hash_value='x')
        self.add_image(size=None, os_hash_value='x')
        self.add_image('queued', size=9)
        here = {'images': 1, 'bytes': SIZE}
        self.assertEqual({
            'images': 3, 'bytes': SIZE + 7, 'missing': here,
            'algorithms': {'sha512': {'images': 1, 'bytes': 7},
                           'unknown': {'images': 1, 'bytes': 0}},
            'stores': {'fast': here, 'slow': here}}, coverage.count())
