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
"""Which Glance the extension runs in."""

import subprocess
import sys
import unittest

from glance_ext.host import supported


class TestSupported(unittest.TestCase):

    def test_every_supported_release_passes(self):
        for version in ('28.0.1', '29.2.1', '30.0.0', '31.1.0', '32.0.0',
                        '33.0.0', '33.1.0.dev7'):
            with self.subTest(version):
                self.assertIsNone(supported.check(version))

    def test_others_are_refused_with_the_way_out(self):
        for version in ('27.1.0', '34.0.0', '34.0.0.0b1', '19.0.0'):
            with self.subTest(version), self.assertRaisesRegex(
                    supported.UnsupportedHost,
                    rf'supports Glance 28 to 33; this is Glance {version}.*'
                    r'glance-ext-manage disable'):
                supported.check(version)

    def test_the_installed_one_passes(self):
        self.assertIsNone(supported.check())

    def test_the_sentence_comes_before_any_import_of_glance(self):
        code = (
            'import importlib.metadata, sys\n'
            'importlib.metadata.version = lambda name: "34.0.0"\n'
            'from glance_ext.api import middleware\n'
            'try:\n'
            '    middleware.filter_factory({})\n'
            'except RuntimeError as exc:\n'
            '    print(exc)\n'
            'print([name for name in sys.modules if name == "glance"])\n')
        said = subprocess.run([sys.executable, '-c', code], check=True,
                              capture_output=True, text=True).stdout
        self.assertIn('this is Glance 34.0.0', said)
        self.assertTrue(said.endswith('[]\n'), said)
