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

from glance_ext.upkeep import restoring
from tests.unit.cmd import command

FOUND = {
    'image_id': 'i1',
    'status': 'active',
    'deletion_began_at': '2026-11-25T12:00:00Z',
    'deleted_at': '2026-11-25T12:00:01Z',
    'properties': ['a', 'b'],
    'tags': [],
    'members': ['friend'],
    'stores': {'fast': {'verdict': 'good'}, 'slow': {'verdict': 'missing'}},
    'restored_stores': ['fast'],
}
SAID = """i1 {} active, with
  properties: a, b
  tags: none
  members: friend
  restored_stores: fast
  not the copy in slow: missing
What was removed from 2026-11-25T12:00:00Z to 2026-11-25T12:00:01Z"""


class RestoreTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.restored = self.have(restoring, 'restore', return_value=FOUND)

    def test_what_came_back_in_words(self):
        for arguments, called, verb in (
            (['i1'], ('i1', False, False), 'is'),
            (['--dry-run', 'i1'], ('i1', False, True), 'would be'),
            (['--deactivated', 'i1'], ('i1', True, False), 'is'),
        ):
            status, output, errors = self.manage('restore', *arguments)
            self.assertEqual((0, ''), (status, errors))
            self.assertEqual(SAID.format(verb), output[:output.index(' cann')])
            self.restored.assert_called_with(*called)

    def test_what_came_back_in_json(self):
        status, output, _ = self.manage('restore', '--json', 'i1')
        self.assertEqual((0, FOUND), (status, json.loads(output)))

    def test_why_it_does_not_come_back(self):
        self.restored.side_effect = restoring.Refused('it was purged')
        self.assertEqual(
            (
                1,
                '',
                'glance-ext-manage: i1 is not restored: it was purged\n',
            ),
            self.manage('restore', 'i1'),
        )

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, '', ''), self.manage('restore', 'i1'))
        self.restored.assert_not_called()
