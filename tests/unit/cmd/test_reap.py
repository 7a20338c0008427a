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
from unittest import mock

from glance_ext.upkeep import reaping
from tests.unit.cmd import command

ACTION = {
    'action_id': 'a1',
    'action_type': 'hash',
    'image_id': 'i1',
    'outcome': 'failure',
    'error': {'code': 'worker_lost', 'message': 'The process died'},
}
IMAGE = {
    'image_id': 'i2',
    'status': 'importing',
    'task_id': None,
    'signs': ['status', 'stores'],
    'stores': ['fast'],
    'outcome': 'left',
    'message': 'the store failed',
}


class ReapTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.ends = self.have(reaping, 'end_actions', return_value=True)
        self.heals = self.have(reaping, 'heal', return_value=True)

    def reap(self, *arguments):
        """Return the exit status and what is on standard output."""
        return self.manage('reap', *arguments)[:2]

    def tells(self, call, *lines, complete=True):
        def tell_all(tell, *_):
            for line in lines:
                tell(line)
            return complete

        call.side_effect = tell_all

    def test_what_the_arguments_mean(self):
        for arguments, dry, heal_dry, hours in (
            ([], False, True, 1),
            (['--heal-host-imports'], False, False, 1),
            (['--heal-host-imports', '--dry-run'], True, True, 1),
            (['--dead-after', '3h'], False, True, 3),
        ):
            with self.subTest(arguments):
                self.assertEqual((0, ''), self.reap(*arguments))
                self.ends.assert_called_with(mock.ANY, self.stopped, dry)
                self.heals.assert_called_with(
                    mock.ANY, datetime.timedelta(hours=hours), heal_dry
                )
        self.set_up.assert_called_with(mock.ANY, threads=4)

    def test_lines_for_people(self):
        quiet = {**ACTION, 'action_id': 'a2', 'outcome': 'success'}
        del quiet['error']
        silent = {**IMAGE, 'outcome': 'healed'}
        del silent['message']
        self.tells(self.ends, ACTION, quiet)
        self.tells(self.heals, IMAGE, silent)
        self.assertEqual(
            (
                0,
                'action a1 (hash) of image i1 failure worker_lost\n'
                'action a2 (hash) of image i1 success\n'
                'image i2 left importing: status, stores; the store failed\n'
                'image i2 healed importing: status, stores\n',
            ),
            self.reap(),
        )

    def test_lines_of_json(self):
        self.tells(self.ends, ACTION)
        self.tells(self.heals, IMAGE)
        status, output = self.reap('--json')
        self.assertEqual(
            (0, [ACTION, IMAGE]),
            (status, [json.loads(line) for line in output.splitlines()]),
        )

    def test_something_that_is_left_to_do_ends_with_1(self):
        for ended, healed in ((False, True), (True, False)):
            self.tells(self.ends, complete=ended)
            self.tells(self.heals, complete=healed)
            self.assertEqual((1, ''), self.reap())

    def test_one_that_was_stopped_ends_with_3(self):
        self.stopped.set()
        self.assertEqual((3, ''), self.reap())
        self.heals.assert_not_called()

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, ''), self.reap())
        self.ends.assert_not_called()
