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
"""``GET /v2/info/glance-ext/metrics``, of two processes together."""

import pathlib
import tempfile

from prometheus_client import parser

from tests.functional import cases
from tests.harness import glance
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY

PATH = '/v2/info/glance-ext/metrics'
SAMPLE = pathlib.Path(__file__).parents[2].joinpath(
    'api-ref/source/samples/metrics-response.prom')


class MetricsTest(cases.HashCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.own = glance.Glance(server='gunicorn', processes=2, config={
            'DEFAULT': {'http_retries': 0},
            'glance_ext': {'metrics_dir': directory}})
        cls.addClassCleanup(cls.own.stop)
        cls.own.start()

    def setUp(self):
        self.glance = self.own
        self.addCleanup(self.glance.clear_faults)

    def scrape(self):
        """Return ``{(name, labels): value}`` and what the families are."""
        answer = self.expect(200, self.get(PATH))
        self.assertEqual('text/plain; version=0.0.4; charset=utf-8',
                         answer.headers['Content-Type'])
        families = list(parser.text_string_to_metric_families(answer.text))
        values = {(sample.name, tuple(sorted(sample.labels.items()))):
                  sample.value for family in families
                  for sample in family.samples}
        return values, {(each.name, each.type) for each in families}

    def test_every_process_tells_of_all(self):
        for _ in range(6):
            self.succeeded(self.hash(self.glance.legacy(b'data')))
        failing = self.glance.legacy(b'data')
        self.glance.fault('raise', image=failing)
        self.failed('store_unavailable', self.hash(failing))

        hash_ = (('action_type', 'hash'), ('store', 'fast'))
        expected = {
            ('glance_ext_action_bytes_total', hash_): 24,
            ('glance_ext_actions_ended_total', tuple(sorted(
                (*hash_, ('status', 'success'))))): 6,
            ('glance_ext_actions_ended_total', tuple(sorted(
                (*hash_, ('status', 'failure'))))): 1,
            ('glance_ext_action_failures_total', tuple(sorted(
                (*hash_, ('code', 'store_unavailable'))))): 1,
            ('glance_ext_action_duration_seconds_count', hash_): 7,
        }
        # An action is counted a moment after its end can be seen.
        cases.until(lambda: self.scrape()[0].get(
            list(expected)[-1]) == 7)
        for _ in range(8):
            values, families = self.scrape()
            self.assertEqual(expected, {
                key: values.get(key) for key in expected})
        documented = parser.text_string_to_metric_families(
            SAMPLE.read_text())
        self.assertEqual({(each.name, each.type) for each in documented},
                         families)
        self.assertIn(('glance_ext_images_without_hash', ()), values)

    def test_what_runs_and_waits(self):
        running = ('glance_ext_actions_running', (('action_type', 'hash'),))
        self.assertNotIn(running, self.scrape()[0])
        with self.reading(self.glance.legacy(b'data')):
            self.assertEqual(1, self.scrape()[0][running])

    def test_who_may(self):
        self.expect(403, self.get(PATH, user=MEMBER))
        self.expect(401, self.get(PATH, user=NOBODY))
