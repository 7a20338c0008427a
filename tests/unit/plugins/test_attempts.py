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
"""How often an import tries to give each store a copy, and what stays."""

from unittest import mock

from glance_store import exceptions

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.hold import Lost
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from glance_ext.plugins import aftercare
from glance_ext.plugins import attempts
from glance_ext.plugins import copy_image
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.stores import writing
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

FULL = Fault('add', 'raise', error=exceptions.StorageFull)


class Case(stored.StoredCase):
    """The image is in ``fast``, and is copied to ``slow`` and ``cold``."""

    def have(self, *faults, source=(), state=None, whole=True, data=DATA,
             **image):
        self.install(fast=fixture.Store(source),
                     slow=fixture.Store(faults, tidy=False),
                     cold=fixture.Store(tidy=False))
        self.add_stored(**image)
        self.first = self.add_copy('fast', data)
        self.own(state, whole)

    def own(self, state=None, whole=True):
        self.method = copy_image.CopyImage()
        self.run_ = self.start(self.add_action(
            'copy-image', stores=['slow', 'cold'], method={},
            all_stores_must_succeed=whole, result={'state': state or {}}))

    def copy(self):
        self.method.run(self.run_)

    def refused(self, kind, message):
        self.refuses(kind, message, self.copy)

    def is_in(self, *stores):
        self.assertEqual({store: DATA if store in stores else None
                          for store in self.stores}, self.held())
        self.assertEqual(set(stores), set(self.recorded()))


class CopiedTest(Case):
    def copied(self, attempt=1):
        self.copy()
        self.is_in('fast', 'slow', 'cold')
        action = self.run_.action
        self.assertEqual(('success', attempt, {
            'image_id': IMAGE, 'size': len(DATA), 'stores': ['cold', 'slow'],
            'failed_stores': []}), (action.status, action.attempt,
                                    action.result))
        self.assertIsNone(locks.holder(IMAGE))
        self.assertEqual('', copies.importing(IMAGE))

    def test_to_every_store_at_once(self):
        self.have()
        self.copied()
        self.assertEqual(1, self.stores['fast'].plan.calls['get'])

    def test_what_failed_is_tried_again_alone(self):
        self.have(Fault('add', 'raise', at=70_000))
        self.copied(attempt=2)
        self.assertEqual([2, 1], [self.stores[name].plan.calls['add']
                                  for name in ('slow', 'cold')])

    def test_an_image_without_a_hash_gets_one(self):
        self.have(os_hash_value=None)
        self.copied()
        image = images.read(IMAGE)
        self.assertEqual(128, len(image.os_hash_value))

    def test_through_staging_the_source_is_read_once(self):
        self.options.config(copy_through_staging=True, group='glance_ext')
        self.have(Fault('add', 'raise', at=70_000))
        self.copied(attempt=2)
        self.assertEqual(1, self.stores['fast'].plan.calls['get'])
        self.assertEqual([], list(self.staging.iterdir()))

    def test_through_staging_where_a_store_has_to_know_the_size(self):
        self.have(size=0)
        self.stores['slow'].glance_ext_traits = traits.Traits(
            buffers_unknown_size=True)
        self.copy()
        self.is_in('fast', 'slow', 'cold')
        self.assertEqual(len(DATA), self.run_.progress.total)

    def test_each_copy_is_read_back_where_that_is_wanted(self):
        self.options.config(read_back=True, group='glance_ext')
        self.have(Fault('add', 'corrupt', at=5))
        self.copied(attempt=2)
        self.assertEqual([2, 1], [self.stores[name].plan.calls['get']
                                  for name in ('slow', 'cold')])

    def test_what_a_process_that_died_had_done_is_kept(self):
        self.have(state={'noted': ['slow', 'cold'], 'copies': {}})
        self.add_copy('cold')
        self.stores['slow'].objects[IMAGE] = bytearray(b'half')
        self.copied()
        self.assertEqual(0, self.stores['cold'].plan.calls['add'])

    def test_over_what_an_import_before_could_not_clear(self):
        self.have()
        tasks.insert(
            type_='api_image_import', owner='o', image_id=IMAGE,
            user_id=None, request_id=None, message='', task_id='before',
            status='success', input_={'glance_ext': record.new_spec(
                'copy-image', caller=contexts.caller(contexts.admin()))})
        self.do(tasks.keep, 'before', {'state': {'left': ['slow']}})
        self.stores['slow'].objects[IMAGE] = bytearray(b'half')
        self.copied()


