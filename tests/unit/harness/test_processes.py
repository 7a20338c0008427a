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
"""Sessions of processes: who is in one, and how it ends."""

import os
from pathlib import Path
import signal
import tempfile
import unittest

from tests.harness import ports
from tests.harness import processes

# It forks a child that ignores SIGTERM, then waits.
STUBBORN = 'trap "" TERM; sleep 60 & trap - TERM; echo ready; wait'


class SessionTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name) / 'log'

    def boot(self, script, timeout=10):
        found = processes.boot(
            ['sh', '-c', f'{script}'],
            dict(os.environ),
            self.log,
            lambda: 'ready' in self.log.read_text(),
            timeout,
        )
        self.addCleanup(processes.kill, found)
        return found

    def test_stop_leaves_no_child(self):
        found = self.boot(STUBBORN)
        code, _ = processes.stop(found, signal.SIGTERM, 10)
        self.assertEqual(-signal.SIGTERM, code)
        self.assertEqual([], processes.members(found.pid))

    def test_stop_kills_what_outlives_its_time(self):
        found = self.boot('trap "" TERM; echo ready; sleep 60; sleep 60')
        code, seconds = processes.stop(found, signal.SIGTERM, 0.2)
        self.assertEqual(-signal.SIGKILL, code)
        self.assertLess(seconds, 10)

    def test_a_boot_that_ends_says_what_it_said(self):
        with self.assertRaisesRegex(RuntimeError, 'ended with 3\nbecause'):
            self.boot('echo because; exit 3')

    def test_a_boot_that_takes_too_long_is_killed(self):
        with self.assertRaisesRegex(RuntimeError, 'silent after'):
            self.boot('echo $$; sleep 60', timeout=0.5)
        self.assertEqual([], processes.members(int(self.log.read_text())))


class PortTest(unittest.TestCase):
    def test_no_two_of_one_number(self):
        found = [ports.Port() for _ in range(50)]
        for port in found:
            self.addCleanup(port.release)
        self.assertEqual(50, len({port.number for port in found}))
