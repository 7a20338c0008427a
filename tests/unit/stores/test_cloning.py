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
"""What a clone is made into where it was not what is to be written."""

import errno
from pathlib import Path
import tempfile
import unittest
from unittest import mock

from glance_store import exceptions as store_exceptions

from glance_ext.host import images
from glance_ext.stores import cloning
from glance_ext.transfer.feed import Feed

CHUNKS = [b'abcd', b'efgh', b'ij']
DATA = b''.join(CHUNKS)


class TestAdd(unittest.TestCase):
    def test_a_disk_that_is_full_is_told_as_the_driver_tells_it(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        driver = mock.Mock()
        driver._find_best_datadir.return_value = directory
        where = mock.Mock()
        where.store_location.path = '/source'
        location = images.Location(1, 'fast', 'file:///source')
        for number, expected in (
                (errno.ENOSPC, store_exceptions.StorageFull),
                (errno.EIO, OSError)):
            with (mock.patch.object(cloning.drivers, 'of_location',
                                    return_value=(driver, where)),
                  mock.patch.object(cloning, '_clone', return_value=True),
                  mock.patch.object(cloning, '_write_on',
                                    side_effect=OSError(number, 'no')),
                  self.assertRaises(expected)):
                cloning.add(driver, 'image', Feed(), 1, [location])


class TestWriteOn(unittest.TestCase):
    def setUp(self):
        self.file = Path(self.enterContext(
            tempfile.TemporaryDirectory()), 'file')
        self.feed = Feed()

    def write(self, chunks):
        for chunk in chunks:
            self.feed.put(chunk, 0)
        self.feed.end()
        return cloning._write_on(self.file, self.feed)

    def test_it_holds_what_came_whatever_was_there(self):
        for guess in (DATA, b'', DATA[:3], DATA[:4], DATA[:-1], DATA + b'k',
                      b'X' + DATA[1:], DATA[:5] + b'X' + DATA[6:],
                      DATA[:-1] + b'X', bytes(len(DATA)), b'X' * 100):
            with self.subTest(guess):
                self.feed = Feed()
                self.file.write_bytes(guess)
                self.assertEqual(len(DATA), self.write(CHUNKS))
                self.assertEqual(DATA, self.file.read_bytes())

    def test_of_no_data_nothing_is_left(self):
        self.file.write_bytes(DATA)
        self.assertEqual(0, self.write([]))
        self.assertEqual(b'', self.file.read_bytes())

    def test_a_feed_that_is_given_up_ends_it(self):
        self.file.write_bytes(DATA)
        self.feed.abort(InterruptedError())
        with self.assertRaises(InterruptedError):
            self.write(CHUNKS)
