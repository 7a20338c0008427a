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

"""Glance 15, which was made for version 1: what the records say of it."""

import json
import unittest

from tests.functional import test_compat_service
from tests.functional import test_compat_v1
from tests.harness import compat
from tests.harness import glance15
from tests.harness import soaking
from tests.harness import v1_script
from tests.harness import v1_steps


@soaking.soak
class RecordTest(unittest.TestCase):
    maxDiff = None

    def test_it_still_answers_what_was_recorded(self):
        recorded = json.loads(test_compat_v1.ANSWERS.read_text())
        with compat.FarAway() as web, glance15.Glance15() as server:
            for step in v1_script.steps():
                with self.subTest(step.key):
                    found = v1_steps.normal(step.run(server, web.url))
                    self.assertEqual(recorded[step.key], found)


@soaking.soak
class ServiceTest(test_compat_service.Calls, unittest.TestCase):
    """Our service of version 1, on a server that was made for it."""

    v1 = True
    server: glance15.Glance15

    @classmethod
    def setUpClass(cls):
        cls.server = glance15.Glance15().start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.service = compat.service(self.server.url, self.v1)
        self.context = compat.context(test_compat_service.MEMBER)
