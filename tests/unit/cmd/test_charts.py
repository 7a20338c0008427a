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
from xml.etree import ElementTree

from glance_ext.cmd import charts

BARS = [charts.Bar('all', 1, 4, '1 of 4'), charts.Bar('a&b', 0, 0, 'none'),
        charts.Bar('few', 1, 10_000, 'one')]


class ChartsTest(unittest.TestCase):
    def test_a_bar_is_as_long_as_its_part_of_the_whole(self):
        title, quarter, nothing, few = charts.text('T', BARS).splitlines()
        self.assertEqual('T', title)
        self.assertEqual(f'  all {"█" * 10}{"░" * 30} 1 of 4', quarter)
        self.assertEqual(f'  a&b {"░" * 40} none', nothing)
        # What is there is seen, however little it is.
        self.assertEqual(f'  few █{"░" * 39} one', few)

    def test_the_picture_is_xml_with_a_bar_each(self):
        root = ElementTree.fromstring(charts.svg('T', BARS))
        space = '{http://www.w3.org/2000/svg}'
        self.assertEqual(1 + 2 * len(BARS), len(root.findall(f'{space}rect')))
        self.assertIn('a&b', [text.text for text in root.iter(f'{space}text')])
