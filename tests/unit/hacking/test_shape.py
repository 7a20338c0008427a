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

import pathlib
import unittest

from glance_ext.hacking import checks
from glance_ext.hacking import shape
from glance_ext.hacking import source

LICENCE = '# Licensed under the Apache License, Version 2.0\n'


def codes(path: str, text: str) -> list[str]:
    file = source.Source(pathlib.PurePosixPath(path), text)
    return [violation.code for violation in checks.check_file(file)]


class ShapeTest(unittest.TestCase):
    def test_x304_a_module_has_at_most_400_lines(self):
        for path in ('glance_ext/api/a.py', 'tests/unit/test_a.py'):
            with self.subTest(path):
                full = LICENCE + 'a = 1\n' * (shape.MAX_LINES - 1)
                self.assertEqual([], codes(path, full))
                self.assertEqual(['X304'], codes(path, full + 'a = 1\n'))

    def test_x305_no_module_is_called_after_nothing(self):
        for name in ('utils', 'helpers', 'common', 'misc', 'manager'):
            with self.subTest(name):
                for path in (
                    f'glance_ext/api/{name}.py',
                    f'glance_ext/api/{name}/__init__.py',
                    f'tests/{name}.py',
                ):
                    self.assertEqual(['X305'], codes(path, LICENCE))

    def test_x305_leaves_names_that_say_something(self):
        for name in ('manage', 'common_name', 'store_manager'):
            with self.subTest(name):
                path = f'glance_ext/cmd/{name}.py'
                self.assertEqual([], codes(path, LICENCE))

    def test_x307_no_whole_image_is_saved(self):
        for call in (
            'image_repo.save(image)',
            'self.image_repo.save(image)',
            'self._admin_repo.save(image, from_state="active")',
            'repo.save(image)',
            'gateway.get_repo(context).save(image)',
        ):
            with self.subTest(call):
                self.assertEqual(
                    ['X307'], codes('glance_ext/host/a.py', LICENCE + call)
                )

    def test_x307_leaves_other_saves(self):
        for call in (
            'task_repo.save(task)',
            'self._task_repo.save(task)',
            'document.save(path)',
            'image_repo.get(image_id)',
        ):
            with self.subTest(call):
                self.assertEqual(
                    [], codes('glance_ext/host/a.py', LICENCE + call)
                )

    def test_x308_a_file_starts_with_the_licence(self):
        for text in ('a = 1\n', '"""Doc."""\n' + LICENCE, '# A comment\n'):
            with self.subTest(text):
                self.assertEqual(['X308'], codes('tests/a.py', text))

    def test_x308_accepts_a_copyright_line_before_it(self):
        text = f'#!/usr/bin/env python3\n# Copyright\n#\n{LICENCE}a = 1\n'
        self.assertEqual([], codes('tests/a.py', text))

    def test_x308_accepts_an_empty_file(self):
        self.assertEqual([], codes('tests/__init__.py', ''))
