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

import pathlib
import re
import unittest

from glance_ext import errors

PAGE = (
    pathlib.Path(__file__).parents[3]
    / 'doc'
    / 'source'
    / 'admin'
    / 'error-codes.rst'
)


def codes() -> set[str]:
    """Return every code that an action can end with."""
    found = set()
    waiting = [errors.ActionError]
    while waiting:
        cause = waiting.pop()
        found.add(cause.code)
        waiting += cause.__subclasses__()
    return found


class ErrorCodesTest(unittest.TestCase):
    def setUp(self):
        text = PAGE.read_text(encoding='utf-8')
        pieces = re.split(r'^``(\w+)``\n-+\n', text, flags=re.MULTILINE)
        self.documented = dict(
            zip(pieces[1::2], pieces[2::2], strict=True)
        )

    def test_every_code_is_documented_and_no_other(self):
        self.assertEqual(codes(), set(self.documented))

    def test_the_codes_are_in_the_order_of_the_alphabet(self):
        self.assertEqual(sorted(self.documented), list(self.documented))

    def test_each_says_what_happened_and_what_to_do(self):
        for code, text in self.documented.items():
            with self.subTest(code):
                self.assertRegex(text, r'(?m)^\*What happened:\* \S')
                self.assertRegex(text, r'(?m)^\*What to do:\* \S')
