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
"""What the copies of an image are found to be."""

from unittest import mock

from glance_ext import errors
from glance_ext.host import copies
from glance_ext.host import locks
from glance_ext.plugins import verdicts
from glance_ext.plugins import verify
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

BARE = {'checksum': None, 'os_hash_algo': None, 'os_hash_value': None}
SIZE = len(DATA)
GOOD = {'verdict': 'good', 'bytes': SIZE}


class Case(stored.StoredCase):
    def have(self, *faults, fast=DATA, slow=DATA, repair=False, **image):
        self.install(fast=fixture.Store(),
                     slow=fixture.Store(faults, tidy=False))
        self.add_stored(**image)
        self.first = self.add_copy('fast', fast)
        self.second = self.add_copy('slow', slow)
        action = self.add_action(**{
            **verify.spec(['fast', 'slow'], repair)})
        self.run_ = self.start(action, verify.STATUSES)
        self.plugin = verify.Verify()

    def verify(self):
        """Return what is said in words, and of each store."""
        try:
            self.plugin.run(self.run_)
        except errors.BadCopy as exc:
            return exc.message, exc.result['stores']
        self.assertEqual('success', self.run_.action.status)
        return (self.run_.action.message,
                self.run_.action.result['stores'])


class VerdictTest(Case):
    def found(self, slow, message='1 of 2 copies are not good (store '
                                  "'slow': {})"):
        self.assertEqual((message.format(slow['verdict']),
                          {'fast': GOOD, 'slow': slow}), self.verify())

    def test_all_copies_are_good(self):
        self.have()
        self.found(GOOD, '2 of 2 copies are good')
        self.assertNotEqual('', copies.verified_at(IMAGE))
        self.assertEqual((2 * SIZE, 2 * SIZE), (
            self.run_.progress.done, self.run_.progress.total))
        self.assertIsNone(locks.holder(IMAGE))

    def test_one_that_is_corrupt_and_where(self):
        self.have(slow=DATA[:9] + b'??' + DATA[11:])
        self.found({'verdict': 'corrupt', 'bytes': SIZE,
                    'range': {'first': 9, 'last': 10}})

    def test_one_that_ends_early(self):
        self.have(slow=DATA[:-5])
        self.found({'verdict': 'short', 'bytes': SIZE - 5})

    def test_one_that_is_too_long(self):
        self.have(slow=DATA + b'more')
        self.found({'verdict': 'corrupt', 'bytes': SIZE + 4,
                    'range': {'first': SIZE, 'last': SIZE + 3}})

    def test_one_whose_store_says_another_size_than_it_gives(self):
        self.have(*[Fault('get_size', 'lie', at=SIZE + 1)] * 2, fast=None)
        self.assertEqual({'fast': {'verdict': 'missing', 'bytes': 0},
                          'slow': {'verdict': 'corrupt', 'bytes': SIZE}},
                         self.verify()[1])

    def test_one_that_is_less_than_its_store_says(self):
        self.have(*[Fault('get', 'cut', at=9)] * 2)
        self.found({'verdict': 'short', 'bytes': 9})

    def test_one_that_is_missing(self):
        self.have(slow=None)
        self.found({'verdict': 'missing', 'bytes': 0})

    def test_one_that_cannot_be_reached(self):
        self.have(*[Fault('get', 'raise')] * 2)
        self.found({'verdict': 'unreachable', 'bytes': 0})

    def test_one_that_was_read_wrongly_once_is_good(self):
        self.have(Fault('get', 'corrupt', at=9))
        with self.assertLogs('glance_ext.plugins.verdicts', 'WARNING') as log:
            self.found(GOOD, '2 of 2 copies are good')
        self.assertEqual(
            [f'Image {IMAGE}: its copy in store slow was read wrongly once'],
            [entry.getMessage() for entry in log.records])

    def test_one_that_fails_when_it_is_compared_has_no_range(self):
        self.have(Fault('get', 'corrupt', at=9), Fault('get', 'raise'))
        self.found({'verdict': 'corrupt', 'bytes': SIZE})

    def test_threads_that_are_green_read_nothing_ahead(self):
        self.have(slow=DATA[:-1] + b'?')
        with mock.patch.object(verdicts.release, 'has_green_threads',
                               lambda: True):
            self.found({'verdict': 'corrupt', 'bytes': SIZE,
                        'range': {'first': SIZE - 1, 'last': SIZE - 1}})


