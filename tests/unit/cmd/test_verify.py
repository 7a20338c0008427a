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

from glance_ext.actions import node
from glance_ext.cmd import server
from glance_ext.stores import drivers
from glance_ext.upkeep import scrub
from tests.unit.cmd import command

OVERRIDE = '--even-if-store-looks-empty'
SUMMARY = {'images': 1, 'bytes': 1024, 'repaired': 0, 'good': 2}
LINES = [
    {'image_id': 'i1', 'verdict': 'without-hash'},
    {'image_id': 'i2', 'verdict': 'would-verify', 'bytes': 1024},
    {
        'image_id': 'i3',
        'verdict': 'corrupt',
        'store': 'fast',
        'bytes': 10,
        'range': {'first': 1, 'last': 2},
        'not_repaired': 'No copy is good',
    },
    {
        'image_id': 'i4',
        'verdict': 'good',
        'store': 'slow',
        'bytes': 10,
        'found': 'missing',
    },
]


class VerifyTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.have(drivers, 'known', lambda: ['fast', 'slow'])
        self.start = self.have(node, 'start')
        self.made = self.have(scrub, 'Scrub')
        self.scrub = self.made.return_value
        self.scrub.run.return_value = True
        self.scrub.is_bad = False
        self.scrub.refused = ''
        self.scrub.summary.return_value = SUMMARY

    def verify(self, *arguments):
        return self.manage('verify', *arguments)

    def test_what_the_arguments_mean(self):
        for arguments, made in (
            ([], (frozenset(), None, None, False)),
            (
                '--stores fast --max-age 7d --max-duration 8h '
                f'--repair {OVERRIDE}'.split(),
                (frozenset({'fast'}), 604800, 28800, True),
            ),
        ):
            self.assertEqual(
                (0, '1 images, 1.0 KiB: 2 good\n', ''),
                self.verify(*arguments),
            )
            self.made.assert_called_with(
                *made, mock.ANY, self.stopped,
                even_if_empty=OVERRIDE in arguments,
            )
        self.start.assert_called_with(takes_over=False)

    def test_stores_that_are_not_there(self):
        self.assertEqual(
            (2, '', 'glance-ext-manage: unknown store: a, b; the stores are '
             'fast, slow\n'),
            self.verify('--stores', 'b,fast,a'),
        )
        self.made.assert_not_called()

    def test_a_dry_run_starts_nothing(self):
        self.assertEqual(0, self.verify('--dry-run')[0])
        self.scrub.plan.assert_called_once_with()
        self.scrub.run.assert_not_called()
        self.start.assert_not_called()

    def test_the_exit_status(self):
        for is_bad, complete, status in (
            (True, True, 1),
            (True, False, 1),
            (False, False, server.STOPPED),
        ):
            self.scrub.is_bad = is_bad
            self.scrub.run.return_value = complete
            self.assertEqual(status, self.verify()[0])

    def test_a_store_that_looks_unmounted_is_told_of(self):
        self.scrub.is_bad = True
        self.scrub.refused = 'Mount it'
        status, _, errors = self.verify('--repair')
        self.assertEqual(
            (1, 'glance-ext-manage: Mount it\n'), (status, errors)
        )

    def tells(self):
        def run():
            for line in LINES:
                self.made.call_args.args[4](line)
            return True

        self.scrub.run.side_effect = run

    def test_lines_for_people(self):
        self.tells()
        self.assertEqual(
            [
                'i1 without-hash',
                'i2 would-verify 1.0 KiB',
                'i3 corrupt      fast 10 B bytes 1 to 2: No copy is good',
                'i4 good         slow 10 B was missing',
            ],
            self.verify()[1].splitlines()[:-1],
        )

    def test_lines_of_json(self):
        self.tells()
        output = self.verify('--json')[1]
        self.assertEqual(
            [*LINES, {'summary': SUMMARY, 'complete': True}],
            [json.loads(line) for line in output.splitlines()],
        )

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, '', ''), self.verify())
        self.made.assert_not_called()
