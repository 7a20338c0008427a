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

import json
from unittest import mock

from glance.common import config  # noqa: F401

from glance_ext.actions import node
from glance_ext.stores import drivers
from glance_ext.upkeep import draining
from tests.unit.cmd import command

OVERRIDE = '--even-if-store-looks-empty'
PLAN = {
    'images': 3,
    'bytes': 3 << 20,
    'to_copy': 1,
    'bytes_to_copy': 1 << 20,
    'bytes_to_read': 4 << 20,
}


class DrainTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.options.config(
            enabled_backends={'full': 'file', 'new': 'file', 'web': 'http'}
        )
        self.have(drivers, 'default_store', lambda: 'new')
        self.start = self.have(node, 'start')
        self.made = self.have(draining, 'Drain')
        self.drained = self.made.return_value
        self.drained.run.return_value = True
        self.drained.plan.side_effect = PLAN.copy
        self.drained.counts = {}
        self.drained.refused = ''

    def drain(self, *arguments):
        return self.manage('drain', *arguments)

    def test_into_the_default_store_or_another(self):
        for arguments, made in (
            (['full'], ('full', 'new', None)),
            (
                ['new', '--to', 'full', '--max-duration', '5m', OVERRIDE],
                ('new', 'full', 300),
            ),
        ):
            self.assertEqual((0, 'nothing to do\n', ''),
                             self.drain(*arguments))
            self.made.assert_called_with(
                *made, mock.ANY, self.stopped,
                even_if_empty=OVERRIDE in arguments,
            )
        self.start.assert_called_with()

    def test_stores_that_cannot_be_meant(self):
        for arguments in (
            ['absent'],
            ['new'],
            ['full', '--to', 'full'],
            ['full', '--to', 'web'],
        ):
            status, output, errors = self.drain(*arguments)
            self.assertEqual((2, ''), (status, output))
            self.assertIn('choose two of full, new, web', errors)
        self.options.config(enabled_backends=None)
        self.assertEqual(
            (2, '', 'glance-ext-manage: this Glance has a single store\n'),
            self.drain('full'),
        )
        self.made.assert_not_called()

    def test_the_plan(self):
        self.assertEqual(
            (
                0,
                '3 images, 3.0 MiB; 1 of them, 1.0 MiB, have no other copy '
                'and go to new. 4.0 MiB are read: 4 seconds at 1.0 MiB/s.\n',
                '',
            ),
            self.drain('full', '--dry-run', '--bytes-per-second', '1m'),
        )
        _, output, _ = self.drain('full', '--dry-run', '--json')
        self.assertEqual(
            {'plan': {**PLAN, 'seconds': 0}, 'to': 'new'}, json.loads(output)
        )
        self.drained.run.assert_not_called()

    def test_the_exit_status_says_if_the_store_is_empty(self):
        for counts, empty, status, said in (
            ({'moved': 2, 'removed': 1}, True, 0, '2 moved, 1 removed'),
            ({'left': 1}, False, 1, '1 left; the store is not empty'),
            ({'busy': 1}, False, 1, '1 busy; the store is not empty'),
            ({'moved': 1}, False, 3, '1 moved; the store is not empty'),
        ):
            self.drained.counts = counts
            self.drained.run.return_value = empty
            self.assertEqual((status, f'{said}\n', ''), self.drain('full'))
            ended, output, _ = self.drain('full', '--json')
            self.assertEqual(
                (status, {'summary': counts, 'complete': empty}),
                (ended, json.loads(output)),
            )

    def test_a_store_that_looks_unmounted_is_told_of(self):
        self.drained.run.return_value = False
        self.drained.refused = 'Mount it'
        status, _, errors = self.drain('full')
        self.assertEqual(
            (1, 'glance-ext-manage: Mount it\n'), (status, errors)
        )

    def test_lines_for_people(self):
        def run():
            tell = self.made.call_args.args[3]
            tell({'image_id': 'i1', 'outcome': 'moved'})
            tell({'image_id': 'i2', 'outcome': 'left', 'why': 'it is bad'})
            return True

        self.drained.run.side_effect = run
        self.assertEqual(
            ['i1 moved', 'i2 left     it is bad'],
            self.drain('full')[1].splitlines()[:-1],
        )

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, '', ''), self.drain('full'))
        self.made.assert_not_called()
