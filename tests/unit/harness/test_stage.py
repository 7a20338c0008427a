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
"""What is read from the runs that are counted."""

import contextlib
import io
import json
import unittest

from tests.harness import stage

TOTALS = """
======
Totals
======
Ran: 7 tests in 1.0 sec.
 - Passed: 4
 - Skipped: 2
 - Expected Fail: 0
 - Unexpected Success: 0
 - Failed: {failed}
"""


class CountTest(unittest.TestCase):
    def test_totals(self):
        found = stage.count(TOTALS.format(failed=1), 1)
        self.assertEqual(stage.Count(4, 1, 2), found)

    def test_all_passed(self):
        found = stage.count(TOTALS.format(failed=0), 0)
        self.assertEqual(stage.Count(4, 0, 2), found)

    def test_a_run_that_ended_badly_has_failed(self):
        found = stage.count(TOTALS.format(failed=0), 2)
        self.assertEqual(stage.Count(4, 1, 2), found)

    def test_a_run_without_tests_has_failed(self):
        self.assertEqual(stage.Count(0, 1, 0), stage.count('nothing', 0))


class AuditTest(unittest.TestCase):
    def test_packages_with_vulnerabilities_have_failed(self):
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            found = stage.audited(json.dumps({'dependencies': [
                {'name': 'a', 'version': '1', 'vulns': []},
                {'name': 'b', 'version': '2', 'vulns': [{'id': 'CVE-1'}]},
                {'name': 'c', 'skip_reason': 'not found'}]}))
        self.assertEqual(stage.Count(1, 1, 1), found)
        self.assertEqual('b 2 CVE-1\n', shown.getvalue())

    def test_nothing_looked_up_is_skipped(self):
        for report in ('', json.dumps({'dependencies': [
                {'name': 'c', 'skip_reason': 'not found'}]})):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(stage.Count(0, 0, 1), stage.audited(report))
