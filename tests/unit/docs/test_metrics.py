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
"""The metrics, as the API, the guide and the dashboard name them."""

import json
import pathlib
import re
import unittest

from oslo_config import cfg
from prometheus_client import parser

from glance_ext import conf
from glance_ext.actions import metrics

ROOT = pathlib.Path(__file__).parents[3]
SAMPLE = ROOT / 'api-ref/source/samples/metrics-response.prom'


class NamesTest(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        text = SAMPLE.read_text(encoding='utf-8')
        self.families = list(parser.text_string_to_metric_families(text))
        self.names = {sample.name for family in self.families
                      for sample in family.samples}

    def test_the_sample_has_every_counter(self):
        counters = metrics._counters().registry.collect()
        self.assertLessEqual({family.name for family in counters},
                             {family.name for family in self.families})

    def test_the_guide_names_every_family_and_no_other(self):
        page = ROOT / 'doc/source/admin/metrics.rst'
        self.assertEqual(
            {family.name + ('_total' if family.type == 'counter' else '')
             for family in self.families},
            set(re.findall(r'``(glance_ext_\w+)``',
                           page.read_text(encoding='utf-8'))))

    def test_the_dashboard_asks_for_every_family_by_names_that_there_are(self):
        dashboard = json.loads(
            (ROOT / 'etc/grafana/glance-ext.json').read_text())
        asked = set(re.findall(r'glance_ext_\w+', ' '.join(
            target['expr'] for panel in dashboard['panels']
            for target in panel['targets'])))
        self.assertLessEqual(asked, self.names)
        for family in self.families:
            self.assertTrue(any(name.startswith(family.name)
                                for name in asked), family.name)

    def test_the_panels_of_the_dashboard_have_ids_of_their_own(self):
        panels = json.loads((ROOT / 'etc/grafana/glance-ext.json')
                            .read_text())['panels']
        self.assertEqual(len(panels), len({each['id'] for each in panels}))
