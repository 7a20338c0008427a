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

"""The Tempest plugin against a Glance that runs without the extension."""

import subprocess
import unittest

from tests.harness import tempest
from tests.harness.soaking import soak


@soak
class WithoutTheFilterTest(unittest.TestCase):
    def test_every_test_is_skipped_and_says_why(self):
        with tempest.workspace(extension=False) as work:
            run = subprocess.run(
                [*work.command, '--regex', tempest.OURS],
                env=work.env, capture_output=True, text=True)
        self.assertNotRegex(run.stdout, r'\.\.\. (ok|FAILED)')
        self.assertIn('runs without the extension', run.stdout)
