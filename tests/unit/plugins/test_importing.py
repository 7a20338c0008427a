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
"""How an import is undone, told of and looked after."""

from glance_ext import errors
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.plugins import copy_image
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE


class Case(stored.StoredCase):
    """The image is in ``fast``, and is copied to ``slow`` and ``cold``."""

    def setUp(self):
        super().setUp()
        self.plugin = copy_image.CopyImage()

    def have(self, *faults):
        self.install(fast=fixture.Store(),
                     slow=fixture.Store(tidy=False),
                     cold=fixture.Store(faults, tidy=False))
        self.add_stored()
        self.add_copy('fast')
        self.run_ = self.start(self.add_action(
            'copy-image', stores=['slow', 'cold'], method={},
            all_stores_must_succeed=True))

    def statuses(self):
        return {name: state['status']
                for name, state in self.run_.action.stores.items()}


class UndoTest(Case):
    def test_one_copy_that_was_whole_goes_with_the_other(self):
        self.have(*[Fault('add', 'raise', at=9)] * 2)
        with self.assertRaises(errors.StoreError) as failure:
            self.plugin.run(self.run_)
        self.assertEqual({'fast', 'slow'}, set(self.recorded()))
        self.run_.fail(failure.exception)
        self.run_.turn_back()
        self.plugin.undo(self.run_)
        self.assertEqual({'slow': 'rolled-back', 'cold': 'failure'},
                         self.statuses())
        self.assertEqual({'fast': DATA, 'slow': None, 'cold': None},
                         self.held())
        self.assertEqual({'fast'}, set(self.recorded()))
        self.run_.end_failed(self.plugin.roll_back)
        seen = images.seen_by(stored.contexts.admin(), IMAGE)
        self.assertEqual(
            {'os_glance_importing_to_stores': '',
             'os_glance_failed_import': 'cold'}, seen.extra_properties)
        self.assertEqual(
            ['image.copy.error'] * 2, [name for name, _ in self.plugin.events(
                self.run_.action, 'error')])

    def fail(self):
        """Have one copy recorded and the other one fail."""
        self.have(*[Fault('add', 'raise', at=9)] * 2)
        with self.assertRaises(errors.StoreError) as failure:
            self.plugin.run(self.run_)
        self.run_.fail(failure.exception)
        self.run_.turn_back()

    def test_the_last_copy_of_an_image_is_not_undone(self):
        self.fail()
        self.do(copies.remove, [self.recorded()['fast']])
        self.plugin.undo(self.run_)
        self.run_.end_failed(self.plugin.roll_back)
        self.assertEqual({'slow'}, set(self.recorded()))
        self.assertEqual({'fast': DATA, 'slow': DATA, 'cold': None},
                         self.held())
        self.plugin.look_after([self.run_.action])
        self.assertEqual({'slow'}, set(self.recorded()))

    def test_a_copy_that_the_scrubber_is_to_delete_is_not_undone(self):
        self.fail()
        self.do(lambda connection: connection.execute(
            database.image_locations.update().values(
                deleted=True, status='pending_delete')))
        self.do(locks.drop, IMAGE, ACTION)
        self.set_image(status='pending_delete', deleted=True)
        self.plugin.undo(self.run_)
        self.assertEqual({'fast': DATA, 'slow': DATA, 'cold': None},
                         self.held())

    def test_what_is_told_when_it_begins(self):
        self.have()
        self.assertEqual(
            [('image.copy.start', {'store': store, 'bytes': 0})
             for store in ('slow', 'cold')],
            list(self.plugin.events(self.run_.action, 'start')))
        self.assertEqual(['slow', 'cold'],
                         self.plugin.stores(self.run_.action))


class LookAfterTest(Case):
    def setUp(self):
        super().setUp()
        self.have()
        self.plugin.run(self.run_)
        self.all = self.recorded()

    def look_after(self):
        self.plugin.look_after([self.run_.action])
        return self.recorded()

    def test_nothing_where_all_is_as_it_was_left(self):
        self.assertEqual(self.all, self.look_after())

    def test_a_copy_that_a_stale_save_took_away_is_back(self):
        self.do(copies.remove, [self.all['slow']])
        self.assertEqual(self.all, self.look_after())

    def test_stores_to_come_that_a_stale_save_brought_back_go(self):
        self.do(copies.set_lists, IMAGE, importing=['slow'])
        self.look_after()
        self.assertEqual('', copies.importing(IMAGE))

    def test_copies_of_a_failed_one_that_are_back_go(self):
        self.run_.action.status = 'failure'
        self.assertEqual({'fast': self.all['fast']}, self.look_after())

    def test_a_store_that_it_did_without_is_cleared(self):
        self.do(copies.remove, [self.all['slow']])
        self.run_.action.state |= {
            'copies': {'cold': self.all['cold']}, 'left': ['slow']}
        self.look_after()
        self.assertIsNone(self.held()['slow'])

    def test_an_image_that_is_locked_or_about_to_go_is_left(self):
        self.do(copies.remove, [self.all['slow']])
        locks.take(IMAGE, ACTION)
        self.assertNotIn('slow', self.look_after())
        self.do(locks.drop, IMAGE, ACTION)
        self.set_image(status='pending_delete')
        self.assertNotIn('slow', self.look_after())
        self.assertEqual(DATA, self.held()['slow'])

    def test_copies_of_a_deleted_image_are_cleared(self):
        self.set_image(status='deleted', deleted=True)
        self.look_after()
        self.assertEqual({'fast': DATA, 'slow': None, 'cold': None},
                         self.held())


class DigestTest(Case):
    """What a copy has to have."""

    def recorded_digests(self, **columns):
        self.have()
        self.set_image(**columns)
        return self.plugin.recorded(self.run_, images.read(IMAGE))

    def test_the_hash(self):
        self.assertEqual({'sha512': 'h'},
                         self.recorded_digests(os_hash_value='h'))

    def test_the_checksum_where_there_is_no_hash(self):
        self.assertEqual({'md5': 'c'}, self.recorded_digests(
            os_hash_value=None, checksum='c'))

    def test_nothing_where_there_is_neither(self):
        self.assertEqual({}, self.recorded_digests(
            os_hash_value=None, checksum=None))

    def test_a_hash_that_cannot_be_calculated_here(self):
        with self.assertRaises(errors.HashUnverifiable) as refusal:
            self.recorded_digests(os_hash_algo='tiger')
        self.assertEqual("The image's hash is of the algorithm 'tiger', "
                         "which this host does not have",
                         refusal.exception.message)
