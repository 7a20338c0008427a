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
"""The tokens of header authentication."""

import unittest

from tests.harness import headerauth
from tests.harness import users


class UserTest(unittest.TestCase):
    def test_a_token_says_all_of_a_user(self):
        for user in (
            users.ADMIN,
            users.READER,
            users.SYSTEM,
            users.UNSCOPED,
        ):
            with self.subTest(user.name):
                self.assertEqual(user, users.User.parse(user.token))

    def test_what_is_no_token(self):
        for token in ('', 'user', 'user:project', '::', 'a:b:c:all:more'):
            with self.subTest(token), self.assertRaises(ValueError):
                users.User.parse(token)


class HeaderAuthTest(unittest.TestCase):
    def environ(self, **given):
        filtered = headerauth.filter_factory({})(lambda environ, _: environ)
        return filtered(given, None)

    def test_identity_of_a_token(self):
        found = self.environ(HTTP_X_AUTH_TOKEN=users.MEMBER.token)
        self.assertEqual('Confirmed', found['HTTP_X_IDENTITY_STATUS'])
        self.assertEqual('member-user', found['HTTP_X_USER_ID'])
        self.assertEqual('project', found['HTTP_X_PROJECT_ID'])
        self.assertEqual('member,reader', found['HTTP_X_ROLES'])

    def test_a_caller_cannot_bring_an_identity(self):
        found = self.environ(
            HTTP_X_IDENTITY_STATUS='Confirmed',
            HTTP_X_USER_ID='somebody',
            HTTP_X_ROLES='admin',
        )
        self.assertEqual({'HTTP_X_IDENTITY_STATUS': 'Invalid'}, found)
