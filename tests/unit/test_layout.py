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
from importlib import metadata
import pathlib
import re
import sys
import unittest

from glance_ext.hacking import source

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / 'glance_ext'
UNIT = ROOT / 'tests' / 'unit'

# What only those have who use what it is for.
OPTIONAL = {
    'cinderclient',
    'rbd',
    'eventlet',
    'glance',
    'glanceclient',
    'prometheus_client',
    'swiftclient',
    'tempest',
    'uwsgi',
}

# Tests of what is no module of the package.
NOT_OF_THE_PACKAGE = {'bench', 'devstack', 'docs', 'harness'}


def third_party_imports() -> set[str]:
    found = set()
    for path in PACKAGE.rglob('*.py'):
        file = source.Source(path.relative_to(ROOT), path.read_text('utf-8'))
        found |= {each.root for each in file.imports}
    return found - set(sys.stdlib_module_names) - {'glance_ext'}


def normal(distribution: str) -> str:
    return re.sub(r'[-_.]+', '-', distribution).lower()


class RequirementsTest(unittest.TestCase):
    def setUp(self):
        lines = (ROOT / 'requirements.txt').read_text('utf-8').splitlines()
        self.required = {
            normal(re.match(r'[\w.-]+', line)[0])
            for line in lines
            if line and not line.startswith('#')
        }
        self.of_the_host = {
            normal(re.match(r'[\w.-]+', line)[0])
            for line in metadata.requires('glance')
            if 'extra ==' not in line
        }
        self.owners = {
            package: {normal(name) for name in names}
            for package, names in metadata.packages_distributions().items()
        }

    def test_every_import_is_required_or_comes_from_the_host(self):
        for package in third_party_imports() - OPTIONAL:
            with self.subTest(package):
                self.assertTrue(
                    self.owners.get(package, set())
                    & (self.required | self.of_the_host)
                )

    def test_every_requirement_is_used(self):
        used = set().union(*(
            self.owners.get(package, set())
            for package in third_party_imports()
        ))
        self.assertEqual(set(), self.required - used)

    def test_what_the_host_brings_is_no_requirement(self):
        self.assertEqual(set(), self.required & self.of_the_host)


class PackagingTest(unittest.TestCase):
    def test_every_directory_of_the_package_is_a_package(self):
        for directory in (PACKAGE, *PACKAGE.rglob('*')):
            if directory.is_dir() and list(directory.glob('*.py')):
                with self.subTest(directory.relative_to(ROOT)):
                    self.assertTrue((directory / '__init__.py').exists())

    def test_the_files_that_an_installation_brings_are_there(self):
        parser = configparser.ConfigParser(delimiters=('=',))
        parser.read(ROOT / 'setup.cfg')
        lines = parser['files']['data_files'].split('\n')
        globs = [line.partition('=')[2].strip() for line in lines if line]
        self.assertTrue(globs)
        for glob in globs:
            with self.subTest(glob):
                self.assertTrue(list(ROOT.glob(glob)))


class MirrorTest(unittest.TestCase):
    def test_every_unit_test_of_the_package_has_its_module(self):
        for test in UNIT.rglob('test_*.py'):
            place = test.relative_to(UNIT)
            if len(place.parts) == 1 or place.parts[0] in NOT_OF_THE_PACKAGE:
                continue
            with self.subTest(place):
                name = test.stem.removeprefix('test_')
                beside = [
                    path.stem
                    for path in (PACKAGE / place.parent).glob('*.py')
                ]
                self.assertTrue(
                    any(
                        name == module or name.startswith(f'{module}_')
                        for module in beside
                    ),
                    f'{place}: no module of that name in glance_ext',
                )
