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
"""When a keeper beats, and when it looks for what others left."""

from unittest import mock

from glance_ext.actions import keeper
from glance_ext.stores import budgets
from tests.unit.actions import executing


class Ended(Exception):
    """Ends a loop that has no end."""


class LoopTest(executing.ExecutorCase):
    def setUp(self):
        super().setUp()
        self.now = 1000.0
        self.events = []
        self.replace(keeper, 'time', mock.Mock(
            monotonic=lambda: self.now, sleep=self.sleep))
        self.replace(budgets, 'refresh', lambda: self.note('rates'))
        self.replace(self.executor, 'beat', lambda: self.note('beat'))

    def note(self, event):
        self.events.append((self.now - 1000, event))

    def sleep(self, seconds):
        self.now += seconds
        if self.now >= self.until:
            raise Ended

    def loop(self, seconds, timeout, takes_over=True, left_some=False):
        self.options.config(group='glance_ext', heartbeat_timeout=timeout)
        self.until = self.now + seconds
        kept = keeper.Keeper(self.executor, takes_over)

        def sweep():
            self.note('sweep')
            kept._left_some = left_some

        with mock.patch.object(kept, '_sweep', sweep):
            self.assertRaises(Ended, kept.run)
        return {event: [moment for moment, each in self.events
                        if each == event]
                for event in ('rates', 'beat', 'sweep')}

    def test_it_beats_often_and_sweeps_four_times_within_the_timeout(self):
        self.assertEqual(
            {'rates': [0, 4, 8, 12, 16], 'beat': [0, 4, 8, 12, 16],
             'sweep': [0, 8, 16]}, self.loop(20, 32))

    def test_a_short_timeout_is_beaten_four_times_too(self):
        self.assertEqual([0, 2.5, 5, 7.5], self.loop(10, 10)['beat'])

    def test_a_process_that_takes_nothing_over_only_beats(self):
        self.assertEqual(([0, 4], []), (
            self.loop(8, 120, takes_over=False)['beat'],
            [event for event in self.events if event[1] == 'sweep']))

    def test_what_was_left_for_want_of_room_is_looked_at_as_soon_as_there_is(
            self):
        self.assertEqual([0, 4, 8], self.loop(
            12, 120, left_some=True)['sweep'])

    def test_without_room_there_is_no_hurry(self):
        self.room = 0
        self.assertEqual([0], self.loop(12, 120, left_some=True)['sweep'])

    def test_it_ends_with_its_process(self):
        kept = keeper.Keeper(self.executor)
        self.assertEqual(('glance-ext-keeper', True),
                         (kept.name, kept.daemon))
