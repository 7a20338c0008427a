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
"""The signature of what a row holds, and the key that it is made with."""

import datetime
import logging
import threading
from unittest import mock
import uuid

from glance import context as glance_context
from glance.common import exception
from glance.db.sqlalchemy import api as db_api
from oslo_config import cfg
import sqlalchemy as sa

from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import signatures
from glance_ext.host import task_lists
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from tests.unit import tables

IMAGE, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
SPEC = {'action_type': 'hash', 'caller': {'is_admin': False}, 'é': ['\ud800']}


class Case(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(signatures, '_reported', set()))

    def add(self, image_id=IMAGE, **spec):
        return tasks.insert(
            type_='api_image_import', owner=tables.PROJECT,
            image_id=image_id, user_id='u', request_id='r', message='',
            input_={'image_id': image_id, 'glance_ext': {**SPEC, **spec}})

    def forge(self, spec, task_id=None, **columns):
        """Add a row as ``POST /v2/tasks`` would."""
        task_id = task_id or str(uuid.uuid4())
        moment = database.now()

        def work(connection):
            connection.execute(database.tasks.insert().values(**{
                'id': task_id, 'type': 'import', 'status': 'pending',
                'owner': tables.PROJECT, 'created_at': moment,
                'updated_at': moment, 'deleted': False, **columns}))
            connection.execute(database.task_info.insert().values(
                task_id=task_id, input={'glance_ext': spec}))
        database.transaction(work)
        return tasks.get(task_id)

    def change(self, task, table=database.tasks, **columns):
        key = table.c.get('id', table.c.get('task_id'))
        self.do(lambda connection: connection.execute(
            table.update().where(key == task.id).values(**columns)))
        return tasks.get(task.id)

    def key_rows(self):
        return database.read(sa.select(
            database.tasks, database.task_info.c.message).join(
                database.task_info,
                database.task_info.c.task_id == database.tasks.c.id).where(
                    database.tasks.c.id == signatures.KEY_ID))


class RowTest(Case):
    def test_what_a_node_wrote_is_known_again(self):
        added = self.add(pair=(1, 2), number=1.5)
        found = tasks.get(added.id)
        self.assertRegex(found.ours['signature'], '^[0-9a-f]{64}$')
        self.assertEqual([1, 2], found.ours['pair'])
        self.assertEqual([added.id], [each.id for each in tasks.ours()])

    def test_whatever_is_changed_of_it_it_is_no_action_any_more(self):
        for name, change in (
                ('owner', {'owner': 'other'}), ('image', {'image_id': OTHER}),
                ('no image', {'image_id': None})):
            with self.subTest(name):
                self.assertIsNone(self.change(self.add(), **change).ours)
        for name, spec in (
                ('an admin', {'caller': {'is_admin': True}}),
                ('more', {'store_needs_token': True}),
                ('unsigned', {'signature': None}),
                ('another type', {'signature': 17}),
                ('not of ASCII', {'signature': 'é' * 64}),
                ('another', {'signature': '0' * 64})):
            with self.subTest(name):
                task = self.add()
                found = self.change(task, database.task_info, input={
                    **task.input, 'glance_ext': {**task.ours, **spec}})
                self.assertIsNone(found.ours)
                self.assertEqual(spec, {
                    key: found.input['glance_ext'][key] for key in spec})

    def test_nothing_that_comes_later_needs_a_new_signature(self):
        task = self.add(image_id=None)
        self.do(tasks.name_image, task.id, IMAGE)
        tasks.note(task.id, delete_failed=True, stores=['fast'])
        self.do(tasks.keep, task.id, {'phase': 'reading'})
        found = self.change(task, status='processing', updated_at=database.
                            now() + datetime.timedelta(seconds=9))
        self.assertEqual((True, ['fast'], IMAGE), (
            found.ours['delete_failed'], found.ours['stores'],
            found.image_id))

    def test_a_signature_of_another_row_proves_nothing(self):
        task = self.add()
        self.assertIsNone(self.forge(
            task.ours, owner=task.owner, image_id=IMAGE).ours)

    def test_a_forged_row_is_in_no_list_and_counts_as_nothing(self):
        task = self.forge(SPEC, image_id=IMAGE)
        ended = self.forge(SPEC, status='success')
        since = database.now() - datetime.timedelta(hours=1)
        for batches in (task_sweeps.unfinished(),
                        task_sweeps.ended_since(since)):
            self.assertEqual([], [row for rows in batches for row in rows])
        self.assertEqual([], tasks.ours())
        self.assertEqual([], [
            row for stretch in task_lists.newest_first(count=10)
            for row in stretch.tasks])
        self.change(ended, expires_at=database.now())
        self.assertEqual(('', 0), task_sweeps.expire(''))
        self.assertEqual(SPEC, tasks.get(task.id).input['glance_ext'])

    def test_what_cannot_be_decoded_stops_no_query(self):
        whole = self.add()
        raw = sa.table('task_info', sa.column('task_id'), sa.column('input'),
                       sa.column('result'))
        deep = '{"glance_ext":' + '[' * 100000
        for columns in ({'input': '{"glance_ext": {'}, {'input': deep},
                        {'input': '["glance_ext"]'}, {'input': '"glance_ext"'},
                        {'result': '{"phase": '}, {'result': deep}):
            broken = self.add()
            self.do(lambda connection, id_=broken.id, columns=columns:
                    connection.execute(raw.update().where(
                        raw.c.task_id == id_).values(**columns)))
            self.assertIsNone(tasks.get(broken.id).ours)
        self.assertEqual([whole.id], [
            each.id for each in tasks.unfinished()])


