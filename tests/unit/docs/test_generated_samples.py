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
import tempfile
import unittest

from oslo_config import generator as config_generator
from oslo_policy import generator as policy_generator

from glance_ext import conf
from glance_ext import policies

ROOT = pathlib.Path(__file__).parents[3]


class GeneratedSamplesTest(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        self.made = pathlib.Path(self.directory, 'made')

    def check(self, sample: str, environment: str) -> str:
        """Return the committed sample, which is the one just made."""
        text = (ROOT / sample).read_text(encoding='utf-8')
        self.assertEqual(
            self.made.read_text(encoding='utf-8'),
            text,
            f'{sample} has drifted: run tox -e {environment}',
        )
        return text

    def test_the_sample_of_the_options_is_up_to_date_and_has_them_all(self):
        config_generator.main(
            [
                '--config-file',
                str(ROOT / 'etc/oslo-config-generator/glance-ext.conf'),
                '--output-file',
                str(self.made),
            ]
        )
        text = self.check('etc/glance-ext.conf.sample', 'genconfig')
        for _, options in conf.list_opts():
            for option in options:
                self.assertRegex(text, rf'(?m)^#{option.dest} =')

    def test_the_sample_of_the_policies_is_up_to_date_and_has_them_all(self):
        policy_generator.generate_sample(
            [
                '--config-file',
                str(ROOT / 'etc/glance-ext-policy-generator.conf'),
                '--output-file',
                str(self.made),
            ]
        )
        text = self.check('policies/glance-ext.yaml.sample', 'genpolicy')
        for rule in policies.list_rules():
            self.assertIn(f'\n#"{rule.name}": ', text)


class OptionsTest(unittest.TestCase):
    def test_every_option_has_help(self):
        for _, options in conf.list_opts():
            for option in options:
                with self.subTest(option.name):
                    self.assertTrue(option.help and option.help.strip())

    def test_every_number_has_bounds(self):
        for _, options in conf.list_opts():
            for option in options:
                if option.type.__class__.__name__ in ('Integer', 'Float'):
                    with self.subTest(option.name):
                        self.assertIsNotNone(option.type.min)
                        self.assertIsNotNone(option.type.max)
