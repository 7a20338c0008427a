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
"""The hash of an image: calculated, replaced, refused and put back."""

import hashlib
import itertools
import types
from unittest import mock

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import copies
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from glance_ext.plugins import hash as plugin
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
BARE = {'os_hash_algo': None, 'os_hash_value': None}


class Case(stored.StoredCase):
    def setUp(self):
        super().setUp()
        # A second passes with each look at the clock.
        self.enterContext(mock.patch.object(
            plugin, 'time', types.SimpleNamespace(
                monotonic=itertools.count().__next__)))

    def have(self, *faults, data=DATA, rehash=False, replaces=None,
             algorithm='sha512', **image):
        self.install(fast=fixture.Store(faults), slow=fixture.Store())
        self.add_stored(**image)
        self.first = self.add_copy('fast', data)
        self.run_ = self.start(self.add_action(**plugin.spec(
            algorithm, rehash, replaces)))
        self.plugin = plugin.Hash()

    def hash(self):
        self.plugin.run(self.run_)

    def refused(self, kind, message):
        self.refuses(kind, message, self.hash)

    def digests(self):
        image = images.read(IMAGE)
        return image.checksum, image.os_hash_algo, image.os_hash_value

    def before(self, phase, call):
        """Have something happen before the action writes this phase."""
        write = self.run_.write

        def late(now, *arguments, **named):
            if now == phase and calls:
                calls.pop()()
            return write(now, *arguments, **named)
        calls = [call]
        self.run_.write = late


class HashTest(Case):
    def test_an_image_without_a_hash(self):
        self.have(**BARE, checksum=None)
        self.hash()
        self.assertEqual((MD5, 'sha512', SHA512), self.digests())
        action = self.run_.action
        self.assertEqual(
            ('success', {'image_id': IMAGE, 'size': len(DATA),
                         'checksum': MD5, 'os_hash_algo': 'sha512',
                         'os_hash_value': SHA512},
             {'location_id': self.first, 'replaced': None}),
            (action.status, action.result, action.state))
        self.assertIsNone(locks.holder(IMAGE))

    def test_another_hash_after_the_old_one_was_checked(self):
        self.have(rehash=True, replaces='sha512', algorithm='sha256')
        self.hash()
        self.assertEqual((MD5, 'sha256', SHA256), self.digests())
        self.assertEqual(SHA512, self.run_.action.state['replaced'])

    def test_the_next_copy_serves_where_one_fails(self):
        self.have(Fault('get', 'raise', at=70_000), **BARE)
        second = self.add_copy('slow')
        self.hash()
        self.assertEqual(SHA512, images.read(IMAGE).os_hash_value)
        self.assertEqual((2, second), (
            self.run_.action.attempt, self.run_.action.state['location_id']))

    def test_who_it_concerns_and_what_is_told(self):
        self.have()
        action = self.run_.action
        self.assertEqual({'fast'}, self.plugin.stores(action))
        self.assertEqual(
            [('image.hash.start', {'os_hash_algo': 'sha512', 'result': {}})],
            list(self.plugin.events(action, 'start')))
        self.assertIsNone(self.plugin.undo(self.run_))


class RefusedTest(Case):
    def test_another_operation_holds_the_image(self):
        self.have(**BARE)
        self.do(locks.drop, IMAGE, ACTION)
        locks.take(IMAGE, 'another')
        self.refused(errors.ImageChanged, 'Another operation holds the image')

    def test_a_hash_that_is_not_to_be_replaced(self):
        self.have()
        self.refused(errors.ImageChanged,
                     'The image has got a hash meanwhile')

    def test_a_hash_of_another_algorithm_than_was_to_be_replaced(self):
        self.have(rehash=True, replaces='sha256')
        self.refused(errors.ImageChanged,
                     'The image has got a hash meanwhile')

    def test_an_old_hash_that_cannot_be_checked(self):
        self.have(rehash=True, os_hash_algo='tiger')
        self.refused(errors.HashUnverifiable,
                     "The image's hash is of the algorithm 'tiger', "
                     "which this host does not have")

    def test_an_image_without_a_copy(self):
        self.have(**BARE)
        self.do(copies.remove, [self.first])
        self.refused(errors.DataMissing, 'The image has no location')

    def test_data_that_is_not_what_is_recorded(self):
        self.have(**BARE, data=DATA[:-1] + b'!')
        self.refused(errors.HashMismatch,
                     "The md5 of the data in store 'fast' is not the one "
                     "that is recorded; nothing was changed")
        self.assertEqual((MD5, 'sha512', None), self.digests())
        self.run_.fail(errors.HashMismatch('no'))
        self.run_.end_failed(self.plugin.roll_back)
        self.assertEqual((MD5, None, None), self.digests())


