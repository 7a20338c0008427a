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
"""The arithmetic of the measurements."""

import itertools
import unittest

from bench import turns


class TestTakeTurns(unittest.TestCase):

    def test_everybody_gets_a_turn_a_round_and_is_first_every_other(self):
        called = []
        count = itertools.count()

        def case(name):
            def call():
                called.append(name)
                return next(count)
            return call
        found = turns.take_turns({name: case(name) for name in 'abc'}, 3)
        self.assertEqual('abccbaabc', ''.join(called))
        self.assertEqual({'a': [0, 5, 6], 'b': [1, 4, 7], 'c': [2, 3, 8]},
                         found)


class TestNumbers(unittest.TestCase):

    def test_ratios_are_those_of_each_round(self):
        self.assertEqual([2, 0.5], turns.ratios([4, 1], [2, 2]))
        with self.assertRaises(ValueError):
            turns.ratios([1], [1, 2])

    def test_percentile_is_a_value_that_was_measured(self):
        values = list(range(1, 101))
        for percent, value in ((0, 1), (1, 1), (50, 50), (99, 99),
                               (99.1, 100), (100, 100)):
            self.assertEqual(value, turns.percentile(values[::-1], percent))
        self.assertEqual(7, turns.percentile([7], 99))


class TestRow(unittest.TestCase):

    def test_is_the_median_and_how_far_it_spreads(self):
        row = turns.row('x', [9, 1.234, 2], 'us', digits=1, other='more')
        self.assertEqual(
            {'what': 'x', 'value': 2, 'unit': 'us', 'target': '',
             'met': None, 'rounds': 3, 'spread': [1.2, 9], 'other': 'more'},
            row)

    def test_target_is_met_or_missed_on_its_side(self):
        for limit, met in (({'least': 2}, True), ({'least': 2.1}, False),
                           ({'most': 2}, True), ({'most': 1.9}, False)):
            row = turns.row('x', [2.0], 'us', **limit)
            self.assertIs(met, row['met'])
        self.assertEqual('<= 1.9', row['target'])
        self.assertEqual('>= 1.8', turns.row('x', [1], '', least=1.8)[
            'target'])
