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
"""The measurements run, and measure the same thing on both sides."""

import unittest

from bench import __main__ as command
from bench import copying
from bench import download
from bench import hashing
from bench import images
from bench import latency
from bench import machine
from bench import options
from bench import passthrough
from glance_ext.transfer.progress import Progress

QUICK = options.Options(mib=1, rounds=1, seconds=0.1)


class TestImages(unittest.TestCase):

    def test_both_sides_find_the_same_digests(self):
        for sparse in (False, True):
            with images.image(None, 2, sparse=sparse) as path:
                self.assertEqual(2 * images.MIB, path.stat().st_size)
                theirs = images.hash_theirs(path, lambda count: None)
                for threads in (0, 1, 2):
                    self.assertEqual(theirs, images.hash_ours(
                        path, threads, Progress()))
            self.assertFalse(path.exists())


class TestMachine(unittest.TestCase):

    def test_stolen_is_a_share_of_what_passed(self):
        before = {'user': 10, 'idle': 10, 'steal': 0}
        after = {'user': 60, 'idle': 35, 'steal': 25}
        self.assertEqual(25, machine.stolen(before, after))
        self.assertEqual(0, machine.stolen(before, before))

    def test_ticks_are_read(self):
        self.assertLess(0, machine.ticks()['user'])


class TestSubjects(unittest.TestCase):

    def rows(self, subject):
        found = subject.run(QUICK)
        for row in found:
            # Nothing need be read again.
            self.assertLess(-(row['unit'] == 'MiB'), row['value'], row)
            self.assertIn(row['what'], command.line(row))
        return [row['target'] for row in found if row['target']]

    def test_passthrough(self):
        self.assertEqual(['<= 1000'] * len(passthrough.PATHS),
                         self.rows(passthrough))

    def test_hashing(self):
        self.assertEqual(['>= 1.8', '<= 1.06', '<= 1.06'],
                         self.rows(hashing))

    def test_copying(self):
        self.assertEqual(['>= 5', '>= 2.6', '>= 8', '>= 4.2', '>= 8',
                          '>= 4.2'], self.rows(copying))

    def test_download(self):
        self.assertEqual(['<= 4', '>= 3.2', '<= 4', '>= 5.5', '<= 4'],
                         self.rows(download))

    def test_latency(self):
        self.assertEqual(['<= 1', '<= 1.6'] * 2, self.rows(latency))
