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
"""How a process accepts an action, and where it sets it going."""

import json
import types
from unittest import mock

from oslo_db import exception as db_exception

from glance_ext.actions import node
from glance_ext.actions import posting
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import signatures
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from tests.unit import tables
from tests.unit.actions import executing
from tests.unit.actions import rows


class StartTest(executing.ExecutorCase):
    def test_a_process_has_one_executor_and_one_keeper(self):
        self.replace(node, '_executor', None)
        keeper = self.replace(node.keeper, 'Keeper')
        stops = []
        self.replace(node.pools, 'on_exit', stops.append)
        first = node.start()
        self.assertIs(first, node.start(takes_over=False))
        self.assertEqual([mock.call(first, True), mock.call().start()],
                         keeper.mock_calls)
        self.assertEqual([first.close], stops)

    def test_it_may_leave_to_others_what_others_left(self):
        self.replace(node, '_executor', None)
        keeper = self.replace(node.keeper, 'Keeper')
        self.replace(node.pools, 'on_exit')
        keeper.assert_not_called()
        executor = node.start(takes_over=False)
        keeper.assert_called_once_with(executor, False)


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.replace(node, 'start', lambda: self.executor)
        self.context = contexts.of_caller(rows.CALLER)
        self.context.request_id = 'req'
        self.image = types.SimpleNamespace(
            image_id=self.image_id, owner='owner')

    def begin(self, spec=None, **how):
        return node.begin({**record.new_spec('hash'), **(spec or {})},
                          self.image, self.context, **how)

    def begin_unlocked(self, image=None, *, key=None, kept=None, **spec):
        return node.begin_unlocked(
            {**record.new_spec('import'), **spec}, image, self.context,
            kept=kept, action_id=key)

    def rows(self):
        return [row.id for row in database.read(
            database.tasks.select().where(
                database.tasks.c.id != signatures.KEY_ID).order_by(
                    database.tasks.c.id))]

    def name(self, connection):
        connection.execute(database.images.update().values(name='prepared'))
        return True

    def image_name(self):
        return database.read(database.images.select())[0].name


class BeginTest(Case):
    def test_it_is_a_row_a_lock_and_a_run(self):
        action = self.begin({'stores': ['fast']}, kept={'query': 'secret'},
                            prepare=self.name)
        self.assertEqual((action.id, 'prepared', [action.id]), (
            locks.holder(self.image_id), self.image_name(), self.rows()))
        run, = self.begun()
        self.assertEqual(
            (action, 'secret', self.context.to_dict()),
            (run.action, run.secret('query'), run.context.to_dict()))
        row = tasks.get(action.id)
        self.assertEqual(
            ('api_image_import', 'pending', tables.PROJECT, self.image_id,
             'Waiting for its turn'),
            (row.type, row.status, row.owner, row.image_id, row.message))
        self.assertEqual(
            {'image_id': self.image_id,
             'import_req': {'method': {'name': 'hash'}},
             'backend': ['fast'],
             'glance_ext': {**record.new_spec('hash'), 'stores': ['fast'],
                            'caller': rows.CALLER, 'sealed': {},
                            'signature': row.ours['signature']}}, row.input)
        raw = database.read(database.tasks.select().where(
            database.tasks.c.id == action.id))[0]
        self.assertEqual(('u', 'req'), (raw.user_id, raw.request_id))

    def test_a_locked_image_is_busy(self):
        first = self.begin()
        with self.assertRaises(node.Busy):
            self.begin(prepare=self.name)
        self.assertEqual(([first.id], None, 1), (
            self.rows(), self.image_name(), len(self.begun())))

    def test_a_lock_of_an_action_that_ended_is_broken(self):
        run = self.run_of('processing', image_id=self.image_id)
        run.end('success', 'm', lambda _: True)
        locks.take(self.image_id, run.action.id)
        self.assertEqual(self.begin().id, locks.holder(self.image_id))

    def test_about_any_other_lock_glance_decides(self):
        plain = tasks.insert(
            type_='import', owner='p', image_id=self.image_id, input_={},
            user_id='u', request_id='r', message='')
        for holder in (plain.id, 'no task'):
            locks.take(self.image_id, holder)
            released = self.replace(
                locks, 'release_stale_of_host', return_value=False)
            with self.assertRaises(node.Busy):
                self.begin()
            released.assert_called_once_with(self.image, self.context)
            database.transaction(lambda connection, holder=holder: locks.drop(
                connection, self.image_id, holder))
        locks.take(self.image_id, plain.id)

        def release(image, context):
            database.transaction(lambda connection: locks.drop(
                connection, image.image_id, plain.id))
            return True

        self.replace(locks, 'release_stale_of_host', release)
        self.assertEqual(self.begin().id, locks.holder(self.image_id))

    def test_who_comes_second_by_a_moment_leaves_nothing(self):
        other = self.new(image_id=self.image_id)
        self.replace(locks, 'holder', return_value=None)
        with self.assertRaises(node.Busy):
            self.begin()
        self.assertEqual(([other.id], []), (self.rows(), self.begun()))

    def test_an_image_that_is_not_as_it_was_is_busy(self):
        def prepare(connection):
            self.name(connection)
            return False

        with self.assertRaises(node.Busy):
            self.begin(prepare=prepare)
        self.assertEqual(([], None, None), (
            self.rows(), locks.holder(self.image_id), self.image_name()))

    def test_an_image_that_is_gone_leaves_no_row(self):
        self.image.image_id = 'gone'
        with self.assertRaises(locks.ImageGone):
            self.begin()
        self.assertEqual([], self.rows())

    def test_a_row_has_only_so_much_room(self):
        first = self.begin_unlocked(pad='')
        most = 60000 - len(json.dumps(tasks.get(first.id).input)) + len(
            f', "signature": "{"0" * 64}"')
        self.begin_unlocked(pad='x' * most)
        before = self.rows()
        with self.assertRaises(node.TooLarge):
            self.begin_unlocked(pad='x' * (most + 1))
        self.assertEqual(before, self.rows())

    def test_it_knows_whether_a_store_needs_the_caller_s_token(self):
        needs = self.replace(node.reach, 'needs_token', return_value=True)
        self.assertNotIn('store_needs_token', self.begin_unlocked().spec)
        self.context.auth_token = 't'
        self.assertIs(True, self.begin({'stores': ['users']}).spec[
            'store_needs_token'])
        needs.assert_called_once_with(['users'], self.image_id)
        needs.return_value = False
        self.assertNotIn('store_needs_token', self.begin_unlocked().spec)


