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
"""What died is ended: actions of ours, and jobs of Glance's."""

import datetime
import types
from unittest import mock

import sqlalchemy as sa

from glance_ext.actions import record
from glance_ext.host import database
from glance_ext.host import dead_imports
from glance_ext.host import locks
from glance_ext.host import pools
from glance_ext.host import tasks
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.stores.fixture import Fault
from glance_ext.upkeep import reaping
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE
from tests.unit.upkeep import sweeping

HOUR = datetime.timedelta(hours=1)


class EndActionsTest(sweeping.SweepCase):
    def setUp(self):
        super().setUp()
        self.install(fast=fixture.Store(tidy=False))
        self.add_stored()
        self.add_copy('fast')
        # Whoever would wait is told to stop.
        self.enterContext(mock.patch.object(
            reaping, 'time', types.SimpleNamespace(
                sleep=lambda seconds: self.stopped.set())))

    def die(self, seconds=900, status='processing', **spec):
        """Have an action of a process that died so long ago."""
        self.add_action('verify', **{'stores': ['fast'], 'repair': False,
                                     'locks_image': False, **spec})
        moment = database.now() - datetime.timedelta(seconds=seconds)
        database.transaction(lambda connection: connection.execute(
            database.tasks.update().values(updated_at=moment,
                                           status=status)))

    def end(self, dry_run=False):
        return reaping.end_actions(self.told.append, self.stopped, dry_run)

    def line(self, outcome, **more):
        return {'action_id': ACTION, 'action_type': 'verify',
                'image_id': IMAGE, 'outcome': outcome, **more}

    def test_a_dead_action_goes_on_to_its_end(self):
        self.die()
        self.assertTrue(self.end())
        self.assertEqual([self.line('success')], self.told)
        self.assertEqual('success', tasks.get(ACTION).status)

    def test_why_one_failed_is_told(self):
        self.die(max_attempts=1)
        self.assertTrue(self.end())
        self.assertEqual([self.line('failure', error={
            'code': 'worker_lost',
            'message': 'The process that ran the action died'})], self.told)

    def test_a_dry_run_tells_what_is_stale_and_leaves_it(self):
        self.die()
        before = tasks.get(ACTION)
        self.assertTrue(self.end(dry_run=True))
        self.assertEqual([self.line('stale')], self.told)
        self.assertEqual(before, tasks.get(ACTION)._replace(
            read_at=before.read_at))

    def test_one_that_lives_and_one_of_a_later_release_are_left(self):
        self.die(seconds=5)
        self.assertTrue(self.end())
        tasks.remove(ACTION)
        self.add_action('unheard-of', heartbeat_timeout=-9)
        self.assertTrue(self.end())
        self.assertEqual([], self.told)

    def test_one_that_another_process_took_is_not_told_of(self):
        self.die()
        with mock.patch.object(reaping.keeper, 'take_over',
                               lambda *_: False):
            self.assertTrue(self.end())
        self.assertEqual([], self.told)

    def test_told_to_stop_it_takes_no_more(self):
        self.die()
        self.stopped.set()
        self.assertFalse(self.end())
        self.assertEqual([], self.told)
        self.assertEqual('processing', tasks.get(ACTION).status)

    def test_without_room_it_waits_until_it_is_told_to_stop(self):
        self.die()
        with mock.patch.object(self.executor, 'has_room', lambda: False):
            self.assertFalse(self.end())
        self.assertTrue(self.stopped.is_set())
        self.assertEqual([], self.told)

    def test_what_runs_is_handed_back_when_it_is_told_to_stop(self):
        self.die()
        with mock.patch.object(pools, 'room', lambda: 0):
            with mock.patch.object(self.executor, 'has_room', lambda: True):
                self.assertFalse(self.end())
        self.assertEqual([self.line('left')], self.told)
        row = record.Action.of(tasks.get(ACTION))
        self.assertEqual(('pending', 'queued', True),
                         (row.status, row.phase, row.was_stale))


