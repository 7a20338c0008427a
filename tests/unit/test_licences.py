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

"""The licences of what we require: said in SPDX's words, and true."""

from importlib import metadata
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]

# Those that go with Apache-2.0, and what the classifiers call them.
CLASSIFIERS = {
    'Apache-2.0': 'Apache Software License',
    'BSD-3-Clause': 'BSD License',
    'MIT': 'MIT License',
}
LINE = re.compile(r'([\w.-]+)\S* # (.+)')


def stated(name: str) -> list[tuple[str, set[str]]]:
    """Return each requirement of a file with the licences it names."""
    lines = (ROOT / name).read_text('utf-8').splitlines()
    found = [LINE.fullmatch(line) for line in lines
             if line and not line.startswith('#')]
    return [(match[1], set(match[2].split(' OR '))) for match in found]


def declared(name: str) -> set[str]:
    """Return the licences that an installed distribution declares."""
    about = metadata.metadata(name)
    if expression := about.get('License-Expression'):
        return set(expression.split(' OR '))
    classifiers = ' '.join(about.get_all('Classifier', ()))
    return {licence for licence, words in CLASSIFIERS.items()
            if words in classifiers} or {about.get('License')}


class LicencesTest(unittest.TestCase):
    def test_every_requirement_has_a_licence_that_goes_with_ours(self):
        for name, licences in stated('requirements.txt'):
            with self.subTest(name):
                self.assertLessEqual(licences, set(CLASSIFIERS))

    def test_it_is_the_licence_that_the_distribution_has(self):
        for name, licences in stated('requirements.txt'):
            with self.subTest(name):
                self.assertEqual(licences, declared(name))
