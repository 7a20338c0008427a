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

import contextlib
import io
import os
import pathlib
import re
import tempfile
import unittest

from glance_ext.hacking import __main__ as command
from glance_ext.hacking import checks

ROOT = pathlib.Path(__file__).parents[3]


class CheckTreeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding='utf-8')

    def run_command(self, *arguments: str) -> tuple[int, list[str]]:
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.root)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = command.main(list(arguments))
        return status, output.getvalue().splitlines()

    def test_a_clean_tree_exits_with_0_and_says_nothing(self):
        self.write('glance_ext/__init__.py', '')
        self.assertEqual((0, []), self.run_command())

    def test_each_violation_is_a_line_with_its_place_and_code(self):
        self.write('glance_ext/api/a.py', '\nimport glance.context\n')
        self.assertEqual(
            (
                1,
                [
                    'glance_ext/api/a.py:1: X308 no Apache-2.0 licence header',
                    'glance_ext/api/a.py:2: X301 glance.context: '
                    'only host/ imports glance',
                ],
            ),
            self.run_command(),
        )

    def test_paths_narrow_the_check(self):
        self.write('glance_ext/api/a.py', 'a = 1\n')
        self.write('glance_ext/api/b.py', 'a = 1\n')
        self.write('glance_ext/osc/c.py', 'a = 1\n')
        _, lines = self.run_command('glance_ext/api/b.py', 'glance_ext/osc')
        self.assertEqual(
            ['glance_ext/api/b.py', 'glance_ext/osc/c.py'],
            [line.partition(':')[0] for line in lines],
        )

    def test_what_is_not_source_is_left_alone(self):
        self.write('venv/pyvenv.cfg', '')
        for directory in ('venv', 'build', '.tox', '__pycache__'):
            self.write(f'{directory}/a.py', 'a = 1\n')
        self.write('notes.txt', 'a = 1\n')
        self.assertEqual((0, []), self.run_command())


class ThisRepositoryTest(unittest.TestCase):
    def test_the_repository_keeps_its_own_rules(self):
        found = [str(each) for each in checks.check_tree(ROOT, [ROOT])]
        self.assertEqual([], found)

    def test_hacking_rst_documents_every_check_and_no_other(self):
        text = (ROOT / 'HACKING.rst').read_text(encoding='utf-8')
        documented = re.findall(r'^- \[(X\d+)\]', text, re.MULTILINE)
        self.assertEqual(sorted(checks.CHECKS), documented)