class MeanwhileTest(Case):
    def lose_lock(self, phase):
        self.have(**BARE)
        self.before(phase, lambda: self.do(locks.drop, IMAGE, ACTION))
        self.refused(errors.ImageChanged,
                     'The action lost the lock of the image')
        self.assertIsNone(images.read(IMAGE).os_hash_value)
        self.assertEqual({}, self.run_.action.result)

    def test_the_lock_is_lost_before_it_reads(self):
        self.lose_lock(record.READING)

    def test_the_lock_is_lost_before_it_records(self):
        self.lose_lock(record.RECORDING)

    def test_the_copy_that_was_read_is_taken_away(self):
        self.have(**BARE)
        self.add_copy('slow')
        self.before(record.RECORDING,
                    lambda: self.do(copies.remove, [self.first]))
        self.hash()
        self.assertEqual((2, (MD5, 'sha512', SHA512)),
                         (self.run_.action.attempt, self.digests()))

    def test_the_image_is_deleted(self):
        self.have(**BARE)
        self.before(record.RECORDING, lambda: self.set_image(deleted=True))
        self.refused(errors.ImageDeleted, 'The image was deleted')

    def test_the_image_is_deleted_while_bad_bytes_are_read(self):
        self.have(Fault('get', 'zeros', at=9), **BARE)
        self.stores['fast'].plan.meet = lambda fault: self.set_image(
            status='pending_delete')
        self.refused(errors.ImageDeleted, 'The image was deleted')


class HalfDeletedTest(Case):
    """A store has deleted the data, and then refused the deletion."""

    def lose(self, finishes=True, asked=True, **image):
        self.have(**BARE, **image)
        del self.stores['fast'].objects[IMAGE]
        if asked:
            tasks.note(ACTION, delete_failed=True)
        self.finish = self.enterContext(mock.patch.object(
            images, 'finish_delete', return_value=finishes))

    def stays(self):
        self.refused(errors.DataMissing,
                     "store 'fast' has no data for this image")

    def test_its_deletion_is_finished(self):
        self.lose()
        self.refused(errors.ImageDeleted,
                     'The image was deleted: its store had deleted the data '
                     'before it refused the deletion that was asked for')
        self.finish.assert_called_once_with(IMAGE, self.run_.context)

    def test_one_that_cannot_be_finished_is_an_image_without_data(self):
        self.lose(finishes=False)
        self.stays()

    def test_a_missing_object_alone_proves_nothing(self):
        self.lose(asked=False)
        self.stays()
        self.finish.assert_not_called()

    def test_a_protected_image_stays(self):
        self.lose()
        self.set_image(protected=True)
        self.stays()
        self.finish.assert_not_called()

    def test_one_that_has_another_copy_stays(self):
        self.lose()
        self.add_copy('slow')
        self.hash()
        self.finish.assert_not_called()


class LookAfterTest(Case):
    def setUp(self):
        super().setUp()
        self.have(**BARE)
        self.hash()
        self.sent.reset_mock()

    def look_after(self):
        self.plugin.look_after([self.run_.action])
        return self.digests()

    def test_what_a_stale_save_took_back_is_written_again(self):
        self.set_image(**BARE)
        with self.assertLogs('glance_ext.plugins.hash', 'WARNING') as log:
            self.assertEqual((MD5, 'sha512', SHA512), self.look_after())
        self.assertEqual(
            [f'The hash of image {IMAGE}, which a concurrent save of the '
             f'image had undone, is back'],
            [entry.getMessage() for entry in log.records])
        self.assertEqual('image.update', self.sent.mock_calls[0].args[0])

    def test_a_hash_that_is_there_is_left(self):
        self.assertEqual((MD5, 'sha512', SHA512), self.look_after())
        self.assertEqual([], self.sent.mock_calls)

    def test_what_somebody_else_wrote_is_left(self):
        for columns in ({'os_hash_value': 'theirs'},
                        {'os_hash_value': None, 'checksum': 'theirs'}):
            self.set_image(**columns)
            before = self.digests()
            self.assertEqual(before, self.look_after())

    def test_one_whose_copy_went_is_left(self):
        self.set_image(**BARE)
        self.do(copies.remove, [self.first])
        self.assertEqual((MD5, None, None), self.look_after())

    def test_a_deleted_image_is_left(self):
        self.set_image(**BARE, status='pending_delete')
        self.assertEqual((MD5, None, None), self.look_after())

    def test_half_a_hash_of_one_that_failed_goes(self):
        self.set_image(os_hash_value=None)
        self.run_.action.status = tasks.FAILURE
        locks.take(IMAGE, 'another')
        self.assertEqual((MD5, 'sha512', None), self.look_after())
        self.do(locks.drop, IMAGE, 'another')
        self.assertEqual((MD5, None, None), self.look_after())
