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
import pathlib
import tempfile

from glance_ext.upkeep import coverage
from tests.unit.cmd import command

FOUND = {
    'images': 4,
    'bytes': 4096,
    'missing': {'images': 1, 'bytes': 1024},
    'algorithms': {'sha512': {'images': 3, 'bytes': 3072}},
    'stores': {'fast': {'images': 1, 'bytes': 1024}},
}


class ReportTest(command.CommandCase):
    def setUp(self):
        super().setUp()
        self.count = self.have(coverage, 'count', return_value=FOUND)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.svg = pathlib.Path(folder, 'chart.svg')

    def report(self, *arguments):
        status, output, errors = self.manage(
            'report', '--svg', str(self.svg), *arguments
        )
        self.assertEqual((0, ''), (status, errors))
        return output

    def test_bars_for_people(self):
        output = self.report()
        for name, numbers in (
            ('all', '1 of 4, 1.0 KiB'),
            ('in fast', '1 of 1, 1.0 KiB'),
            ('have sha512', '3 of 4, 3.0 KiB'),
        ):
            self.assertRegex(output, f'(?m)^ *{name} .*{numbers}$')
        self.assertIn('<svg', self.svg.read_text())

    def test_the_only_store_has_no_name(self):
        self.count.return_value = FOUND | {
            'stores': {'': {'images': 1, 'bytes': 0}}
        }
        self.assertRegex(self.report(), 'in the store .*1 of 1, 0 B')

    def test_numbers_in_json(self):
        self.assertEqual(FOUND, json.loads(self.report('--json')))

    def test_a_dry_run_draws_nothing(self):
        self.report('--dry-run')
        self.assertFalse(self.svg.exists())

    def test_nothing_is_done_where_glance_cannot_be_set_up(self):
        self.set_up.return_value = False
        self.assertEqual((1, '', ''), self.manage('report'))
        self.count.assert_not_called()
