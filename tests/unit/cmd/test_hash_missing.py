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

import datetime
import json
import pathlib
import tempfile
from unittest import mock

from glance.common import config  # noqa: F401

from glance_ext.stores import drivers
from glance_ext.upkeep import backfill
from tests.unit.cmd import command

SUMMARY = {'images': 3, 'bytes': 2048, 'hashed': 2, 'failed': 0, 'busy': 1}
LINES = [
    {
        'image_id': 'i1',
        'outcome': 'hashed',
        'bytes': 2048,
        'os_hash_algo': 'sha512',
    },
    {'image_id': 'i2', 'outcome': 'would-hash', 'bytes': 1024},
    {
        'image_id': 'i3',
        'outcome': 'failed',
        'bytes': 0,
        'error': {'code': 'store_error', 'message': 'It failed'},
    },
    {'image_id': 'i4', 'outcome': 'busy', 'bytes': 0},
]


class HashMissingTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.made = self.have(backfill, 'Backfill')
        self.backfill = self.made.return_value
        self.backfill.run.return_value = True
        self.backfill.summary.return_value = SUMMARY
        self.backfill.counts = {}
        self.backfill.reached = ''
        self.have(drivers, 'known', lambda: ['a', 'b'])
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.state = pathlib.Path(folder, 'state')

    def hash(self, *arguments):
        return self.manage('hash-missing', *arguments)

    def made_with(self):
        return self.made.call_args.kwargs

    def test_a_state_that_could_not_be_kept(self):
        absent = self.state.parent / 'absent'
        status, _, errors = self.hash('--state', str(absent / 'state'))
        self.assertEqual(2, status)
        self.assertIn(f'{absent} is no directory to write to', errors)

    def test_unknown_store_is_wrong_usage(self):
        status, _, errors = self.hash('--stores', 'a,none')
        self.assertEqual(2, status)
        self.assertIn('unknown store: none; the stores are a, b', errors)
        self.made.assert_not_called()

    def test_all_images_without_a_hash_by_default(self):
        self.assertEqual(
            (0, '3 images, 2.0 KiB: 2 hashed, 1 busy\n', ''), self.hash()
        )
        self.made.assert_called_once_with(
            'sha512',
            having=None,
            parallel=1,
            created_before=None,
            stores=frozenset(),
            after='',
            max_duration=None,
            tell=mock.ANY,
            stopped=self.stopped,
        )

    def test_what_the_arguments_mean(self):
        before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.hash(
            *'--algorithm sha256 --having-algorithm md5 --parallel 3'.split(),
            *'--older-than 2d --stores a,,b --max-duration 8h'.split(),
        )
        self.set_up.assert_called_once_with(mock.ANY, 3)
        made = self.made_with()
        age = before - made.pop('created_before')
        self.assertEqual(172800, round(age.total_seconds(), -1))
        self.assertEqual(('sha256',), self.made.call_args.args)
        self.assertEqual(
            ('md5', 3, frozenset('ab'), 28800),
            tuple(
                made[name]
                for name in ('having', 'parallel', 'stores', 'max_duration')
            ),
        )

    def test_an_algorithm_that_is_not_allowed(self):
        self.options.config(
            allowed_hash_algorithms=['sha384', 'sha512'], group='glance_ext'
        )
        self.assertEqual(
            (
                2,
                '',
                'glance-ext-manage: sha256 is not allowed here; use one of '
                'sha384, sha512\n',
            ),
            self.hash('--algorithm', 'sha256'),
        )
        self.made.assert_not_called()

    def test_the_next_run_goes_on_where_this_one_stopped(self):
        self.backfill.run.return_value = False
        self.backfill.reached = 'i7'
        for after in ('', 'i7'):
            status, output, _ = self.hash('--state', str(self.state))
            self.assertEqual(3, status)
            self.assertIn('; stopped before the end\n', output)
            self.assertEqual(after, self.made_with()['after'])
        self.assertEqual('i7', self.state.read_text())

    def test_a_dry_run_writes_nothing(self):
        self.assertEqual(
            0, self.hash('--dry-run', '--state', str(self.state))[0]
        )
        self.backfill.plan.assert_called_once_with()
        self.backfill.run.assert_not_called()
        self.assertFalse(self.state.exists())

    def test_an_image_that_failed_ends_with_1(self):
        self.backfill.counts = {'failed': 1}
        self.assertEqual(1, self.hash()[0])

    def tells(self):
        def run():
            for line in LINES:
                self.made_with()['tell'](line)
            return True

        self.backfill.run.side_effect = run

    def test_lines_for_people(self):
        self.tells()
        self.assertEqual(
            [
                'i1 hashed      sha512 2.0 KiB',
                'i2 would-hash  1.0 KiB',
                'i3 failed      store_error: It failed',
                'i4 busy',
            ],
            self.hash()[1].splitlines()[:-1],
        )

    def test_lines_of_json(self):
        self.tells()
        output = self.hash('--json')[1]
        self.assertEqual(
            [*LINES, {'summary': SUMMARY, 'complete': True}],
            [json.loads(line) for line in output.splitlines()],
        )

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, '', ''), self.hash())
        self.made.assert_not_called()
