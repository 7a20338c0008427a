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

from glance_ext.hacking import source


def imports_of(path: str, text: str) -> list[tuple[str, int, bool]]:
    file = source.Source(pathlib.PurePosixPath(path), text)
    return [(each.name, each.line, each.lazy) for each in file.imports]


class ImportsTest(unittest.TestCase):
    def test_both_forms_are_absolute_dotted_names(self):
        found = imports_of(
            'glance_ext/api/a.py',
            'import glance.context\nfrom glance.api import common, policy\n',
        )
        self.assertEqual(
            [
                ('glance.context', 1, False),
                ('glance.api.common', 2, False),
                ('glance.api.policy', 2, False),
            ],
            found,
        )

    def test_relative_imports_are_resolved_from_the_files_package(self):
        found = imports_of(
            'glance_ext/api/a.py',
            'from . import b\nfrom .. import errors\nfrom ..host import c\n',
        )
        self.assertEqual(
            ['glance_ext.api.b', 'glance_ext.errors', 'glance_ext.host.c'],
            [name for name, _, _ in found],
        )

    def test_relative_imports_of_a_package_start_in_itself(self):
        found = imports_of('glance_ext/api/__init__.py', 'from . import b\n')
        self.assertEqual([('glance_ext.api.b', 1, False)], found)

    def test_an_import_inside_a_function_is_lazy(self):
        found = imports_of(
            'a.py',
            'def f():\n'
            '    if True:\n'
            '        import json\n'
            'class C:\n'
            '    import re\n',
        )
        self.assertEqual([('json', 3, True), ('re', 5, False)], found)

    def test_an_import_by_name_counts(self):
        found = imports_of(
            'a.py',
            'importlib.import_module("glance.api")\n'
            '__import__("glance.db")\n'
            'importutils.try_import("glance_store")\n'
            'importlib.import_module(name)\n',
        )
        self.assertEqual(
            ['glance.api', 'glance.db', 'glance_store'],
            [name for name, _, _ in found],
        )


class FloorTest(unittest.TestCase):
    def test_the_floor_is_the_package_below_glance_ext(self):
        for path, floor in (
            ('glance_ext/api/hashes.py', 'api'),
            ('glance_ext/api/v2/hashes.py', 'api'),
            ('glance_ext/errors.py', ''),
            ('tests/api/test_hashes.py', ''),
        ):
            with self.subTest(path):
                file = source.Source(pathlib.PurePosixPath(path), '')
                self.assertEqual(floor, file.floor)
