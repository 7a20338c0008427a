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
"""How many bytes a second may pass."""

import threading
import time
import unittest
from unittest import mock

from glance_ext.transfer import budget


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, case):
        self.now = 1000.0
        self.naps = []
        patch = mock.patch.object(budget.time, 'monotonic',
                                  lambda: self.now)
        patch.start()
        case.addCleanup(patch.stop)

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds


class TestBudget(unittest.TestCase):

    def setUp(self):
        self.clock = Clock(self)

    def take(self, made, count, times):
        began = self.clock.now
        for _ in range(times):
            made.take(count, self.clock.sleep)
        return self.clock.now - began

    def test_without_a_rate_nobody_waits(self):
        self.assertEqual(0, self.take(budget.Budget(), 1 << 30, 100))

    def test_holds_the_rate(self):
        self.assertAlmostEqual(
            10, self.take(budget.Budget(1000), 100, 100), places=3)

    def test_what_was_not_used_is_not_saved_up(self):
        made = budget.Budget(1000)
        self.clock.now += 3600
        self.assertAlmostEqual(10, self.take(made, 100, 100), places=3)

    def test_changed_rate_holds_at_once(self):
        made = budget.Budget(10)

        def sleep(seconds):
            self.clock.sleep(seconds)
            made.rate = 1000
        made.take(1000, sleep)
        self.assertLess(self.clock.now - 1000, 2)

    def test_rate_taken_away_ends_the_wait(self):
        made = budget.Budget(1)

        def sleep(seconds):
            made.rate = 0
        made.take(1 << 40, sleep)

    def test_what_sleep_raises_ends_the_wait(self):
        class Cancelled(Exception):
            pass

        def sleep(seconds):
            raise Cancelled
        with self.assertRaises(Cancelled):
            budget.Budget(1).take(1000, sleep)

    def test_nobody_sleeps_for_long_at_once(self):
        budget.Budget(1).take(100, self.clock.sleep)
        self.assertLessEqual(max(self.clock.naps), 0.25)


class TestShared(unittest.TestCase):

    def test_threads_share_one_rate(self):
        made = budget.Budget(1_000_000)
        began = time.monotonic()
        threads = [threading.Thread(
            target=lambda: [made.take(10_000) for _ in range(10)])
            for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(time.monotonic() - began, 0.35)
