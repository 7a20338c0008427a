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
"""``openstack`` and ``glance-ext`` as people log in: with a real Keystone."""

import json
import pathlib
import tempfile
import unittest

from tests.harness import glance
from tests.harness import keystone
from tests.harness import programs
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER

DATA = b'what an old cloud holds\n' * 4096
CLOUDS = """
clouds:
  {name}:
    auth:
      auth_url: {OS_AUTH_URL}
      username: {OS_USERNAME}
      password: {OS_PASSWORD}
      project_name: {OS_PROJECT_NAME}
      user_domain_id: default
      project_domain_id: default
    region_name: {OS_REGION_NAME}
"""


def setUpModule():
    """Boot one Keystone, and one Glance that is in its catalog."""
    people = keystone.Keystone().start()
    unittest.addModuleCleanup(people.stop)
    server = glance.Glance(auth='keystone', keystone=people).start()
    unittest.addModuleCleanup(server.stop)
    people.publish(server.url)
    KeystoneCase.people = people
    KeystoneCase.server = server


class KeystoneCase(unittest.TestCase):
    people: keystone.Keystone
    server: glance.Glance
    maxDiff = None

    def run_as(self, user, *line):
        """Run a program that finds out from its environment who it is."""
        return programs.shared().run(line, self.people.environment(user))

    def shown(self, done, status=0):
        self.assertEqual(status, done.returncode, done.stderr)
        return json.loads(done.stdout)


class CloudTest(KeystoneCase):
    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        self.clouds = pathlib.Path(directory, 'clouds.yaml')
        values = self.people.environment(ADMIN)
        self.clouds.write_text(CLOUDS.format(name='theirs', **values))

    def openstack(self, *line):
        env = {'OS_CLIENT_CONFIG_FILE': str(self.clouds)}
        told = ('openstack', '--os-cloud', 'theirs')
        return programs.shared().run([*told, *line], env)

    def test_a_backfill_of_one_project_by_its_name(self):
        mine = self.server.legacy(DATA, user=MEMBER, name='mine')
        self.server.legacy(DATA, user=OTHER)
        line = ('image', 'hash', 'calculate', '--missing', '--wait')
        done = self.openstack(
            *line, '--project', MEMBER.project, '-f', 'json'
        )
        (row,) = self.shown(done)
        self.assertEqual((mine, 'success'), (row['image_id'], row['status']))
        shown = self.openstack(
            'image', 'action', 'show', row['action_id'], '-f', 'json'
        )
        self.assertEqual('hash', self.shown(shown)['action_type'])

    def test_a_copy(self):
        image = self.server.upload(DATA, stores=['fast'])
        done = self.openstack(
            *('image', 'copy', '--store', 'cold', '--wait', image),
            *('-f', 'json'),
        )
        self.assertEqual('success', self.shown(done)[0]['status'])
        self.assertEqual('fast,cold', self.server.image(image)['stores'])


class EnvironmentTest(KeystoneCase):
    def test_both_programs_read_it(self):
        for program, command in (
            ('openstack', ('image', 'hash', 'calculate')),
            ('glance-ext', ('image-hash',)),
        ):
            with self.subTest(program):
                image = self.server.legacy(DATA)
                done = self.run_as(
                    ADMIN, program, *command, '--wait', image, '-f', 'json'
                )
                self.assertEqual('success', self.shown(done)[0]['status'])

    def test_who_may_not_is_told_so(self):
        image = self.server.legacy(DATA, user=MEMBER, name='mine')
        for program, command in (
            ('openstack', ('image', 'hash', 'calculate')),
            ('glance-ext', ('image-hash',)),
        ):
            with self.subTest(program):
                done = self.run_as(MEMBER, program, *command, image)
                self.assertEqual((1, ''), (done.returncode, done.stdout))
                self.assertRegex(done.stderr, '^mine: .*HTTP 403')

    def test_a_password_that_is_wrong(self):
        env = self.people.environment(ADMIN) | {'OS_PASSWORD': 'guessed'}
        for line in (
            ('openstack', 'image', 'action', 'list'),
            ('glance-ext', 'image-action-list'),
        ):
            with self.subTest(line[0]):
                done = programs.shared().run(line, env)
                self.assertEqual((1, ''), (done.returncode, done.stdout))
                self.assertIn('401', done.stderr)

    def test_the_options_of_glanceclient(self):
        values = self.people.environment(ADMIN)
        options = [
            f'--{name.lower().replace("_", "-")}={value}'
            for name, value in values.items()
            if name != 'OS_IDENTITY_API_VERSION'
        ]
        line = ('glance-ext', *options, 'image-action-list', '-f', 'json')
        self.assertIsInstance(self.shown(programs.shared().run(line)), list)
