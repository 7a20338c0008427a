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
"""What becomes of an import whose data a caller uploads, or does not."""

from unittest import mock

import webob.exc

from glance_ext import errors
from glance_ext.actions import executor
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.plugins import uploads
from tests.unit import stored
from tests.unit.stored import ACTION
from tests.unit.stored import DATA


class Executor(executor.Executor):
    """Runs nothing."""

    def __init__(self):
        super().__init__()
        self.submitted = []

    def submit(self, run):
        self.submitted.append(run)


class Case(stored.StoredCase):
    def setUp(self):
        super().setUp()
        self.executor = Executor()
        self.enterContext(mock.patch.object(
            node, 'start', lambda: self.executor))
        self.action = self.wait()

    def wait(self, **spec):
        return self.add_action('import', image_id=None, **{
            'locks_image': False, 'stores': ['fast'],
            'upload_timeout': 3600, 'future_id': stored.IMAGE, **spec})

    def receive(self, *chunks, most=len(DATA), stores=('fast',)):
        uploads.receive(self.action, contexts.admin(), self.sent_by(chunks),
                        most, list(stores))

    def sent_by(self, chunks):
        for chunk in chunks:
            if callable(chunk):
                chunk()
            else:
                yield chunk

    def row(self):
        return record.Action.of(tasks.get(ACTION))

    def waits_again(self):
        row = self.row()
        self.assertEqual(
            ('pending', 'queued', True, False, [], []),
            (row.status, row.phase, row.awaits_upload,
             staging.file(ACTION).exists(), self.executor.submitted,
             self.executor.held()))

    def lose(self):
        """Have another process own the action."""
        database.transaction(lambda connection: tasks.fence(
            connection, ACTION, status=self.action.status,
            stamp=self.action.stamp, new_status='processing',
            result={'runner': 'another'},
            new_stamp=self.action.stamp.replace(year=2100)))


class TakenTest(Case):
    def test_the_import_goes_on_with_what_was_uploaded(self):
        def seen():
            self.assertEqual((['processing', 'reading'], [ACTION]), (
                [self.row().status, self.row().phase],
                [run.action.id for run in self.executor.held()]))
        self.receive(DATA[:1000], seen, DATA[1000:])
        row = self.row()
        self.assertEqual(DATA, staging.file(ACTION).read_bytes())
        self.assertEqual(
            ('processing', 'verifying', {'uploaded': True}, len(DATA)),
            (row.status, row.phase, row.state, row.bytes_done))
        self.assertEqual([ACTION], [
            run.action.id for run in self.executor.submitted])
        self.assertEqual([], self.executor.held())
        self.assertEqual(['data'], [
            file.name for file in staging.file(ACTION).parent.iterdir()])

    def test_the_uploader_may_choose_the_stores(self):
        self.receive(DATA, stores=['slow', 'cold'])
        row = self.row()
        self.assertEqual(['slow', 'cold'], row.spec['stores'])
        self.assertEqual(dict.fromkeys(('slow', 'cold'), {
            'status': 'pending', 'bytes_done': 0}), row.stores)

    def test_a_worker_goes_on_where_there_are_workers(self):
        self.options.config(executor='jobboard', group='glance_ext')
        with mock.patch.object(uploads.posting, 'post') as posting:
            self.receive(DATA)
        posting.assert_called_once_with(ACTION)
        row = self.row()
        self.assertEqual(('pending', False, True, []), (
            row.status, row.awaits_upload, row.was_stale,
            self.executor.submitted))

    def test_one_that_needs_the_callers_token_stays(self):
        self.options.config(executor='jobboard', group='glance_ext')
        tasks.remove(ACTION)
        self.action = self.wait(needs_token=True)
        with mock.patch.object(uploads.posting, 'post') as posting:
            self.receive(DATA)
        posting.assert_not_called()
        self.assertEqual(1, len(self.executor.submitted))


class RefusedTest(Case):
    def test_an_import_that_waits_for_no_data(self):
        self.action.state['uploaded'] = True
        self.assertRaises(uploads.Taken, self.receive, DATA)
        self.assertFalse(staging.file(ACTION).exists())

    def test_one_that_somebody_else_uploads_to(self):
        self.lose()
        self.assertRaises(uploads.Taken, self.receive, DATA)
        self.assertFalse(staging.file(ACTION).exists())

    def test_one_that_was_cancelled_meanwhile(self):
        with mock.patch.object(node.keeper, 'take_over'):
            self.assertTrue(node.cancel(ACTION))
        self.assertRaises(uploads.Taken, self.receive, DATA)
        self.assertEqual([], self.executor.submitted)


class FailedTest(Case):
    def test_too_much_data(self):
        with self.assertRaises(errors.ImageTooLarge) as refusal:
            self.receive(DATA, most=len(DATA) - 1)
        self.assertEqual(
            'The data has 256000 bytes; the quota, or image_size_cap, '
            'allows 255999', refusal.exception.message)
        self.waits_again()

    def test_a_client_that_goes_away(self):
        def cut():
            raise webob.exc.HTTPBadRequest
        self.assertRaises(webob.exc.HTTPBadRequest, self.receive, DATA[:9],
                          cut)
        self.waits_again()

    def test_an_upload_after_one_that_failed(self):
        self.test_a_client_that_goes_away()
        self.action = self.row()
        self.receive(DATA)
        self.assertEqual(DATA, staging.file(ACTION).read_bytes())
        self.assertEqual(len(DATA), self.row().bytes_done)

    def test_a_staging_directory_that_fails(self):
        with mock.patch.object(staging, '_directory',
                               lambda: self.staging / 'absent'):
            self.assertRaises(errors.StoreError, self.receive, DATA)
        self.waits_again()

    def test_a_cancelled_one_is_undone_here(self):
        def cancel():
            self.assertTrue(node.cancel(ACTION))
        self.assertRaises(errors.Cancelled, self.receive, DATA[:9], cancel,
                          DATA[9:])
        (run,) = self.executor.submitted
        self.assertEqual(('failure', 'rolling-back', True), (
            self.row().status, self.row().phase, run.is_stopped))
        self.assertFalse(staging.file(ACTION).exists())

    def test_one_that_another_process_took_over_is_left_to_it(self):
        self.assertRaises(uploads.Taken, self.receive, DATA, self.lose)
        self.assertEqual('another', self.row().runner)
        self.assertEqual([], self.executor.submitted)

    def test_what_failed_first_is_told(self):
        def fail():
            self.lose()
            raise webob.exc.HTTPBadRequest
        self.assertRaises(webob.exc.HTTPBadRequest, self.receive, fail)
        self.assertEqual('another', self.row().runner)
