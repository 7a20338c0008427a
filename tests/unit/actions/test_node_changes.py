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
"""How an action is found, cancelled, and told of its image's deletion."""

import types
from unittest import mock

from glance_ext.actions import node
from glance_ext.actions import posting
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit import tables
from tests.unit.actions import executing
from tests.unit.actions import rows

CANCELLED = {'code': 'cancelled', 'message': 'The action was cancelled'}


class Case(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.replace(node, 'start', lambda: self.executor)


class FindTest(Case):
    def test_only_what_holds_an_action_is_shown(self):
        plain = tasks.insert(
            type_='import', owner='p', image_id=None, input_={}, user_id='u',
            request_id='r', message='')
        action = self.new()
        self.assertEqual(
            (action, None, None),
            (node.show(action.id), node.show(plain.id), node.show('none')))

    def test_a_list_is_of_one_type_or_of_all(self):
        added = []
        for type_ in ('hash', 'copy', 'hash'):
            added.insert(0, self.new(action_type=type_).id)
            self.pass_(1)

        def found(*args):
            return [action.id for stretch in node.newest_first(
                *args, owner=tables.PROJECT, count=10)
                for action in stretch.actions]

        self.assertEqual(added, found())
        self.assertEqual(added[::2], found('hash'))
        self.assertEqual([], list(map(str, found('verify'))))


class CancelTest(Case):
    def told(self, action_id):
        row = self.read(action_id)
        return row.status, row.phase, row.message, row.error

    def held(self):
        return [run.action.id for run in self.executor.held()]

    def test_its_owner_has_to_undo_it(self):
        action = self.new('processing', image_id=self.image_id, result={
            'phase': 'writing', 'runner': 'me', 'bytes_done': 5,
            'result': {'found': 1}, 'state': {'location_id': 2}})
        self.assertIs(True, node.cancel(action.id))
        self.assertEqual(
            ('failure', 'rolling-back', 'The action was cancelled',
             CANCELLED), self.told(action.id))
        row = self.read(action.id)
        self.assertEqual(
            ('me', 5, {}, {'location_id': 2}, None, action.id, []),
            (row.runner, row.bytes_done, row.result, row.state,
             row.expires_at, locks.holder(self.image_id), self.held()))

    def test_one_of_this_process_learns_of_it_at_once(self):
        run = self.run_of()
        self.executor.submit(run)
        self.assertTrue(node.cancel(run.action.id))
        self.assertTrue(run.is_stopped)
        self.go()
        self.assertEqual('ended', self.read(run.action.id).phase)

    def test_what_has_ended_cannot_be_cancelled(self):
        run = self.run_of('processing')
        run.end('success', 'Done', lambda _: True)
        self.assertIs(False, node.cancel(run.action.id))
        self.assertIs(False, node.cancel('none'))
        self.assertEqual(('success', 'ended', 'Done', None),
                         self.told(run.action.id))

    def test_what_is_being_undone_goes_on_so(self):
        error = {'code': 'short_read', 'message': 'm'}
        action = self.new('failure', result={
            'phase': 'rolling-back', 'error': error})
        looked = self.replace(self.executor, 'look_at')
        self.assertIs(True, node.cancel(action.id))
        self.assertEqual(error, self.read(action.id).error)
        looked.assert_called_once_with(action.id)

    def test_it_is_tried_again_where_the_owner_wrote_first(self):
        action = self.new('processing')
        self.replace(tasks, 'fence', wraps=tasks.fence,
                     side_effect=[None, mock.DEFAULT])
        self.assertIs(True, node.cancel(action.id))
        self.assertEqual('rolling-back', self.read(action.id).phase)

    def test_one_that_awaits_data_is_undone_here(self):
        action = self.new(upload_timeout=300)
        self.assertTrue(node.cancel(action.id))
        self.assertEqual([action.id], self.held())
        self.go()
        self.assertEqual(('ended', CANCELLED), self.told(action.id)[1::2])

    def test_one_that_waits_for_a_worker_is_undone_here(self):
        for executor, runner, held in (('local', '', False),
                                       ('jobboard', 'one', False),
                                       ('jobboard', '', True)):
            self.options.config(group='glance_ext', executor=executor)
            action = self.new(result={'runner': runner})
            self.assertTrue(node.cancel(action.id))
            self.assertIs(held, action.id in self.held())
        self.assertTrue(posting.is_on())

    def test_what_ended_while_it_was_cancelled_is_left(self):
        """Its owner may be as fast as the request."""
        self.options.config(group='glance_ext', executor='jobboard')
        action = self.new()

        def look_at(action_id):
            database.transaction(lambda connection: tasks.alter(
                connection, action_id, phase='ended'))

        self.replace(self.executor, 'look_at', look_at)
        self.assertTrue(node.cancel(action.id))
        self.assertEqual([], self.held())


class DeletionTest(Case):
    def setUp(self):
        super().setUp()
        self.image = types.SimpleNamespace(
            image_id=self.image_id, owner=tables.PROJECT, protected=False,
            locations=[], member='', status='queued')
        self.seen = self.replace(
            images, 'seen_by', side_effect=lambda *_: self.image)
        self.context = contexts.of_caller(rows.CALLER)

    def not_allowed(self):
        """Make it, one after the other, somebody else's image and so on."""
        image = self.image
        for name, value in (('protected', True), ('owner', 'other')):
            self.image = types.SimpleNamespace(**{**vars(image), name: value})
            yield
        self.image = None
        yield
        self.image = image

    def test_what_was_removed_before_is_forgotten_by_who_may_delete(self):
        table = database.image_properties

        def properties():
            return [row.name for row in database.read(table.select())]

        for name, gone in (('now', False), ('before', True)):
            database.transaction(lambda connection, name=name, gone=gone:
                                 connection.execute(table.insert().values(
                                     image_id=self.image_id, name=name,
                                     value='v', deleted=gone)))
        for _ in self.not_allowed():
            node.prepare_delete(self.image_id, self.context)
            self.assertEqual(['now', 'before'], properties())
        node.prepare_delete(self.image_id, self.context)
        self.assertEqual(['now'], properties())
        self.seen.assert_called_with(self.context, self.image_id)

    def test_a_deletion_that_failed_is_noted_for_what_runs(self):
        action = self.new('processing', image_id=self.image_id)

        def note():
            node.note_failed_delete(self.image_id, self.context)
            return self.read(action.id).spec.get('delete_failed')

        for _ in self.not_allowed():
            self.assertIsNone(note())
        self.assertIs(True, note())
        self.seen.assert_called_with(self.context, self.image_id)

    def test_it_is_noted_for_what_waits_and_not_for_what_ended(self):
        for status, noted in (('pending', True), ('failure', None),
                              ('success', None)):
            self.image_id = self.add_image()
            action = self.new(status, image_id=self.image_id)
            node.note_failed_delete(self.image_id, self.context)
            self.assertIs(noted, self.read(action.id).spec.get(
                'delete_failed'))

    def test_a_deletion_that_took_all_but_the_image_is_finished(self):
        finish = self.replace(images, 'finish_delete')
        self.image.status = 'active'
        for _ in self.not_allowed():
            node.note_failed_delete(self.image_id, self.context)
        self.image.locations = ['one']
        node.note_failed_delete(self.image_id, self.context)
        self.image.locations = []
        locks.take(self.image_id, 'a task')
        node.note_failed_delete(self.image_id, self.context)
        finish.assert_not_called()
        database.transaction(lambda connection: locks.drop(
            connection, self.image_id, 'a task'))
        node.note_failed_delete(self.image_id, self.context)
        finish.assert_called_once_with(self.image_id, self.context)

    def test_it_is_noted_for_no_task_of_glance_s_own(self):
        plain = tasks.insert(
            type_='import', owner='p', image_id=self.image_id,
            input_={'image_id': self.image_id}, user_id='u', request_id='r',
            message='', status='processing')
        node.note_failed_delete(self.image_id, self.context)
        for holder in ('none', plain.id):
            locks.take(self.image_id, holder)
            node.note_failed_delete(self.image_id, self.context)
            database.transaction(lambda connection, holder=holder: locks.drop(
                connection, self.image_id, holder))
        self.assertEqual({'image_id': self.image_id},
                         tasks.get(plain.id).input)