class UnlockedTest(Case):
    def test_it_needs_no_image(self):
        action = self.begin_unlocked(kept={'query': 'secret'})
        self.assertEqual(('', None, [action], 'secret'), (
            action.image_id, tasks.get(action.id).image_id,
            [run.action for run in self.begun()],
            self.begun()[0].secret('query')))

    def test_it_takes_no_lock_of_the_image_that_it_has(self):
        action = self.begin_unlocked(self.image)
        self.assertEqual((self.image_id, None), (
            action.image_id, locks.holder(self.image_id)))

    def test_the_row_is_of_the_caller_s_project_or_the_image_s(self):
        for project, image, owner in (('p', self.image, 'p'),
                                      (None, self.image, 'owner'),
                                      (None, None, '')):
            self.context.project_id = project
            self.assertEqual(owner, self.begin_unlocked(image).owner)

    def test_one_that_awaits_data_is_left_to_whoever_brings_it(self):
        self.begin_unlocked(upload_timeout=300)
        self.assertEqual([], self.begun())

    def test_the_same_key_has_one_action(self):
        first = self.begin_unlocked(key='k')
        again = self.begin_unlocked(key='k')
        self.assertEqual(('k', 'k', ['k'], 1), (
            first.id, again.id, self.rows(), len(self.begun())))

    def test_a_key_stays_with_a_task_that_is_not_known_as_an_action(self):
        self.begin_unlocked(key='k')
        self.options.config(group='glance_ext', secret_key='k' * 16)
        with self.assertRaises(node.Busy):
            self.begin_unlocked(key='k')
        self.assertEqual((['k'], 1), (self.rows(), len(self.begun())))
        self.do(lambda connection: connection.execute(
            database.tasks.update().values(expires_at=database.now())))
        self.assertEqual('pending', self.begin_unlocked(key='k').status)

    def test_a_key_is_free_again_when_its_action_has_expired(self):
        self.begin_unlocked(key='k')
        self.begun()[0].end('success', 'm', lambda _: True)
        self.pass_(48 * 3600 - 1)
        self.assertEqual('success', self.begin_unlocked(key='k').status)
        self.pass_(1)
        self.assertEqual(('pending', ['k'], 2), (
            self.begin_unlocked(key='k').status, self.rows(),
            len(self.begun())))

    def test_a_key_is_free_again_when_its_row_is_to_be_purged(self):
        self.begin_unlocked(key='k')
        self.begun()[0].end('success', 'm', lambda _: True)
        self.pass_(48 * 3600)
        task_sweeps.expire('')
        self.assertEqual('pending', self.begin_unlocked(key='k').status)

    def test_without_a_key_a_duplicate_is_a_fault(self):
        self.replace(tasks, 'insert',
                     side_effect=db_exception.DBDuplicateEntry)
        with self.assertRaises(db_exception.DBDuplicateEntry):
            self.begin_unlocked()


class PostTest(Case):
    """With workers, only what needs something of this process stays here."""

    def setUp(self):
        super().setUp()
        self.options.config(group='glance_ext', executor='jobboard')
        self.posted = []
        self.replace(posting, 'post', self.posted.append)

    def test_an_action_is_posted(self):
        action = self.begin()
        self.assertEqual(([action.id], []), (self.posted, self.begun()))

    def test_what_needs_the_token_of_the_caller_stays(self):
        action = self.begin_unlocked(needs_token=True)
        self.assertEqual(([], [action]), (
            self.posted, [run.action for run in self.begun()]))

    def test_secrets_stay_unless_the_row_has_them_encrypted(self):
        self.begin_unlocked(kept={'query': 'secret'})
        self.assertEqual(([], 1), (self.posted, len(self.begun())))
        self.options.config(group='glance_ext', secret_key='k' * 16)
        action = self.begin_unlocked(kept={'query': 'secret'})
        self.assertEqual(([action.id], 1), (self.posted, len(self.begun())))
        self.assertNotIn('secret', str(tasks.get(action.id).input))
