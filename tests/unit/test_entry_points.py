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
import subprocess
import sys
import unittest

#: What is not beside the clients where there is no Glance.
OF_A_SERVER = ('glance', 'glance_store', 'jsonschema', 'oslo_concurrency',
               'oslo_policy', 'paste', 'routes', 'sqlalchemy', 'webob')
LOAD = """
import sys
from importlib import metadata
sys.modules.update(dict.fromkeys(sys.argv[1:]))
points = metadata.distribution('glance-ext').entry_points
for point in points.select(group='openstack.image.v2'):
    point.load()
(program,) = points.select(name='glance-ext')
program.load()
"""
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


class ClientsTest(unittest.TestCase):
    def load(self, *absent: str) -> subprocess.CompletedProcess[str]:
        """Load every command where some packages are not installed."""
        return subprocess.run(
            [sys.executable, '-c', LOAD, *absent], capture_output=True,
            text=True)

    def test_they_need_nothing_of_a_server(self):
        # glanceclient itself validates with jsonschema.
        clients = [name for name in OF_A_SERVER if name != 'jsonschema']
        done = self.load(*clients)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_glance_ext_says_that_it_lacks_glanceclient(self):
        done = self.load(*OF_A_SERVER, 'glanceclient')
        self.assertEqual(
            'glance-ext needs python-glanceclient, which is not installed.\n',
            done.stderr)
        self.assertEqual(1, done.returncode)
