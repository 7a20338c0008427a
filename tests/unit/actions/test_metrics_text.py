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
"""What is told to Prometheus, of all processes."""

import functools
import math
import os
import pathlib
import sys
import tempfile
from unittest import mock
import uuid

from prometheus_client import parser
from prometheus_client import values

from glance_ext.actions import metrics
from tests.unit.actions import rows

WITHOUT_HASH = 'glance_ext_images_without_hash'

_load = metrics._load.__wrapped__


class Case(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(
            metrics, '_last_count', [-math.inf, 0.0]))

    def told(self):
        """Return ``{(name, label, ...): value}`` of what is told."""
        return {(sample.name, *sample.labels.values()): sample.value
                for family in parser.text_string_to_metric_families(
                    metrics.text().decode())
                for sample in family.samples}


class SeenTest(Case):
    def test_what_runs_and_what_waits_is_told_by_its_type(self):
        for status in ('pending', 'pending', 'processing', 'failure'):
            self.new(status)
        self.new('pending', action_type='invented')
        self.new('success', action_type='verify')
        self.assertEqual(
            {('glance_ext_actions_running', 'invented'): 0,
             ('glance_ext_actions_running', 'hash'): 2,
             ('glance_ext_actions_waiting', 'invented'): 1,
             ('glance_ext_actions_waiting', 'hash'): 2,
             (WITHOUT_HASH,): 0},
            {name: value for name, value in self.told().items()
             if name[0].startswith(('glance_ext_actions_running',
                                    'glance_ext_actions_waiting',
                                    WITHOUT_HASH))})

    def test_images_without_a_hash_are_counted_every_five_minutes(self):
        now = 3001.0
        self.enterContext(mock.patch.object(
            metrics, 'time', mock.Mock(monotonic=lambda: now)))
        self.add_image()
        self.add_image('queued')
        self.add_image(os_hash_algo='sha512', os_hash_value='00')
        self.assertEqual(1, self.told()[WITHOUT_HASH,])
        self.add_image()
        now = 3300.0
        self.assertEqual(1, self.told()[WITHOUT_HASH,])
        now = 3301.0
        self.assertEqual(2, self.told()[WITHOUT_HASH,])


class DirectoryTest(Case):
    """With a directory the counters are those of all its processes."""

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory()), 'some', 'metrics')
        self.options.config(group='glance_ext',
                            metrics_dir=str(self.directory))
        self.enterContext(mock.patch.dict(os.environ))
        self.enterContext(mock.patch.object(
            values, 'ValueClass', values.MutexValue))
        self.type = f'type-{uuid.uuid4()}'

    def begin(self):
        """Count as another process would; it shares the directory."""
        values.ValueClass = values.MutexValue
        self.enterContext(mock.patch.object(
            metrics, '_load', functools.cache(_load)))

    def end(self):
        run = self.run_of('processing', action_type=self.type)
        run.stores = {'fast'}
        run.succeed('m')
        metrics.ended(run)

    def test_what_others_counted_is_told(self):
        ended = ('glance_ext_actions_ended_total', self.type, 'success',
                 'fast')
        for times in (1, 2):
            self.begin()
            self.end()
            self.assertEqual(times, {
                frozenset(name): value for name, value in
                self.told().items()}[frozenset(ended)])

    def test_the_directory_is_made_for_nobody_else(self):
        self.begin()
        metrics.text()
        self.assertEqual(0o750, self.directory.stat().st_mode & 0o777)
        self.assertEqual(str(self.directory),
                         os.environ['PROMETHEUS_MULTIPROC_DIR'])
        self.begin()
        metrics.text()

    def test_a_library_that_was_told_before_is_left_as_it_is(self):
        self.begin()
        already = values.MultiProcessValue()
        values.ValueClass = already
        metrics.text()
        self.assertIs(already, values.ValueClass)


class AbsentTest(Case):
    def test_without_the_library_there_is_nothing_to_tell(self):
        self.enterContext(mock.patch.object(
            metrics, '_load', _load))
        self.enterContext(mock.patch.dict(
            sys.modules, {'prometheus_client': None}))
        with self.assertRaises(metrics.Absent):
            metrics.text()
