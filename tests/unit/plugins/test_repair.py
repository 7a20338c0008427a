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
"""Bad copies are replaced, or left as they were with the reason."""

from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.hold import Lost
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.plugins import repair
from glance_ext.plugins import verdicts
from glance_ext.plugins import verify
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from glance_ext.transfer.progress import Progress
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

BAD = DATA[:-1] + b'!'


class Case(stored.StoredCase):
    """The copy in ``slow`` is bad, that in ``fast`` is good."""

    def have(self, *faults, result=None, bad=BAD, **image):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=False))
        self.add_stored(**image)
        self.good = self.add_copy('fast')
        self.bad = self.add_copy('slow', bad)
        self.own(result)

    def own(self, result=None):
        action = self.add_action(
            'verify', stores=['fast', 'slow'], repair=True, result=result)
        self.run_ = self.start(action, *verify.STATUSES)

    def repair(self):
        """Return what the action says of the copy in ``slow``."""
        try:
            verify.Verify().run(self.run_)
        except errors.BadCopy as exc:
            return exc.result['stores']['slow']
        return self.run_.action.result['stores']['slow']

    def left_as_it_was(self):
        self.assertEqual({'fast': DATA, 'slow': BAD}, self.held())
        self.assertEqual({'fast': self.good, 'slow': self.bad},
                         self.recorded())


class ReplacedTest(Case):
    def replaced(self, was='corrupt'):
        said = {'verdict': 'good', 'bytes': len(DATA), 'found': was}
        if was == 'corrupt':
            said['range'] = dict.fromkeys(('first', 'last'), len(DATA) - 1)
        self.assertEqual(said, self.repair())
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertEqual({'fast': self.good, 'slow': self.bad},
                         self.recorded())
        self.assertEqual(('success', {'slow': self.bad}, {}), (
            self.run_.action.status, self.run_.action.state['repaired'],
            self.run_.action.state['repairing']))
        self.assertNotEqual('', copies.verified_at(IMAGE, ['slow']))

    def test_a_copy_that_holds_something_else(self):
        self.have()
        self.replaced()

    def test_a_copy_that_is_not_there(self):
        self.have(bad=None)
        self.replaced('missing')

    def test_by_the_checksum_where_there_is_no_other_digest(self):
        self.have(os_hash_algo=None, os_hash_value=None)
        self.replaced()

    def test_again_where_writing_fails_once(self):
        self.have(Fault('add', 'raise', at=70_000))
        self.replaced()
        self.assertEqual(2, self.run_.action.attempt)

    def test_again_where_it_is_read_back_wrongly(self):
        self.have(Fault('add', 'corrupt', at=70_000))
        self.replaced()
        self.assertEqual(2, self.run_.action.attempt)

    def test_what_a_process_that_died_has_begun(self):
        self.have(bad=None, result={'state': {
            'repairing': {'slow': {'location': 2, 'cleared': True}}}})
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        self.assertEqual(2, self.bad)
        self.replaced('missing')


class NotReplacedTest(Case):
    def test_without_a_good_copy(self):
        self.have()
        self.stores['fast'].objects[IMAGE] = bytearray(BAD)
        self.assertEqual('No copy is proven to be good',
                         self.repair()['not_repaired'])

    def test_a_store_that_does_not_answer(self):
        self.have(*[Fault('get', 'raise')] * 2)
        self.assertEqual(
            {'verdict': 'unreachable', 'bytes': 0,
             'not_repaired': 'The store cannot be reached'}, self.repair())
        self.left_as_it_was()

    def test_a_store_with_several_copies_of_it(self):
        self.have()
        self.bad = self.add_copy('slow', BAD)
        self.assertEqual('The image has several locations in this store',
                         self.repair()['not_repaired'])
        self.left_as_it_was()

    def test_data_that_glance_did_not_write(self):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(tidy=False))
        self.add_stored()
        self.good = self.add_copy('fast')
        self.bad = self.add_copy(
            'slow', BAD, value='faulty://slow.invalid/theirs')
        self.stores['slow'].objects['theirs'] = bytearray(BAD)
        self.own()
        self.assertEqual('The data was not written by Glance',
                         self.repair()['not_repaired'])
        self.left_as_it_was()

    def test_a_store_of_which_nobody_knows_how_to_clear_it(self):
        self.install(fast=fixture.Store(), slow=fixture.Store())
        self.add_stored()
        self.good, self.bad = self.add_copy('fast'), self.add_copy(
            'slow', BAD)
        self.own()
        self.assertEqual('The data was not written by Glance',
                         self.repair()['not_repaired'])
        self.left_as_it_was()

    def test_a_good_copy_with_the_same_address(self):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(tidy=False))
        self.add_stored()
        self.good = self.add_copy('fast')
        self.bad = self.add_copy('slow', BAD, value=stored.url('fast'))
        self.own()
        self.assertEqual('The good copy has the same address',
                         self.repair()['not_repaired'])
        self.left_as_it_was()

    def test_one_that_cannot_be_deleted_stays_recorded(self):
        self.have(Fault('clean', 'raise'))
        self.assertEqual(
            {'verdict': 'corrupt', 'bytes': len(BAD),
             'range': {'first': len(BAD) - 1, 'last': len(BAD) - 1},
             'not_repaired': "store 'slow' failed: OSError"}, self.repair())
        self.left_as_it_was()
        self.assertEqual({}, self.run_.action.state['repairing'])

    def is_missing(self, why):
        found = self.repair()
        self.assertEqual(('missing', 'corrupt', why), (
            found['verdict'], found['found'], found['not_repaired']))
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_one_that_cannot_be_written_is_missing(self):
        self.have(*[Fault('add', 'raise', at=9)] * 2)
        self.is_missing("store 'slow' failed: OSError")

    def test_one_that_is_never_read_back_rightly_is_missing(self):
        self.have(*[Fault('add', 'corrupt', at=9)] * 2)
        self.is_missing("store 'slow' does not give what was written to it "
                        "(corrupt)")

    def test_there_is_no_other_attempt_where_that_would_change_nothing(self):
        self.have(Fault('add', 'raise', error=exceptions.StorageFull))
        self.is_missing("store 'slow' is full")
        self.assertEqual(1, self.run_.action.attempt)


class MeanwhileTest(Case):
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
                raise Lost
            return write(phase, *arguments, **named)
        self.run_.write = refused
        self.assertRaises(Lost, self.repair)
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_a_cancelled_one_writes_nothing_more(self):
        self.stores['slow'].plan.meet = mock.Mock(
            side_effect=lambda fault: self.run_.stop(
                errors.Cancelled('stop')))
        self.assertRaises(errors.Cancelled, self.repair)
        self.assertEqual({'fast': self.good}, self.recorded())


class UndoTest(Case):
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
        with self.assertRaises(errors.StoreError) as refusal:
            repair.undo(self.run_)
        self.assertEqual("store 'slow' failed: OSError",
                         refusal.exception.message)
