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
"""How far a transfer is."""

import unittest
from unittest import mock

from glance_ext.transfer import progress


class TestProgress(unittest.TestCase):

    def setUp(self):
        self.now = 50.0
        patch = mock.patch.object(progress.time, 'monotonic',
                                  lambda: self.now)
        patch.start()
        self.addCleanup(patch.stop)

    def test_rate_is_that_of_recent_seconds(self):
        made = progress.Progress(100_000)
        for count in (1000, 1000, 1000):
            self.now += 5
            made.advance(count)
            self.assertEqual(200, made.rate())
        for _ in range(4):
            self.now += 5
            made.advance(5000)
            rate = made.rate()
        self.assertEqual(1000, rate)

    def test_rate_is_over_all_of_the_recent_seconds(self):
        made = progress.Progress()
        for count, rate in ((3, 0), (3000, 300), (0, 200), (0, 200),
                            (3000, 200)):
            self.now += 5
            made.advance(count)
            self.assertEqual(rate, made.rate())

    def test_rate_at_once_is_nothing(self):
        self.assertEqual(0, progress.Progress().rate())

    def test_restart_forgets(self):
        made = progress.Progress(10)
        self.now += 1
        made.advance(10)
        made.rate()
        made.restart()
        self.now += 1
        self.assertEqual((0, 0, 0), (made.done, made.rate(),
                                     made.percent()))

    def test_of_an_unknown_total(self):
        made = progress.Progress()
        made.advance(5)
        self.assertIsNone(made.percent())
        self.assertIsNone(made.eta(10))

    def test_eta(self):
        made = progress.Progress(100)
        made.advance(50)
        self.assertEqual(5, made.eta(10))
        self.assertIsNone(made.eta(0))
        made.advance(80)
        self.assertEqual((0, 100), (made.eta(10), made.percent()))

    def test_branches_keep_their_order_and_identity(self):
        made = progress.Progress(7)
        made.branch('b').advance(3)
        made.branch('a')
        self.assertIs(made.branch('b'), made.branches['b'])
        self.assertEqual(['b', 'a'], list(made.branches))
        self.assertEqual(7, made.branches['a'].total)