class HealTest(stored.StoredCase):
    """A dead job was to write to ``fast`` and ``slow``."""

    def have(self, *faults, status='importing', **more):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, **{'tidy': False, **more}))
        self.add_stored(status)
        past = database.now() - 2 * HOUR
        for name, value in (('os_glance_import_task', ACTION),
                            ('os_glance_importing_to_stores', 'fast,slow')):
            self.add(database.image_properties, image_id=IMAGE, name=name,
                     value=value, deleted=False, created_at=past,
                     updated_at=past)
        self.stores['slow'].objects[IMAGE] = bytearray(b'half')
        self.enterContext(mock.patch.object(
            dead_imports.setup, 'staging', lambda: self.staging))
        (self.staging / IMAGE).write_bytes(b'staged')

    def heal(self, dry_run=False):
        told = []
        complete = reaping.heal(told.append, HOUR, dry_run)
        return complete, told

    def line(self, outcome, **more):
        return {'image_id': IMAGE, 'status': 'importing', 'task_id': ACTION,
                'signs': ['lock', 'status', 'stores'],
                'stores': ['fast', 'slow'], 'outcome': outcome, **more}

    def state(self):
        return (database.read(sa.select(database.images.c.status))[0][0],
                locks.holder(IMAGE), self.held()['slow'],
                (self.staging / IMAGE).exists())

    def test_nothing_is_wrong(self):
        with mock.patch.object(dead_imports.setup, 'staging',
                               lambda: self.staging):
            self.assertEqual((True, []), self.heal())

    def test_all_of_it_is_put_right(self):
        self.have()
        self.assertEqual((True, [self.line('healed')]), self.heal())
        self.assertEqual(('queued', None, None, False), self.state())
        self.assertEqual((True, []), self.heal())

    def test_a_dry_run_tells_and_changes_nothing(self):
        self.have()
        self.assertEqual((True, [self.line('dead')]),
                         self.heal(dry_run=True))
        self.assertEqual(('importing', ACTION, b'half', True), self.state())

    def test_recorded_copies_of_an_active_image_stay(self):
        self.have(status='active')
        self.add_copy('slow')
        self.assertEqual((True, [self.line('healed') | {
            'status': 'active', 'signs': ['lock', 'stores']}]), self.heal())
        self.assertEqual(('active', None, DATA, False), self.state())

    def test_copies_that_a_drain_is_still_to_delete_stay(self):
        self.have(status='active')
        self.add_copy('slow', deleted=True, status='pending_delete')
        self.heal()
        self.assertEqual(('active', None, DATA, False), self.state())

    def test_recorded_copies_of_one_that_never_was_go(self):
        self.have()
        self.add_copy('slow')
        self.assertEqual((True, [self.line('healed')]), self.heal())
        self.assertEqual(('queued', None, None, False), self.state())
        self.assertEqual({}, self.recorded())

    def test_a_store_that_fails_leaves_it_to_the_next_time(self):
        self.have(Fault('clean', 'raise'))
        self.assertEqual(
            (False, [self.line('left',
                               message="store 'slow' failed: OSError")]),
            self.heal())
        self.assertEqual(('importing', ACTION, b'half', False),
                         self.state())

    def test_a_store_of_which_nobody_knows_what_it_keeps_is_named(self):
        self.have(tidy=True)
        self.assertEqual(
            (True, [self.line('healed',
                              message='something may be left in slow')]),
            self.heal())
        self.assertEqual(('queued', None, b'half', False), self.state())

    def test_a_store_that_cannot_be_written_has_nothing(self):
        self.have()
        self.stores['slow'].glance_ext_traits = traits.Traits(
            read_only=True)
        self.assertEqual((True, [self.line('healed')]), self.heal())

    def test_whoever_is_faster_heals(self):
        for name, value in (('claim', None), ('finish', False)):
            with self.subTest(name), mock.patch.object(
                    dead_imports, name, lambda *_, value=value: value):
                if name == 'claim':
                    self.have()
                self.assertEqual((True, [self.line('taken')]), self.heal())
                self.assertEqual(ACTION, locks.holder(IMAGE))
