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
"""Ten thousand random fault schedules each, for reading and for writing.

Runs with ``GLANCE_EXT_SOAK=1``. ``GLANCE_EXT_SOAK_SEED`` tries others.
"""

import os
import unittest

from tests.unit.stores import test_digesting_schedules
from tests.unit.stores import test_writing_schedules

_soaks = unittest.skipUnless(os.environ.get('GLANCE_EXT_SOAK') == '1',
                             'skipped: GLANCE_EXT_SOAK is not 1')


@_soaks
class TestManyReadings(test_digesting_schedules.TestReadings):

    examples = 10_000


@_soaks
class TestManyWritings(test_writing_schedules.TestWritings):

    examples = 10_000