class TrustTest(Case):
    def test_what_was_accepted_before_needs_no_signature(self):
        for seconds, trusted in ((1, True), (0, False), (-60, False)):
            before = database.now() + datetime.timedelta(seconds=seconds)
            task = self.forge(SPEC, created_at=database.now())
            self.options.config(group='glance_ext',
                                trust_actions_before=before)
            with self.subTest(seconds):
                self.assertEqual(trusted, tasks.get(task.id).ours is not None)
            self.options.config(group='glance_ext',
                                trust_actions_before=None)

    def test_what_is_only_trusted_never_gets_a_signature(self):
        task = self.forge(SPEC)
        self.options.config(
            group='glance_ext', trust_actions_before=database.now() +
            datetime.timedelta(hours=1))
        tasks.note(task.id, delete_failed=True)
        self.assertEqual({**SPEC, 'delete_failed': True},
                         tasks.get(task.id).ours)


    def test_the_time_has_a_zone(self):
        for text in ('2026-12-01T12:00:00Z', '2026-12-01T14:00:00+02:00'):
            self.options.config(group='glance_ext', trust_actions_before=text)
            self.assertEqual(
                datetime.datetime(2026, 12, 1, 12),
                cfg.CONF.glance_ext.trust_actions_before)
        for text in ('2026-12-01T12:00:00', 'tomorrow', '', '17'):
            with self.assertRaises(ValueError):
                self.options.config(group='glance_ext',
                                    trust_actions_before=text)


