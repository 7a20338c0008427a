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
"""What is counted of an action."""

import datetime
import sys
import tempfile
import unittest
from unittest import mock
import uuid

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.actions import metrics
from glance_ext.actions.run import Run
from tests.unit.actions import rows


class Case(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        # Counters are those of the process: each test has a type of its own.
        self.type = f'type-{uuid.uuid4()}'

    def run_of(self, status='processing', stores=(), **kept):
        return Run(rows.unstored(
            {'action_type': self.type}, status, age=30, result={
                'stores': {store: {'status': said, 'bytes_done': 0}
                           for store, said in dict(stores).items()},
                **kept}), None)


class CountTest(Case):
    def counted(self, name, **labels):
        """Return a counter's value for this test's type, 0 for none."""
        value = metrics._counters().registry.get_sample_value(
            name, {'action_type': self.type, **labels})
        return value or 0

    def bytes(self, store):
        return self.counted('glance_ext_action_bytes_total', store=store)

    def test_bytes_are_counted_once(self):
        run = self.run_of()
        run.stores = {'fast'}
        for done in (10, 10, 25):
            run.progress.done = done
            metrics.moved(run)
            self.assertEqual(done, self.bytes('fast'))

    def test_bytes_of_a_new_attempt_count_again(self):
        run = self.run_of()
        for done in (100, 30, 40):
            run.progress.done = done
            metrics.moved(run)
        self.assertEqual(140, self.bytes(''))

    def test_bytes_are_counted_for_each_store_that_is_written_to(self):
        run = self.run_of(stores={'fast': 'writing', 'slow': 'writing'})
        run.progress.advance(100)
        run.progress.branch('fast').advance(90)
        run.progress.branch('slow').advance(20)
        metrics.moved(run)
        self.assertEqual([90, 20, 0], [
            self.bytes(store) for store in ('fast', 'slow', '')])

    def test_an_end_is_counted_with_its_duration(self):
        run = self.run_of('success')
        run.stores = {'fast'}
        metrics.ended(run)
        self.assertEqual(1, self.counted(
            'glance_ext_actions_ended_total', store='fast', status='success'))
        name = 'glance_ext_action_duration_seconds'
        self.assertEqual(30, self.counted(f'{name}_sum', store='fast'))
        self.assertEqual(0, self.counted(
            f'{name}_bucket', store='fast', le='15.0'))
        self.assertEqual(1, self.counted(
            f'{name}_bucket', store='fast', le='60.0'))

    def test_durations_are_told_apart_from_a_second_to_a_day(self):
        metrics.ended(self.run_of('success'))
        self.assertEqual(
            ['1.0', '5.0', '15.0', '60.0', '300.0', '900.0', '3600.0',
             '14400.0', '86400.0', '+Inf'],
            [sample.labels['le']
             for family in metrics._counters().registry.collect()
             for sample in family.samples
             if sample.labels.get('action_type') == self.type
             and 'le' in sample.labels])

    def test_a_clock_that_was_set_back_takes_nothing_away(self):
        run = self.run_of('success')
        run.action.created_at += datetime.timedelta(minutes=1)
        metrics.ended(run)
        self.assertEqual((0, 1), tuple(self.counted(
            f'glance_ext_action_duration_seconds_{name}', store='')
            for name in ('sum', 'count')))

    def test_what_may_be_read_from_several_stores_counts_for_none(self):
        run = self.run_of()
        run.stores = {'fast', 'slow'}
        run.progress.done = 5
        metrics.moved(run)
        self.assertEqual([5, 0, 0], [
            self.bytes(store) for store in ('', 'fast', 'slow')])

    def test_a_failure_is_counted_by_its_code(self):
        run = self.run_of('failure', error={'code': 'short_read',
                                            'message': 'm'})
        metrics.ended(run)
        self.assertEqual(1, self.counted(
            'glance_ext_action_failures_total', store='', code='short_read'))

    def test_a_store_can_fail_where_the_action_succeeds(self):
        run = self.run_of('success', {'fast': 'success', 'slow': 'failure'})
        metrics.ended(run)
        for store, status in (('fast', 'success'), ('slow', 'failure')):
            self.assertEqual(1, self.counted(
                'glance_ext_actions_ended_total', store=store, status=status))
        self.assertEqual(1, self.counted(
            'glance_ext_action_failures_total', store='slow', code=''))


class TroubleTest(Case):
    def test_without_the_library_nothing_is_counted_and_nothing_shown(self):
        with mock.patch.dict(sys.modules, {'prometheus_client': None}):
            self.assertIsNone(metrics._load.__wrapped__())
        with mock.patch.object(metrics, '_load', return_value=None):
            metrics.ended(self.run_of())
            with self.assertRaises(metrics.Absent):
                metrics.text()

    def test_no_action_suffers_from_a_directory_that_cannot_be(self):
        options = self.enterContext(fixture.Config(cfg.CONF))
        with tempfile.NamedTemporaryFile() as file, mock.patch.object(
                metrics, '_load', metrics._load.__wrapped__), self.assertLogs(
                metrics.LOG.logger, 'WARNING'):
            options.config(group='glance_ext', metrics_dir=file.name)
            metrics.ended(self.run_of())
