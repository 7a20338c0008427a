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

import configparser
import pathlib
import re
import unittest

from glance_ext import conf
from glance_ext import policies
from glance_ext.cmd import manage

ROOT = pathlib.Path(__file__).parents[3]
SOURCE = ROOT / 'doc' / 'source'


def page(name: str) -> str:
    return (SOURCE / f'{name}.rst').read_text(encoding='utf-8')


def headings(text: str) -> list[str]:
    return re.findall(r'^(.+)\n-{3,}$', text, re.MULTILINE)


def entry_points(group: str) -> list[str]:
    parser = configparser.ConfigParser(delimiters=('=',))
    parser.read(ROOT / 'setup.cfg')
    lines = parser['entry_points'][group].split('\n')
    return [line.partition('=')[0].strip() for line in lines if line]


class CommandsTest(unittest.TestCase):
    def test_every_openstack_command_has_its_section(self):
        commands = [
            name.replace('_', ' ')
            for name in entry_points('openstack.image.v2')
        ]
        self.assertEqual(
            sorted(commands), sorted(headings(page('cli/openstack')))
        )

    def test_every_console_script_has_its_page(self):
        for name in entry_points('console_scripts'):
            with self.subTest(name):
                self.assertIn(f'{name}\n===', page(f'cli/{name}'))

    def test_every_command_of_manage_has_its_section(self):
        subparsers = manage.parser()._subparsers._group_actions[0].choices
        self.assertEqual(
            sorted(subparsers), sorted(headings(page('cli/glance-ext-manage')))
        )


class PasteTest(unittest.TestCase):
    def test_every_paste_example_is_shown(self):
        text = page('configuration/paste')
        examples = sorted((ROOT / 'etc' / 'paste.d').iterdir())
        self.assertTrue(examples)
        for example in examples:
            with self.subTest(example.name):
                self.assertIn(
                    f'literalinclude:: ../../../etc/paste.d/{example.name}\n',
                    text,
                )


class ReferencesTest(unittest.TestCase):
    """What the pages say is there, is there."""

    def setUp(self):
        self.pages = {
            path.relative_to(ROOT): path.read_text(encoding='utf-8')
            for path in (ROOT / 'README.rst', *SOURCE.rglob('*.rst'))
        }

    def test_every_option_that_a_page_names_exists(self):
        ours = {opt.dest for _, opts in conf.list_opts() for opt in opts}
        for path, text in self.pages.items():
            named = re.findall(r'\[glance_ext\]\s+(\w+)', text)
            with self.subTest(path):
                self.assertLessEqual(set(named), ours)

    def test_every_policy_that_a_page_overrides_exists(self):
        ours = {rule.name for rule in policies.list_rules()}
        for path, text in self.pages.items():
            named = re.findall(r'^   "(\w+)": "rule:', text, re.MULTILINE)
            with self.subTest(path):
                self.assertLessEqual(set(named), ours)

    def test_every_target_of_make_that_a_page_names_exists(self):
        makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
        targets = set(re.findall(r'^([\w-]+):', makefile, re.MULTILINE))
        for path, text in self.pages.items():
            named = re.findall(r'(?:``|\$ )make ([\w-]+)', text)
            with self.subTest(path):
                self.assertLessEqual(set(named), targets)

    def test_every_environment_of_tox_that_a_page_names_exists(self):
        tox = (ROOT / 'tox.ini').read_text(encoding='utf-8')
        for path, text in self.pages.items():
            for name in re.findall(r'tox -e ([\w-]+)', text):
                with self.subTest(path, environment=name):
                    self.assertIn(f'[testenv:{name}]', tox + '[testenv:py3]')