class NamesTest(Case):
    """Stores are written under a name of the attempt's own."""

    def have(self, *faults, **more):
        super().have(*faults, **more)
        slow = self.stores['slow']
        slow.glance_ext_traits = fixture.Store(
            tidy=False, renames=True).glance_ext_traits

    def noted(self):
        row = tasks.get(ACTION)
        return record.Action.of(row).state.get('names', {})

    def test_which_the_row_knows_before_the_first_byte(self):
        self.have()
        slow, seen = self.stores['slow'], []
        take = slow._take

        def taking(name, *more):
            seen.append((name, self.noted().get('slow')))
            return take(name, *more)
        slow._take = taking
        self.copy()
        ((name, noted),) = seen
        self.assertEqual(name, noted)
        self.assertRegex(name, f'^{IMAGE}[.][0-9a-f]{{12}}$')
        self.assertEqual({IMAGE: DATA}, slow.objects)

    def test_what_a_process_that_died_began_is_deleted(self):
        self.have(state={'noted': ['slow', 'cold'], 'copies': {},
                         'names': {'slow': f'{IMAGE}.abc'}})
        self.stores['slow'].objects[f'{IMAGE}.abc'] = bytearray(b'half')
        self.copy()
        self.assertEqual({IMAGE: DATA}, self.stores['slow'].objects)

    def test_each_attempt_has_one(self):
        self.have(Fault('add', 'raise', at=70_000))
        with mock.patch.object(
                writing.fencing, 'draw_name', side_effect=[
                    f'{IMAGE}.{number}' for number in range(9)]) as drawn:
            self.copy()
        self.assertEqual(3, drawn.call_count)
        self.assertEqual(f'{IMAGE}.2', self.noted()['slow'])
        self.is_in('fast', 'slow', 'cold')

    def test_undoing_it_deletes_the_name_and_no_recorded_copy(self):
        self.have()
        self.copy()
        self.stores['slow'].objects[f'{IMAGE}.abc'] = bytearray(b'half')
        self.run_.action.state['names'] = {'slow': f'{IMAGE}.abc'}
        self.run_._over = False
        with mock.patch.object(self.run_, 'confirm', return_value=True):
            self.assertFalse(aftercare.clear(self.run_, 'slow', IMAGE))
        self.assertEqual({IMAGE: DATA}, self.stores['slow'].objects)


class PartTest(Case):
    """Where one store may do without."""

    def without_slow(self, attempt, left=()):
        self.copy()
        action = self.run_.action
        self.assertEqual(
            ('success', attempt, ['cold'], ['slow'], 'failure', [*left]),
            (action.status, action.attempt, action.result['stores'],
             action.result['failed_stores'], action.stores['slow']['status'],
             action.state['left']))
        self.assertEqual({'fast', 'cold'}, set(self.recorded()))

    def test_a_store_that_is_full_is_not_tried_again(self):
        self.have(FULL, whole=False)
        self.without_slow(1)
        self.is_in('fast', 'cold')

    def test_a_store_that_fails_each_time_is_given_up(self):
        self.have(*[Fault('add', 'raise', at=9)] * 2, whole=False)
        self.without_slow(2)
        self.is_in('fast', 'cold')

    def test_a_store_with_data_of_its_own_is_left_alone(self):
        self.have(whole=False)
        self.stores['slow'].objects[IMAGE] = bytearray(b'theirs')
        self.without_slow(1)
        self.assertEqual(b'theirs', self.held()['slow'])

    def test_what_cannot_be_cleared_is_remembered(self):
        self.have(Fault('add', 'raise', at=70_000),
                  *[Fault('clean', 'raise')] * 5, whole=False)
        self.without_slow(2, left=['slow'])
        self.assertEqual(DATA[:70_000], self.held()['slow'])


