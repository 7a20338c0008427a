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
"""Our rules in Glance's own policy file."""

import json

from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import until
from tests.harness import glance
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import SYSTEM
from tests.harness.users import User

HASHER = User('hasher', 'project', ('hasher', 'member', 'reader'))
DEFAULTS = {
    'calculate_hash': 'rule:context_is_admin',
    'get_image_action': 'rule:context_is_admin or (role:reader and '
                        'project_id:%(project_id)s)',
    'delete_image': 'rule:context_is_admin or (role:member and '
                    'project_id:%(project_id)s)',
}


class PolicyCase(cases.HashCase):
    """A Glance of its own: what a file once said stays in force there."""

    @classmethod
    def setUpClass(cls):
        cls.own = glance.Glance(**cls.arguments).start()
        cls.addClassCleanup(cls.own.stop)

    def setUp(self):
        self.glance = self.own
        self.addCleanup(self.write, **DEFAULTS)

    def write(self, **rules):
        """Put these rules into force, by the file alone."""
        path = self.glance.directory / 'etc' / 'policy.yaml'
        path.write_text(json.dumps(rules))

    def status(self, image, user):
        """Return what a POST is answered with; a hash is waited for."""
        answer = self.post(image, user=user)
        if answer.status == 202:
            until(lambda: not self.lock(image))
        return answer.status

    def private(self, user=MEMBER):
        return self.glance.legacy(b'x', user=user, visibility='private')


class LiveTest(PolicyCase):
    """The file is read again when it changes, without a restart."""

    def test_a_role_is_given_the_call_and_loses_it_again(self):
        process = self.glance.processes_alive()
        self.assertEqual(403, self.status(self.private(), HASHER))

        self.write(calculate_hash='role:hasher')
        self.assertEqual(202, self.status(self.private(), HASHER))
        self.assertEqual(403, self.status(self.private(), MEMBER))
        self.assertEqual(403, self.status(self.private(), ADMIN))
        # Whoever does not see the image is not told that it is there.
        self.assertEqual(404, self.status(self.private(OTHER), HASHER))

        self.write(calculate_hash='role:admin')
        self.assertEqual(403, self.status(self.private(), HASHER))
        self.assertEqual(202, self.status(self.private(), ADMIN))
        self.assertEqual(process, self.glance.processes_alive())

    def test_the_project_of_an_image_is_given_the_call(self):
        self.write(calculate_hash='project_id:%(project_id)s')
        self.assertEqual(202, self.status(self.private(), MEMBER))
        self.assertEqual(202, self.status(self.private(), READER))
        public = self.glance.legacy(b'x', visibility='public')
        self.assertEqual(403, self.status(public, MEMBER))

    def test_nobody_is_given_the_call(self):
        self.write(calculate_hash='!')
        for user in (ADMIN, HASHER, MEMBER):
            self.assertEqual(403, self.status(self.private(), user))
        self.assertEqual(404, self.status(ABSENT, ADMIN))

    def test_everybody_is_given_the_call(self):
        self.write(calculate_hash='@')
        for user, status in ((MEMBER, 202), (READER, 202), (OTHER, 404)):
            self.assertEqual(status, self.status(self.private(), user))
        # By its scope a token is refused whatever the rule says.
        self.assertEqual(404, self.status(self.private(), SYSTEM))

    def test_glances_own_rules_in_the_same_file_hold_as_well(self):
        self.write(calculate_hash='role:hasher', delete_image='!')
        image = self.private()
        self.assertEqual(202, self.status(image, HASHER))
        self.expect(403, self.glance.request(
            'DELETE', f'/v2/images/{image}', user=MEMBER))
        self.write(**DEFAULTS)
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}', user=MEMBER))

    def test_who_redefines_an_administrator_redefines_ours(self):
        self.write(context_is_admin='role:hasher', **DEFAULTS)
        self.addCleanup(self.write, context_is_admin='role:admin', **DEFAULTS)
        self.assertEqual(202, self.status(self.private(), HASHER))
        self.assertEqual(403, self.status(self.private(), User(
            'former', 'project', ('admin', 'reader'))))


class ActionPolicyTest(PolicyCase):
    def action(self):
        """Return the path of an action of MEMBER's project."""
        self.write(**DEFAULTS | {'calculate_hash': 'role:hasher'})
        image = self.private()
        answer = self.expect(202, self.post(image, user=HASHER))
        until(lambda: not self.lock(image))
        return answer.json['self']

    def test_who_asked_sees_it(self):
        path = self.action()
        self.expect(200, self.get(path, user=HASHER))
        self.expect(200, self.get(path, user=READER))
        self.expect(404, self.get(path, user=OTHER))

    def test_403_where_the_rule_is_narrower_than_the_project(self):
        path = self.action()
        self.write(get_image_action='role:hasher')
        for user, status in ((HASHER, 200), (READER, 403), (MEMBER, 403),
                             (ADMIN, 403), (OTHER, 404)):
            with self.subTest(user.name):
                self.expect(status, self.get(path, user=user))

    def test_a_wider_rule_shows_no_other_projects(self):
        path = self.action()
        self.write(get_image_action='@')
        self.expect(404, self.get(path, user=OTHER))
        self.expect(200, self.get(path, user=READER))
