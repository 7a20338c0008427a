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
"""An action as its row tells it."""

import datetime
import unittest
from unittest import mock

from glance_ext.actions import record
from glance_ext.host import database
from glance_ext.host import tasks
from glance_ext.transfer import progress
from tests.unit.actions import rows

SPEC = {'action_type': 'hash', 'max_attempts': 4, 'heartbeat_timeout': 120,
        'caller': rows.CALLER}
CANCELLED = {'code': 'cancelled', 'message': 'It was cancelled'}


def task(status='processing', age=0, spec=None, result=None, message='m',
         read=0):
    moment = database.now() - datetime.timedelta(seconds=age)
    return tasks.Task('t', 'api_image_import', status, 'p', 'i', moment,
                      moment, None, {'glance_ext': spec or SPEC},
                      result or {}, message,
                      database.now() - datetime.timedelta(seconds=read),
                      spec or SPEC)


class TestAction(unittest.TestCase):

    def test_survives_its_row(self):
        first = record.Action.of(task())
        first.phase, first.attempt, first.bytes_done = 'reading', 3, 17
        first.state = {'location_id': 5}
        again = record.Action.of(task(result=first.kept()))
        self.assertEqual(first.kept(), again.kept())

    def test_is_stale_only_past_its_own_timeout(self):
        self.assertFalse(record.Action.of(task(age=119)).is_stale)
        self.assertTrue(record.Action.of(task(age=122)).is_stale)
        short = {**SPEC, 'heartbeat_timeout': 10}
        self.assertTrue(record.Action.of(task(age=12, spec=short)).is_stale)

    def test_was_stale_only_where_it_was_so_when_it_was_read(self):
        """Who is held up after that does not know what was written."""
        for read, stale in ((200, False), (79, True), (0, True)):
            action = record.Action.of(task(age=200, read=read))
            self.assertTrue(action.is_stale)
            self.assertEqual(stale, action.was_stale)

    def test_row_that_holds_no_action_is_refused(self):
        with self.assertRaises(ValueError):
            record.Action.of(task()._replace(ours=None))

    def test_row_that_a_plain_node_ended_says_so_and_is_to_be_undone(self):
        ended = record.Action.of(task('failure', message='Expired lock '
                                      'preempted'))
        self.assertEqual(
            {'code': 'worker_lost', 'message': 'Expired lock preempted'},
            ended.view()['error'])
        self.assertEqual('rolling-back', ended.view()['phase'])

    def test_progress_in_numbers(self):
        action = record.Action.of(task(result={
            'phase': 'reading', 'bytes_done': 250, 'bytes_total': 1000,
            'bytes_per_second': 50}))
        self.assertEqual(
            {'bytes_done': 250, 'bytes_total': 1000, 'percent': 25,
             'bytes_per_second': 50, 'eta_seconds': 15, 'stores': {}},
            action.view()['progress'])

    def test_a_store_has_a_rate_and_a_time_while_bytes_flow(self):
        action = record.Action.of(task(spec={
            **SPEC, 'stores': ['fast', 'slow', 'cold']}))
        now = 50.0
        with mock.patch.object(
                progress.time, 'monotonic', lambda: now):
            work = progress.Progress(1000)
            for store in ('fast', 'slow'):
                work.branch(store)
            now += 2
            work.advance(600)
            work.branches['fast'].advance(600)
            work.branches['slow'].advance(200)
            action.measure(work)
        action.count(work)
        action.phase = 'writing'
        pending = {'status': 'pending'}
        self.assertEqual(
            {'fast': {**pending, 'bytes_done': 600,
                      'bytes_per_second': 300, 'eta_seconds': 1},
             'slow': {**pending, 'bytes_done': 200,
                      'bytes_per_second': 100, 'eta_seconds': 8},
             'cold': {**pending, 'bytes_done': 0}},
            action.view()['progress']['stores'])
        action = record.Action.of(task(
            spec=action.spec, result={**action.kept(), 'phase': 'ended'}))
        self.assertEqual({**pending, 'bytes_done': 600},
                         action.view()['progress']['stores']['fast'])

    def test_state_that_is_not_for_callers_is_not_shown(self):
        action = record.Action.of(task(result={'state': {'secret': 1}}))
        self.assertNotIn('secret', str(action.view()))

    def test_the_phase_is_what_the_status_allows(self):
        for status, kept, phase, code in (
                ('pending', {}, 'queued', None),
                ('processing', {'phase': 'writing'}, 'writing', None),
                ('success', {'phase': 'recording'}, 'ended', None),
                ('failure', {'phase': 'reading', 'error': CANCELLED},
                 'rolling-back', 'cancelled'),
                ('failure', {'phase': 'ended'}, 'ended', 'worker_lost')):
            with self.subTest(status, kept=kept):
                view = record.Action.of(task(status, result=kept)).view()
                error = view['error'] or {'code': None}
                self.assertEqual((phase, code), (view['phase'], error['code']))

    def test_only_one_that_is_being_undone_is_cancelled(self):
        for phase, error, cancelled in (
                ('rolling-back', CANCELLED, True),
                ('rolling-back', {**CANCELLED, 'code': 'a_code'}, False),
                ('ended', CANCELLED, False)):
            with self.subTest(phase, error=error):
                action = record.Action.of(task(
                    'failure', result={'phase': phase, 'error': error}))
                self.assertEqual(cancelled, action.is_cancelled)
        self.assertFalse(record.Action.of(task()).is_cancelled)

    def test_one_that_has_not_begun(self):
        view = record.Action.of(task('pending')).view()
        self.assertEqual((1, 4), (view['attempt'], view['max_attempts']))
        self.assertEqual(
            {'bytes_done': 0, 'bytes_total': None, 'percent': None,
             'bytes_per_second': 0, 'eta_seconds': None, 'stores': {}},
            view['progress'])

    def test_no_time_is_left_at_the_end(self):
        for phase, eta in (('recording', 0), ('ended', None)):
            action = record.Action.of(task(result={
                'phase': phase, 'bytes_done': 1200, 'bytes_total': 1000,
                'bytes_per_second': 50}))
            shown = action.view()['progress']
            self.assertEqual((100, eta), (shown['percent'],
                                          shown['eta_seconds']))


class TestNew(unittest.TestCase):

    def setUp(self):
        conf = mock.Mock(http_retries=3, hashing_algorithm='sha512')
        conf.glance_ext.heartbeat_timeout = 60
        self.options = conf.glance_ext
        self.enterContext(mock.patch.object(record.cfg, 'CONF', conf))

    def test_it_keeps_the_options_that_it_begins_with(self):
        self.assertEqual(
            {'action_type': 'hash', 'max_attempts': 4,
             'heartbeat_timeout': 60, 'hashing_algorithm': 'sha512',
             'algorithm': 'md5'},
            record.new_spec('hash', algorithm='md5'))

    def test_the_type_of_its_row(self):
        for types, type_ in (('own', 'glance_ext_copy_image'),
                             ('host', 'api_image_import')):
            self.options.task_types = types
            self.assertEqual(type_, record.task_type('copy-image'))
