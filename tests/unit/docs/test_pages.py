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

import argparse
import fnmatch
from importlib import metadata
import pathlib
import re
import unittest

from glance_ext import conf
from glance_ext import policies
from glance_ext.cmd import manage
from glance_ext.osc import actions
from glance_ext.osc import copy_image
from glance_ext.osc import hash as hash_commands
from glance_ext.osc import requests
from glance_ext.osc import shell
from glance_ext.tempest_plugin import options as tempest_options

ROOT = pathlib.Path(__file__).parents[3]
SOURCE = ROOT / 'doc' / 'source'


def page(name: str) -> str:
    return (SOURCE / f'{name}.rst').read_text(encoding='utf-8')


def sections(name: str) -> dict[str, str]:
    """Return the text under each of a page's second-level headings."""
    pieces = re.split(r'^(.+)\n-{3,}$', page(name), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def entry_points(group: str) -> list[metadata.EntryPoint]:
    points = metadata.distribution('glance-ext').entry_points
    return list(points.select(group=group))


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {
        option
        for action in parser._actions
        for option in action.option_strings
        if option not in ('-h', '--help')
    }


def described(text: str) -> set[str]:
    """Return the options that have an entry of their own in a section."""
    return set(re.findall(r'^``(-[\w-]+)[^`]*``$', text, re.MULTILINE))


class CommandsTest(unittest.TestCase):
    def test_every_console_script_has_its_page(self):
        for point in entry_points('console_scripts'):
            with self.subTest(point.name):
                self.assertIn(f'{point.name}\n===', page(f'cli/{point.name}'))

    def test_every_openstack_command_is_made_a_section_of_its_page(self):
        text = page('cli/openstack')
        patterns = re.findall(
            r'autoprogram-cliff:: openstack.image.v2\n'
            r'   :application: openstack\n'
            r'   :command: (.+)\n',
            text,
        )
        names = [
            point.name.replace('_', ' ')
            for point in entry_points('openstack.image.v2')
        ]
        for name in names:
            with self.subTest(name):
                places = [fnmatch.fnmatch(name, each) for each in patterns]
                self.assertEqual(1, places.count(True))
        for pattern in patterns:
            with self.subTest(pattern):
                self.assertTrue(fnmatch.filter(names, pattern))

    def test_the_columns_of_a_command_are_those_of_its_page(self):
        text = page('cli/openstack').replace('\n', ' ')
        for names in (
            ('action_id', 'status', *hash_commands.CalculateHash.results),
            ('action_id', 'status', *copy_image.CopyImage.results),
            copy_image.CopyImage.plans,
            actions.LIST,
            requests.COLUMNS,
        ):
            with self.subTest(names):
                said = [f'``{name}``' for name in names]
                last = said.pop()
                self.assertRegex(
                    text, f'{", ".join(said)}(,| and) {last}'
                )

    def test_every_twin_of_glance_ext_is_in_its_table(self):
        rows = re.findall(
            r'^``(image-\S+)`` +``(.+)``$',
            page('cli/glance-ext'),
            re.MULTILINE,
        )
        self.assertEqual(
            {
                (name, point.name.replace('_', ' '))
                for name, point in shell.commands()
            },
            set(rows),
        )

    def test_every_command_of_manage_has_its_section_and_its_options(self):
        subparsers = argparse.ArgumentParser().add_subparsers()
        for command in manage.COMMANDS:
            command.add_parsers(subparsers)
        documented = sections('cli/glance-ext-manage')
        self.assertEqual(set(subparsers.choices), set(documented))
        for name, parser in subparsers.choices.items():
            with self.subTest(name):
                self.assertEqual(
                    options(parser), described(documented[name])
                )


class TempestTest(unittest.TestCase):
    def test_every_option_of_the_plugin_is_in_its_table(self):
        rows = re.findall(
            r'^``(\w+)``  ', page('contributor/testing'), re.MULTILINE
        )
        names = [option.name for option in tempest_options.OPTIONS]
        self.assertEqual(names, rows)


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
            str(path.relative_to(ROOT)): path.read_text(encoding='utf-8')
            for path in (
                ROOT / 'README.rst',
                ROOT / 'HACKING.rst',
                *SOURCE.rglob('*.rst'),
            )
        }

    def named(self, pattern: str) -> list[tuple[str, str]]:
        """Return every page and match, of which there must be some."""
        found = [
            (path, name)
            for path, text in self.pages.items()
            for name in re.findall(pattern, text, re.MULTILINE)
        ]
        self.assertTrue(found)
        return found

    def check(self, pattern: str, there: set[str]) -> None:
        for path, name in self.named(pattern):
            with self.subTest(path):
                self.assertIn(name, there)

    def test_options_of_ours(self):
        ours = {opt.dest for _, opts in conf.list_opts() for opt in opts}
        self.check(r'\[glance_ext\]\s+(\w+)', ours)

    def test_policies_of_ours(self):
        ours = {rule.name for rule in policies.list_rules()}
        self.check(r'^ +"(\w+)": "rule:', ours)

    def test_targets_of_make(self):
        text = (ROOT / 'Makefile').read_text(encoding='utf-8')
        targets = re.findall(r'^([\w -]+):(?!=)', text, re.MULTILINE)
        there = {name for line in targets for name in line.split()}
        self.check(r'(?:``|\$ )make ([\w-]+)', there)

    def test_environments_of_tox(self):
        text = (ROOT / 'tox.ini').read_text(encoding='utf-8')
        there = set(re.findall(r'^\[testenv:([\w-]+)\]', text, re.MULTILINE))
        self.check(r'tox -e ([\w-]+)', there | {'py3'})

    def test_files_of_the_repository(self):
        names = self.named(
            r'``((?:glance_ext|doc|etc|policies|tests|releasenotes)/[^`]*)``'
        )
        for path, name in names:
            with self.subTest(path, name=name):
                self.assertTrue((ROOT / name).exists())