class KeyTest(Case):
    def test_the_first_to_ask_draws_it_and_nobody_again(self):
        first = self.add()
        key, = self.key_rows()
        self.assertRegex(key.message, '^[0-9a-f]{64}$')
        signatures._stored.clear()
        self.assertIsNotNone(tasks.get(first.id).ours)
        self.assertEqual([key], self.key_rows())

    def test_many_at_once_agree(self):
        made = []
        barrier = threading.Barrier(8)

        def first():
            barrier.wait()
            made.append(signatures._stored_key())
        threads = [threading.Thread(target=first) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((8, 1), (len(made), len(set(made))))

    def test_no_api_shows_its_row_and_no_purge_takes_it(self):
        self.add()
        people = [glance_context.get_admin_context(),
                  glance_context.RequestContext(
                      project_id='glance-ext', user_id='u', roles=['admin'],
                      is_admin=True, show_deleted=True)]
        for person in people:
            repo = images.gateway().get_task_repo(person)
            with self.assertRaises(exception.InvalidTaskType):
                repo.get(signatures.KEY_ID)
            self.assertNotIn(signatures.KEY_ID, [
                each['id'] for each in db_api.task_get_all(
                    person, {'deleted': False})])
        member = glance_context.RequestContext(
            project_id='glance-ext', user_id='u', roles=['member'])
        with self.assertRaises(exception.NotFound):
            images.gateway().get_task_repo(member).get(signatures.KEY_ID)
        before = self.key_rows()
        db_api.purge_deleted_rows(people[0], 0, -1)
        self.assertEqual(before, self.key_rows())

    def test_a_row_that_no_node_made_is_refused(self):
        self.forge(SPEC, signatures.KEY_ID)
        with self.assertRaises(signatures.BadKeyError) as failure:
            self.add()
        self.assertIn(signatures.KEY_ID, str(failure.exception))
        self.do(lambda connection: connection.execute(
            database.tasks.update().values(type='glance_ext_key')))
        with self.assertRaises(signatures.BadKeyError):
            self.add()

    def test_a_key_that_was_replaced_is_read_again_after_a_while(self):
        before = self.add()
        key, = self.key_rows()
        self.do(lambda connection: connection.execute(
            database.task_info.update().where(
                database.task_info.c.task_id == signatures.KEY_ID).values(
                    message='0' * 64)))
        self.assertIsNotNone(tasks.get(before.id).ours)
        known = dict(signatures._stored)
        with mock.patch.object(signatures, '_READ_AGAIN', -1):
            task = self.add()
        # As in a process that knows the first one.
        signatures._stored.update(known)
        self.assertIsNone(tasks.get(task.id).ours)
        with mock.patch.object(signatures, '_READ_AGAIN', -1):
            self.assertIsNotNone(tasks.get(task.id).ours)
            self.assertIsNone(tasks.get(before.id).ours)

    def test_without_its_row_another_is_drawn_for_what_comes(self):
        before = self.add()
        self.do(lambda connection: [
            connection.execute(table.delete())
            for table in (database.task_info, database.tasks)])
        self.enterContext(mock.patch.object(signatures, '_READ_AGAIN', -1))
        task = self.add()
        self.assertEqual(1, len(self.key_rows()))
        self.assertIsNotNone(tasks.get(task.id).ours)
        self.assertIsNone(tasks.get(before.id))

    def test_the_option_is_preferred_and_has_to_be_the_same(self):
        stored = self.add()
        self.options.config(group='glance_ext', secret_key='k' * 16)
        task = self.add()
        self.assertIsNone(tasks.get(stored.id).ours)
        self.assertIsNotNone(tasks.get(task.id).ours)
        for other in ('l' * 16, None):
            self.options.config(group='glance_ext', secret_key=other)
            self.assertIsNone(tasks.get(task.id).ours)

    def test_with_the_option_no_key_is_stored(self):
        self.options.config(group='glance_ext', secret_key='k' * 16)
        task = self.add()
        self.assertIsNotNone(tasks.get(task.id).ours)
        self.assertEqual([], self.key_rows())


class ReportTest(Case):
    def setUp(self):
        super().setUp()
        self.logs = self.enterContext(self.assertLogs(
            'glance_ext.host.signatures', logging.WARNING))

    def test_each_row_once_and_never_what_is_in_it(self):
        task = self.forge({**SPEC, 'sealed': 'a secret'})
        for _ in range(3):
            tasks.unfinished()
        line, = self.logs.output
        self.assertIn(task.id, line)
        self.assertNotIn('a secret', line)

    def test_so_many_and_then_only_that_there_are_more(self):
        with mock.patch.object(signatures, '_MOST_REPORTED', 3):
            for number in range(9):
                signatures.report(str(number), 'why')
        self.assertEqual(4, len(self.logs.output))
        self.assertEqual(4, len(signatures._reported))
        self.assertIn('no more', self.logs.output[-1])

    def test_the_key_is_in_no_log(self):
        with self.assertLogs(level=logging.DEBUG) as logs:
            logging.getLogger().debug('There is at least this')
            self.add()
            self.forge(SPEC)
        key, = self.key_rows()
        derived = signatures._key().hex()
        for line in logs.output + self.logs.output:
            self.assertNotIn(key.message, line)
            self.assertNotIn(derived, line)
