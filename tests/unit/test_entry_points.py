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
from importlib.util import find_spec
import pathlib
import unittest

ROOT = pathlib.Path(__file__).parents[2]


def declared() -> dict[str, dict[str, str]]:
    """Return the entry points that setup.cfg declares, by group and name."""
    parser = configparser.ConfigParser(delimiters=('=',))
    parser.optionxform = str
    parser.read(ROOT / 'setup.cfg')
    found = {}
    for group, text in parser['entry_points'].items():
        pairs = (line.split('=') for line in text.split('\n') if line)
        found[group] = {name.strip(): value.strip() for name, value in pairs}
    return found


class EntryPointsTest(unittest.TestCase):
    def test_every_entry_point_loads(self):
        for group, points in declared().items():
            for name, value in points.items():
                # Tempest is nobody's host: who runs it brings it.
                if group == 'tempest.test_plugins' and not find_spec(
                    'tempest'
                ):
                    continue
                with self.subTest(group=group, name=name):
                    point = metadata.EntryPoint(name, value, group)
                    self.assertTrue(callable(point.load()))

    def test_the_installed_distribution_has_what_setup_cfg_declares(self):
        installed: dict[str, dict[str, str]] = {}
        for point in metadata.distribution('glance-ext').entry_points:
            installed.setdefault(point.group, {})[point.name] = point.value
        self.assertEqual(declared(), installed)