class UnprovenTest(Case):
    """Nothing is recorded of the image but its size."""

    def test_copies_that_are_the_same_are_good(self):
        self.have(**BARE)
        self.assertEqual(('2 of 2 copies are good',
                          {'fast': GOOD, 'slow': GOOD}), self.verify())

    def test_of_copies_that_differ_none_is_proven(self):
        self.have(**BARE, slow=DATA[:-1] + b'!')
        unproven = {'verdict': 'unproven', 'bytes': SIZE}
        self.assertEqual(
            ("2 of 2 copies are not good (store 'fast': unproven, store "
             "'slow': unproven)", {'fast': unproven, 'slow': unproven}),
            self.verify())

    def test_a_hash_that_cannot_be_calculated_here(self):
        self.have(os_hash_algo='tiger')
        with self.assertRaises(errors.HashUnverifiable) as refusal:
            self.verify()
        self.assertEqual(
            "The image's hash is of the algorithm 'tiger', which this "
            "host does not have", refusal.exception.message)


class MeanwhileTest(Case):
    def before(self, call):
        """Have something happen when all was read."""
        settle = verdicts.Reader.settle

        def late(reader, found):
            settle(reader, found)
            call()
        self.enterContext(mock.patch.object(
            verdicts.Reader, 'settle', late))

    def test_a_copy_that_was_taken_away_does_not_count(self):
        self.have(slow=None)
        self.before(lambda: self.do(copies.remove, [self.second]))
        self.assertEqual(('1 of 1 copies are good', {'fast': GOOD}),
                         self.verify())

    def test_nothing_is_good_where_nothing_is_left(self):
        self.have()
        self.before(lambda: self.do(copies.remove,
                                    [self.first, self.second]))
        self.assertEqual(('The image has no copy there any more', {}),
                         self.verify())

    def test_nothing_is_said_of_a_deleted_image(self):
        self.have(slow=None)
        self.before(lambda: self.set_image(status='pending_delete'))
        self.assertRaises(errors.ImageDeleted, self.verify)

    def test_a_repair_needs_the_lock(self):
        self.have(repair=True)
        self.do(locks.drop, IMAGE, ACTION)
        locks.take(IMAGE, 'another')
        with self.assertRaises(errors.ImageChanged) as refusal:
            self.verify()
        self.assertEqual('Another operation holds the image',
                         refusal.exception.message)


class LookAfterTest(Case):
    def look_after(self, **state):
        self.run_.action.state = state
        self.plugin.look_after([self.run_.action])
        return self.recorded()

    def test_a_repaired_copy_that_a_stale_save_took_away_is_back(self):
        self.have()
        self.do(copies.remove, [self.second])
        self.assertEqual({'fast': self.first, 'slow': self.second},
                         self.look_after(repaired={'slow': self.second}))

    def test_a_removed_one_that_a_stale_save_brought_back_goes(self):
        self.have()
        self.assertEqual({'fast': self.first},
                         self.look_after(removed=[self.second]))

    def test_nothing_is_done_to_an_image_that_is_locked_or_about_to_go(self):
        self.have()
        self.do(copies.remove, [self.second])
        locks.take(IMAGE, 'another')
        state = {'repaired': {'slow': self.second}, 'removed': [self.first]}
        self.assertEqual({'fast': self.first}, self.look_after(**state))
        self.do(locks.drop, IMAGE, 'another')
        self.set_image(status='pending_delete')
        self.assertEqual({'fast': self.first}, self.look_after(**state))

    def test_what_was_repaired_of_a_deleted_image_goes(self):
        self.have()
        self.set_image(status='deleted', deleted=True)
        self.look_after(repaired={'slow': self.second})
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())

    def test_who_it_concerns_and_what_is_told(self):
        self.have()
        action = self.run_.action
        self.assertEqual(['fast', 'slow'], self.plugin.stores(action))
        self.assertEqual(
            [('image.verify.end', {'repair': False, 'result': {}})],
            list(self.plugin.events(action, 'end')))
