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
"""What others do while a bad copy is replaced, and what is undone of it."""

from unittest import mock

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.hold import Lost
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import tasks
from glance_ext.plugins import repair
from glance_ext.plugins import verdicts
from glance_ext.plugins import verify
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from glance_ext.transfer.progress import Progress
from tests.unit.plugins import bad_copy
from tests.unit.plugins.bad_copy import BAD
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE


class MeanwhileTest(bad_copy.BadCopyCase):
    """What others do between the verdicts and the repair."""

    def setUp(self):
        super().setUp()
        self.have()
        self.image = self.run_.require_image()
        self.reader = verdicts.Reader(
            self.image, contexts.admin(), self.run_.check, self.run_.sleep)
        self.found = [self.reader.judge(copies.location(key), Progress())
                      for key in (self.good, self.bad)]

    def repair(self):
        repair.Repair(self.run_, self.image, self.reader,
                      lambda store: Progress()).repair(self.found)

    def unlock(self, *_):
        database.transaction(
            lambda connection: locks.drop(connection, IMAGE, ACTION))

    def delete(self, *_):
        database.transaction(lambda connection: connection.execute(
            database.images.update().values(deleted=True)))

    def before(self, name, call):
        """Have something happen just before a copy is recorded or not."""
        real = getattr(copies, name)

        def late(connection, *arguments, **named):
            call(connection)
            return real(connection, *arguments, **named)
        self.enterContext(mock.patch.object(repair.copies, name, late))

    def test_nothing_is_deleted_when_the_good_copy_went(self):
        database.transaction(
            lambda connection: copies.remove(connection, [self.good]))
        with self.assertRaises(errors.ImageChanged) as refusal:
            self.repair()
        self.assertEqual('The copies of the image changed, or the action '
                         'lost its lock', refusal.exception.message)
        self.assertEqual(({'fast': DATA, 'slow': BAD}, {'slow': self.bad},
                          {}), (self.held(), self.recorded(),
                                self.run_.action.state['repairing']))

    def test_nothing_is_deleted_when_the_lock_or_the_image_went(self):
        self.unlock()
        self.assertRaises(errors.ImageChanged, self.repair)
        self.delete()
        self.assertRaises(errors.ImageDeleted, self.repair)
        self.assertEqual({'fast': DATA, 'slow': BAD}, self.held())

    def test_a_new_copy_that_cannot_be_recorded_is_deleted(self):
        self.before('put_back', lambda connection: locks.drop(
            connection, IMAGE, ACTION))
        with self.assertRaises(errors.ImageChanged) as refusal:
            self.repair()
        self.assertEqual('The action lost the lock of the image',
                         refusal.exception.message)
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())
        self.assertEqual({'slow': {'location': self.bad, 'cleared': True}},
                         self.run_.action.state['repairing'])

    def test_a_new_copy_is_left_to_the_next_owner_of_the_action(self):
        write = self.run_.write

        def refused(phase, *arguments, **named):
            if phase == record.VERIFYING:
                self.run_.stop(Lost())
                raise Lost
            return write(phase, *arguments, **named)
        self.run_.write = refused
        self.assertRaises(Lost, self.repair)
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_what_it_begins_to_write_has_a_name_that_the_row_knows(self):
        slow, seen = self.stores['slow'], []
        slow.glance_ext_traits = fixture.Store(
            tidy=False, renames=True).glance_ext_traits
        take = slow._take

        def taking(name, *more):
            action = record.Action.of(tasks.get(self.run_.action.id))
            seen.append((name, action.state['names']))
            return take(name, *more)
        slow._take = taking
        self.repair()
        ((name, noted),) = seen
        self.assertEqual({'slow': name}, noted)
        self.assertEqual({IMAGE: DATA}, slow.objects)

    def test_a_cancelled_one_writes_nothing_more(self):
        self.stores['slow'].plan.meet = mock.Mock(
            side_effect=lambda fault: self.run_.stop(
                errors.Cancelled('stop')))
        self.assertRaises(errors.Cancelled, self.repair)
        self.assertEqual({'fast': self.good}, self.recorded())


class UndoTest(bad_copy.BadCopyCase):
    def undo(self, cleared, bad=BAD):
        self.have(bad=bad, result={'state': {'repairing': {
            'slow': {'location': 2, 'cleared': cleared}}}})
        self.assertEqual(2, self.bad)
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        verify.Verify().undo(self.run_)
        return self.run_.action.state

    def test_an_old_copy_that_is_still_there_is_recorded_again(self):
        self.assertEqual({'repairing': {}, 'removed': []}, self.undo(False))
        self.left_as_it_was()

    def test_half_a_copy_is_deleted(self):
        self.assertEqual([2], self.undo(True)['removed'])
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_one_that_was_deleted_a_moment_before_is_not_recorded(self):
        self.assertEqual([2], self.undo(False, bad=None)['removed'])
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_nothing_stays_of_an_image_that_is_gone(self):
        self.have(result={'state': {'repairing': {
            'slow': {'location': 2, 'cleared': False}}}})
        database.transaction(lambda connection: connection.execute(
            database.images.update().values(deleted=True)))
        repair.undo(self.run_)
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())
        self.assertEqual([2], self.run_.action.state['removed'])

    def test_what_cannot_be_undone_now_is_said(self):
        self.have(Fault('clean', 'raise'), result={'state': {'repairing': {
            'slow': {'location': 2, 'cleared': True}}}})
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        with self.assertRaises(errors.StoreError) as refusal:
            repair.undo(self.run_)
        self.assertEqual("store 'slow' failed: OSError",
                         refusal.exception.message)
