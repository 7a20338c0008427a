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
"""What the API shows of an action, and when it is whose."""

import datetime

from glance_ext.actions import record
from glance_ext.host import database
from glance_ext.transfer import progress
from tests.unit import tables
from tests.unit.actions import rows


class ViewTest(rows.RowsCase):
    def test_everything_that_a_caller_may_see(self):
        image_id = self.add_image()
        kept = {'phase': 'writing', 'attempt': 2, 'runner': 'me',
                'bytes_done': 300, 'bytes_total': 1000,
                'bytes_per_second': 7,
                'stores': {'': {'status': 'writing', 'bytes_done': 1}},
                'error': {'code': 'c', 'message': 'm'},
                'result': {'found': 1}, 'state': {'secret': 1}}
        action = self.new('processing', image_id=image_id, max_attempts=4,
                          result=kept)
        self.pass_(60)
        database.transaction(lambda connection: record.tasks.fence(
            connection, action.id, status='processing', stamp=action.stamp,
            message='Writing', expires=True))
        shown = self.read(action.id).view()
        self.assertEqual({
            'id': action.id, 'action_type': 'hash', 'status': 'processing',
            'phase': 'writing', 'image_id': image_id,
            'owner': tables.PROJECT,
            'created_at': '2026-03-01T12:00:00Z',
            'updated_at': '2026-03-01T12:01:00Z',
            'expires_at': '2026-03-03T12:01:00Z',
            'progress': {
                'bytes_done': 300, 'bytes_total': 1000, 'percent': 30,
                'bytes_per_second': 7, 'eta_seconds': 100,
                'stores': {'default': {'status': 'writing',
                                       'bytes_done': 1}}},
            'attempt': 2, 'max_attempts': 4,
            'error': {'code': 'c', 'message': 'm'}, 'message': 'Writing',
            'result': {'found': 1},
            'self': f'/v2/image-actions/{action.id}',
            'schema': '/v2/schemas/image-action'}, shown)
        self.assertEqual(kept, self.read(action.id).kept())

    def test_one_that_is_new_shows_what_it_is_for(self):
        shown = self.new(stores=['fast', '']).view()
        pending = {'status': 'pending', 'bytes_done': 0}
        self.assertEqual(
            ({'fast': pending, 'default': pending}, None, None, None, {}),
            (shown['progress']['stores'], shown['image_id'],
             shown['expires_at'], shown['error'], shown['result']))

    def test_one_that_a_plain_node_ended_says_so(self):
        shown = self.new('failure').view()
        self.assertEqual(
            ('rolling-back', {'code': 'worker_lost',
                              'message': 'Waiting for its turn'}),
            (shown['phase'], shown['error']))

    def test_no_time_is_left_to_one_that_failed(self):
        shown = self.new('failure', result={
            'phase': 'ended', 'bytes_total': 9, 'bytes_per_second': 1}).view()
        self.assertEqual(('ended', None), (
            shown['phase'], shown['progress']['eta_seconds']))

    def test_percent_and_time_are_those_of_whole_numbers(self):
        for done, total, rate, percent, eta in (
                (1, 300, 0, 0, None), (299, 300, 10, 99, 0),
                (299, 300, 1, 99, 1), (300, 300, 1, 100, 0),
                (5, 0, 1, None, None), (5, None, 1, None, None),
                (0, 100, 33, 0, 3)):
            shown = self.new('processing', result={
                'phase': 'reading', 'bytes_done': done, 'bytes_total': total,
                'bytes_per_second': rate}).view()['progress']
            self.assertEqual((percent, eta), (shown['percent'],
                                              shown['eta_seconds']))

    def test_only_the_stores_of_the_action_are_counted(self):
        action = self.new('processing', stores=['fast'])
        work = progress.Progress(100)
        work.advance(7)
        for store in ('fast', 'another'):
            work.branch(store).advance(3)
        action.count(work)
        action.measure(work)
        self.assertEqual((7, 100, ['fast'], 3), (
            action.bytes_done, action.bytes_total, list(action.stores),
            action.stores['fast']['bytes_done']))


class OwnedTest(rows.RowsCase):
    def test_it_holds_the_lock_unless_it_says_otherwise(self):
        self.assertIs(True, self.new().locks_image)
        self.assertIs(False, self.new(locks_image=False).locks_image)

    def test_it_awaits_data_until_that_is_there_or_it_runs(self):
        for status, state, awaits in (
                ('pending', {}, True), ('pending', {'uploaded': 1}, False),
                ('processing', {}, False), ('failure', {}, False)):
            self.assertIs(awaits, self.new(
                status, result={'state': state}, upload_timeout=9
            ).awaits_upload)
        self.assertIs(False, self.new().awaits_upload)

    def test_it_is_silent_for_too_long_only_past_its_time(self):
        for seconds, spec in ((120, {}), (9, {'upload_timeout': 9})):
            action = self.new(**spec)
            self.pass_(seconds)
            self.assertEqual((False, False), (
                action.is_stale, self.read(action.id).was_stale))
            self.pass_(1)
            self.assertEqual((True, False, True), (
                action.is_stale, action.was_stale,
                self.read(action.id).was_stale))

    def test_it_has_expired_at_its_time(self):
        action = self.new()
        self.assertIs(False, action.has_expired)
        action.expires_at = rows.MOMENT + datetime.timedelta(seconds=9)
        for seconds, expired in ((8, False), (1, True), (1, True)):
            self.pass_(seconds)
            self.assertIs(expired, action.has_expired)
