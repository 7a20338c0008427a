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
from glance_ext.hacking import source

LICENCE = '# Licensed under the Apache License, Version 2.0\n'


def codes(path: str, text: str) -> list[str]:
    file = source.Source(pathlib.PurePosixPath(path), LICENCE + text)
    return [violation.code for violation in checks.check_file(file)]


class ImportRulesTest(unittest.TestCase):
    def refused(self, code: str, path: str, text: str) -> None:
        with self.subTest(path=path, text=text):
            self.assertEqual([code], codes(path, text))

    def accepted(self, path: str, text: str) -> None:
        with self.subTest(path=path, text=text):
            self.assertEqual([], codes(path, text))

    def test_x301_only_host_imports_glance(self):
        for text in (
            'import glance\n',
            'from glance.common import wsgi\n',
            'def f():\n    from glance import context\n',
            'importlib.import_module("glance.context")\n',
        ):
            self.accepted('glance_ext/host/wsgi.py', text)
            for floor in ('api', 'actions', 'stores', 'plugins', 'cmd'):
                self.refused('X301', f'glance_ext/{floor}/a.py', text)
        self.accepted('tests/functional/test_a.py', 'import glance\n')

    def test_x301_leaves_names_that_only_begin_alike(self):
        self.accepted('glance_ext/client/a.py', 'import glanceclient\n')
        self.accepted('glance_ext/api/a.py', 'from glance_ext import conf\n')

    def test_x302_only_stores_and_host_import_glance_store(self):
        text = 'from glance_store import exceptions\n'
        self.accepted('glance_ext/host/stores.py', text)
        self.accepted('glance_ext/stores/reading.py', text)
        self.refused('X302', 'glance_ext/actions/a.py', text)
        self.refused('X302', 'glance_ext/api/a.py', text)

    def test_x303_imports_point_down(self):
        down = (
            ('api', 'plugins'),
            ('api', 'host'),
            ('plugins', 'actions'),
            ('actions', 'stores'),
            ('stores', 'transfer'),
            ('stores', 'host'),
            ('host', 'conf'),
            ('host', 'policies'),
            ('osc', 'client'),
        )
        for upper, lower in down:
            self.accepted(
                f'glance_ext/{upper}/a.py',
                f'from glance_ext.{lower} import b\n',
            )
            self.refused(
                'X303',
                f'glance_ext/{lower}/b.py',
                f'from glance_ext.{upper} import a\n',
            )

    def test_x303_host_knows_nothing_of_the_floors_on_it(self):
        for floor in ('transfer', 'stores', 'actions', 'plugins', 'api'):
            self.refused(
                'X303',
                'glance_ext/host/a.py',
                f'from glance_ext import {floor}\n',
            )

    def test_x303_a_floor_imports_itself_and_the_top_level(self):
        for floor in ('api', 'transfer', 'host', 'osc', 'conf'):
            self.accepted(
                f'glance_ext/{floor}/a.py',
                f'import glance_ext.{floor}.b\n'
                'from glance_ext import errors\n'
                'from glance_ext.errors import NotFound\n',
            )

    def test_x303_the_top_level_imports_no_floor(self):
        self.refused(
            'X303', 'glance_ext/errors.py', 'from glance_ext import conf\n'
        )

    def test_x303_clients_never_import_the_server_side(self):
        for face in ('osc', 'client'):
            for floor in ('api', 'plugins', 'actions', 'host', 'conf'):
                self.refused(
                    'X303',
                    f'glance_ext/{face}/a.py',
                    f'def f():\n    from glance_ext.{floor} import b\n',
                )

    def test_x303_a_server_tool_reaches_the_server_lazily_only(self):
        self.accepted(
            'glance_ext/cmd/manage.py',
            'def f():\n    from glance_ext.upkeep import backfill\n',
        )
        self.refused(
            'X303',
            'glance_ext/cmd/manage.py',
            'from glance_ext.host import paste\n',
        )

    def test_x303_transfer_imports_no_openstack(self):
        for name in (
            'oslo_config.cfg',
            'openstack',
            'os_brick',
            'osc_lib',
            'stevedore',
            'swiftclient',
        ):
            self.refused(
                'X303', 'glance_ext/transfer/a.py', f'import {name}\n'
            )
            self.accepted('glance_ext/api/a.py', f'import {name}\n')
        self.accepted(
            'glance_ext/transfer/a.py', 'import os\nimport hashlib\n'
        )

    def test_x303_a_new_package_needs_a_floor(self):
        self.refused('X303', 'glance_ext/attic/a.py', '')

    def test_x306_production_code_does_not_import_tests(self):
        for text in (
            'from tests.harness import glance\n',
            'import tests\n',
            'from glance_ext.tests import base\n',
        ):
            self.refused('X306', 'glance_ext/osc/a.py', text)
            self.accepted('tests/unit/test_a.py', text)