class FailedTest(Case):
    def undone(self):
        self.run_.fail(errors.StoreError('it failed'))
        self.run_.turn_back()
        self.method.undo(self.run_)

    def test_all_or_nothing(self):
        self.have(FULL)
        self.refused(errors.StoreFull, "store 'slow' is full: StorageFull")
        self.undone()
        self.is_in('fast')

    def test_a_store_that_has_data_under_the_id(self):
        self.have()
        self.stores['slow'].objects[IMAGE] = bytearray(b'theirs')
        self.refused(errors.StoreOccupied,
                     "store 'slow' has data under this id already, which is "
                     "no copy of the image")
        self.assertEqual(b'theirs', self.held()['slow'])

    def test_a_store_that_says_that_it_got_something_else(self):
        self.have(Fault('add', 'corrupt', at=5))
        self.stores['slow']._honest = True
        self.refused(errors.HashMismatch,
                     "store 'slow' says that it got other data")
        self.undone()
        self.is_in('fast')

    def test_no_copy_to_read(self):
        self.have()
        self.do(copies.remove, [self.first])
        self.refused(errors.DataMissing, 'The image has no data to read')

    def test_a_source_that_holds_something_else(self):
        self.have(data=DATA[:-1] + b'!')
        self.refused(errors.HashMismatch,
                     "The sha512 of the data in store 'fast' is not the one "
                     "that is recorded; nothing was changed")
        self.undone()
        self.assertEqual({'fast'}, set(self.recorded()))
        self.assertEqual([None, None], [
            self.held()[name] for name in ('slow', 'cold')])

    def test_a_copy_that_does_not_read_back(self):
        self.options.config(read_back=True, group='glance_ext')
        self.have(*[Fault('add', 'corrupt', at=5)] * 2)
        self.refused(errors.StoreError,
                     "store 'slow' does not hold what was written to it")

    def test_data_that_an_inspector_objects_to(self):
        self.have()

        def look(image, context, feed):
            feed.read(10)
            raise errors.InvalidImageData(f'{image.image_id} is odd')
        with (mock.patch.object(copy_image.CopyImage, 'is_inspected',
                                lambda *_: True),
              mock.patch.object(attempts.inspection, 'inspect', look)):
            self.refused(errors.InvalidImageData, f'{IMAGE} is odd')
        self.undone()
        self.is_in('fast')

    def test_the_second_of_two_copies_serves_where_the_first_is_bad(self):
        self.have(data=DATA[:-1] + b'!')
        self.stores['fast'].objects['second'] = bytearray(DATA)
        self.add_copy('fast', None, value='faulty://fast.invalid/second')
        self.copy()
        self.assertEqual([DATA, DATA], [
            self.held()[name] for name in ('slow', 'cold')])


class MeanwhileTest(Case):
    def on_recording(self, call):
        write = self.run_.write

        def late(phase, *arguments, **named):
            if phase == record.RECORDING:
                call()
            return write(phase, *arguments, **named)
        self.run_.write = late

    def test_without_the_lock_nothing_is_recorded_and_nothing_stays(self):
        self.have()
        self.on_recording(lambda: self.do(locks.drop, IMAGE, ACTION))
        self.refused(errors.ImageChanged,
                     'The action lost the lock of the image')
        self.is_in('fast')

    def test_a_deleted_image_gets_no_copy(self):
        self.have()
        self.on_recording(lambda: self.do(
            lambda connection: connection.execute(
                database.images.update().values(deleted=True))))
        self.refused(errors.ImageDeleted, 'The image was deleted')
        self.assertEqual([None, None], [
            self.held()[name] for name in ('slow', 'cold')])

    def test_a_copy_stays_where_nobody_knows_if_it_is_recorded(self):
        self.have()

        def lose():
            raise Lost
        self.on_recording(lose)
        with mock.patch.object(self.run_, 'is_ours', lambda: True):
            self.assertRaises(Lost, self.copy)
        held = self.held()
        self.assertEqual(1, sum(held[name] == DATA
                                for name in ('slow', 'cold')))

    def test_another_operation_may_hold_the_image(self):
        self.have()
        self.do(locks.drop, IMAGE, ACTION)
        locks.take(IMAGE, 'another')
        self.refused(errors.ImageChanged, 'Another operation holds the image')
