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

import unittest

import hypothesis
from hypothesis import strategies as st

from glance_ext.transfer.comparing import differing_range


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at:at + size] for at in range(0, len(data), size)]


class DifferingRangeTest(unittest.TestCase):
    def test_what_is_the_same_has_none(self):
        self.assertIsNone(differing_range([b'ab', b'c'], [b'a', b'bc']))
        self.assertIsNone(differing_range([], []))

    def test_what_one_has_beyond_the_other_differs(self):
        self.assertEqual((2, 4), differing_range([b'ab'], [b'abcde']))
        self.assertEqual((0, 1), differing_range([b'ab'], []))

    @hypothesis.settings(database=None, max_examples=300)
    @hypothesis.given(
        st.lists(st.sampled_from([0, 1]), max_size=40),
        st.lists(st.sampled_from([0, 1]), max_size=40),
        st.integers(1, 7), st.integers(1, 7))
    def test_it_is_the_first_and_the_last_of_all_that_differ(
            self, left, right, one, other):
        left, right = bytes(left), bytes(right)
        long = max(len(left), len(right))
        wrong = [at for at in range(long)
                 if left[at:at + 1] != right[at:at + 1]]
        expected = (wrong[0], wrong[-1]) if wrong else None
        self.assertEqual(expected, differing_range(
            pieces(left, one), pieces(right, other)))
