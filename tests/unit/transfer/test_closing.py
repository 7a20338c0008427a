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
"""A source is closed, however its reading ends."""

import unittest

from glance_ext.transfer.closing import closing


class TestClosing(unittest.TestCase):

    def setUp(self):
        self.closed = 0

    def chunks(self):
        try:
            yield from (b'a', b'b')
        finally:
            self.closed += 1

    def test_closes_what_was_not_read_to_its_end(self):
        with closing(self.chunks()) as chunks:
            self.assertEqual(b'a', next(chunks))
            self.assertEqual(0, self.closed)
        self.assertEqual(1, self.closed)

    def test_closes_while_somebody_holds_what_was_raised(self):
        with self.assertRaises(ZeroDivisionError) as caught:
            with closing(self.chunks()) as chunks:
                for _ in chunks:
                    raise ZeroDivisionError
        self.assertEqual(1, self.closed, caught.exception)

    def test_what_cannot_be_closed_is_read_as_well(self):
        with closing([b'a', b'b']) as chunks:
            self.assertEqual([b'a', b'b'], list(chunks))
