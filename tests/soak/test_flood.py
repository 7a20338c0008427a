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
"""The budgets with 100,000 rows of one member, on MariaDB.

``GLANCE_EXT_SOAK_ROWS`` is how many thousand there are.
"""

import os
import unittest

from bench import __main__ as command
from bench import flood
from bench import options
from tests.harness.soaking import soak

THOUSANDS = int(os.environ.get('GLANCE_EXT_SOAK_ROWS', '100'))


@soak
class FloodTest(unittest.TestCase):

    def test_what_very_many_rows_cost(self):
        for row in flood.run(options.Options(mib=THOUSANDS)):
            with self.subTest(row['what']):
                print(command.line(row))
                self.assertIsNot(row['met'], False)
