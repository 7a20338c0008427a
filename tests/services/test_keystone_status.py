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
"""Every caller and every kind of image, with a real Keystone."""

import re
import unittest

from glance_ext.api import routes
from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.harness import glance
from tests.harness import keystone
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import SYSTEM
from tests.harness.users import UNSCOPED


def setUpModule():
    """Boot one Keystone and one Glance that asks it, for all of this."""
    people = keystone.Keystone().start()
    unittest.addModuleCleanup(people.stop)
    KeystoneCase.own = glance.Glance(
        auth='keystone', keystone=people, **cases.HashCase.arguments).start()
    unittest.addModuleCleanup(KeystoneCase.own.stop)


class KeystoneCase(cases.HashCase):
    own: glance.Glance

    def setUp(self):
        self.glance = self.own


class WhoMayTest(KeystoneCase, cases.WhoMay):
    """The table of the functional tests."""


class ScopeTest(KeystoneCase):
    """A token that is of no project."""

    def test_a_system_scoped_token_is_refused_as_glance_refuses_it(self):
        for visibility in ('private', 'shared', 'community'):
            image = self.glance.legacy(
                b'x', user=MEMBER, visibility=visibility)
            for user in (SYSTEM, UNSCOPED):
                with self.subTest(visibility, user=user.name):
                    own = self.expect(404, self.get(
                        f'/v2/images/{image}', user=user))
                    ours = self.post(image, user=user)
                    self.assertEqual((own.status, own.body),
                                     (ours.status, ours.body))

    def test_without_a_project_there_is_no_action_to_see(self):
        action = self.hash(self.glance.legacy(b'x'))
        own = self.get(f'/v2/tasks/{action["id"]}', user=SYSTEM)
        self.expect(own.status, self.get(action['self'], user=SYSTEM))
        self.expect(404, self.get(action['self'], user=UNSCOPED))

    def test_everybody_known_is_told_what_there_is(self):
        for user in (ADMIN, MEMBER, READER, OTHER, SYSTEM, UNSCOPED):
            for route in routes.ROUTES:
                if route.policy is None:
                    with self.subTest(path=route.path, user=user.name):
                        self.expect(200, self.get(route.path, user=user))


class IdentityTest(KeystoneCase):
    def test_401_looks_like_glances_own(self):
        for headers in ({}, {'X-Auth-Token': 'unknown'},
                        {'X-Auth-Token': ''},
                        {'X-Identity-Status': 'Confirmed',
                         'X-Roles': 'admin', 'X-User-Id': 'x',
                         'X-Project-Id': 'x'}):
            with self.subTest(headers=headers):
                own = self.expect(401, self.get(
                    f'/v2/images/{ABSENT}', user=NOBODY, headers=headers))
                for route in routes.ROUTES:
                    path = re.sub('{.*?}', ABSENT, route.path)
                    ours = self.expect(401, self.glance.request(
                        route.method, path, user=NOBODY, headers=headers))
                    self.assertEqual(own.body, ours.body)
                    self.assertEqual(own.headers['WWW-Authenticate'],
                                     ours.headers['WWW-Authenticate'])
                    self.assertTrue(own.headers['WWW-Authenticate'])

    def test_the_owner_of_an_action_is_the_project_of_the_token(self):
        image = self.glance.legacy(b'x', user=MEMBER)
        action = self.hash(image)
        self.assertEqual(
            self.glance.keystone.id(ADMIN.project), action['owner'])
        (task,) = self.glance.tasks(image)
        self.assertEqual(self.glance.keystone.id(ADMIN.name),
                         task['user_id'])
        for user in (MEMBER, READER, OTHER):
            self.expect(404, self.get(action['self'], user=user))
