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

import argparse
import unittest

from glance_ext.cmd import server


class ArgumentsTest(unittest.TestCase):
    def test_times_are_seconds_minutes_hours_or_days(self):
        for text, seconds in (
            ('0', 0), ('90', 90), ('5s', 5), ('30m', 1800), ('8h', 28800),
            ('7d', 604800),
        ):
            self.assertEqual(seconds, server.duration(text))

    def test_amounts_are_powers_of_1024(self):
        for text, count in (
            ('0', 0), ('500k', 512000), ('2M', 2 << 20), ('1G', 1 << 30),
            ('1t', 1 << 40),
        ):
            self.assertEqual(count, server.amount(text))

    def test_what_is_neither_is_refused(self):
        for read in (server.duration, server.amount, server.positive):
            for text in ('', '-1', '1.5', 'x', '1y', ' 1'):
                with (
                    self.subTest(read=read.__name__, text=text),
                    self.assertRaises(argparse.ArgumentTypeError),
                ):
                    read(text)

    def test_sizes_are_worded_for_people(self):
        for count, text in (
            (0, '0 B'), (1023, '1023 B'), (1024, '1.0 KiB'),
            (3 << 39, '1.5 TiB'), (1 << 63, '8192.0 PiB'),
        ):
            self.assertEqual(text, server.size(count))
