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
"""``GET /v2/image-actions/{action_id}``: who sees what, and what never."""

import json

from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import until
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import SYSTEM
from tests.harness.users import UNSCOPED
from tests.harness.users import User

#: An administrator whose actions belong to MEMBER's project.
PROJECT_ADMIN = User('project-admin', 'project', ('admin', 'reader'))
#: In MEMBER's project, without the role to see anything there.
STRANGER = User('stranger', 'project', ('nothing',))
TIME = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$'


class ShapeTest(cases.HashCase):
    """``check_action`` compares each answer with the schema."""

    def show(self, action):
        found = self.glance.action(action)
        self.check_action(found)
        return found

    def test_it_reads(self):
        image = self.glance.legacy(bytes(4 << 20))
        self.glance.fault('stall', image=image, at=3 << 20)
        accepted = self.accept(image)
        self.assertEqual(('queued', 'pending'),
                         (accepted['phase'], accepted['status']))
        # Progress is written by the clock, not by the byte.
        found = until(lambda: self.under_way(accepted['id']))
        self.assertEqual(('processing', 'reading'),
                         (found['status'], found['phase']))
        progress = found['progress']
        self.assertLessEqual(progress['bytes_done'], 3 << 20)
        self.assertEqual(4 << 20, progress['bytes_total'])
        self.assertEqual(progress['bytes_done'] * 100 // (4 << 20),
                         progress['percent'])
        self.assertIsNone(found['expires_at'])
        self.assertIsNone(found['error'])
        self.assertEqual({}, found['result'])
        self.glance.clear_faults()
        self.succeeded(self.ended(accepted['id']))

    def under_way(self, action):
        found = self.show(action)
        return found if found['progress']['bytes_done'] else None

    def test_it_has_ended_well(self):
        action = self.hash(self.glance.legacy(b'data'))
        for name in ('created_at', 'updated_at', 'expires_at'):
            self.assertRegex(action[name], TIME)
        self.assertLess(action['updated_at'], action['expires_at'])
        self.assertLessEqual(action['created_at'], action['updated_at'])
        self.assertEqual({'image_id', 'size', 'checksum', 'os_hash_algo',
                          'os_hash_value'}, set(action['result']))

    def test_it_has_failed(self):
        image = self.glance.legacy(b'data')
        self.glance.fault('raise', image=image)
        action = self.hash(image)
        self.failed('store_unavailable', action)
        self.assertRegex(action['expires_at'], TIME)
        self.assertEqual(action['message'], action['error']['message'])

    def test_it_is_looked_at_with_any_query(self):
        action = self.hash(self.glance.legacy(b'data'))
        self.assertEqual(
            action, self.get(action['self'] + '?marker=x&limit=-1').json)


class WhoSeesTest(cases.HashCase):
    def action_on(self, image, user=PROJECT_ADMIN):
        """Return the path of an action of that user's project."""
        answer = self.expect(202, self.post(image, user=user))
        return self.ended(answer.json['id'])['self']

    def check(self, path, **expected):
        people = {'admin': ADMIN, 'member': MEMBER, 'reader': READER,
                  'stranger': STRANGER, 'other': OTHER, 'system': SYSTEM,
                  'unscoped': UNSCOPED, 'nobody': NOBODY}
        always = {'admin': 200, 'stranger': 404, 'other': 404,
                  'unscoped': 404, 'nobody': 401}
        self.assertEqual(always | expected, {
            name: self.get(path, user=user).status
            for name, user in people.items()})

    def test_the_project_that_asked_and_that_sees_the_image(self):
        for visibility in ('private', 'shared', 'community'):
            with self.subTest(visibility):
                image = self.glance.legacy(
                    b'data', user=MEMBER, visibility=visibility)
                self.check(self.action_on(image),
                           member=200, reader=200, system=403)

    def test_another_project_not_even_of_a_public_image(self):
        image = self.glance.legacy(b'data', visibility='public')
        path = self.action_on(image)
        self.check(path, member=200, reader=200, system=403)

    def test_not_the_owner_of_the_image_where_an_admin_asked(self):
        image = self.glance.legacy(b'data', user=MEMBER)
        self.check(self.action_on(image, ADMIN),
                   member=404, reader=404, system=403)

    def test_only_admins_where_the_image_is_hidden_from_the_project(self):
        image = self.glance.legacy(
            b'data', user=OTHER, visibility='private')
        self.check(self.action_on(image),
                   member=404, reader=404, system=403)

    def test_only_admins_where_the_image_is_deleted(self):
        image = self.glance.legacy(b'data', user=MEMBER)
        path = self.action_on(image)
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}', user=MEMBER))
        self.check(path, member=404, reader=404, system=403)

    def test_the_project_as_long_as_an_image_is_shared_with_it(self):
        image = self.glance.legacy(b'data', user=OTHER, visibility='shared')
        members = f'/v2/images/{image}/members'
        self.expect(200, self.glance.request(
            'POST', members, {'member': 'project'}, user=OTHER))
        path = self.action_on(image)
        self.check(path, member=200, reader=200, system=403)
        self.expect(204, self.glance.request(
            'DELETE', f'{members}/project', user=OTHER))
        self.check(path, member=404, reader=404, system=403)


class UnknownTest(cases.HashCase):
    def test_404_for_what_is_no_id(self):
        for name in (
            'x', '-', '.', '..', '*', 'null', '1', "'", "' or 1=1 --", '{}',
            ABSENT[:-1], ABSENT + '0', 'x' * 36, 'x' * 5000,
            ABSENT.replace('-', ''), f'urn:uuid:{ABSENT}', f'{{{ABSENT}}}',
            '%00', f'{ABSENT}%00', '%0A', f'{ABSENT}%0D%0A', '%7F', '%25',
            '%25%32', '%C3%A9', '%E2%80%A8', '%F0%9F%98%80',
            '%F0%9F%98%80' * 9, '%EF%BF%BF', 'a.b', 'a;b', 'a,b', 'a%23b',
            'a%3Fb', 'a+b', '%7Bid%7D', '%24%7Bid%7D',
        ):
            for user in (ADMIN, MEMBER):
                with self.subTest(name=name, user=user.name):
                    path = '/v2/image-actions/' + name.replace(' ', '%20')
                    answer = self.expect(404, self.get(path, user=user))
                    self.assertIn('No image action found', answer.text)

    def test_404_for_an_id_that_nothing_has(self):
        self.expect(404, self.get(f'/v2/image-actions/{ABSENT}'))

    def test_404_for_a_task_of_glances_own(self):
        image = self.glance.create()['id']
        self.expect(204, self.glance.request(
            'PUT', f'/v2/images/{image}/stage', body=b'data',
            headers={'Content-Type': 'application/octet-stream'}))
        self.expect(202, self.glance.request(
            'POST', f'/v2/images/{image}/import',
            {'method': {'name': 'glance-direct'}}))
        cases.until(lambda: self.glance.image(image)['status'] == 'active')
        (task,) = self.glance.tasks(image)
        self.expect(404, self.get(f'/v2/image-actions/{task["id"]}'))

    def test_404_for_an_action_that_has_been_purged(self):
        path = self.hash(self.glance.legacy(b'data'))['self']
        self.glance.sql('update tasks set deleted = 1 where id = ?',
                        (path.rpartition('/')[2],))
        self.expect(404, self.get(path))


class SecretTest(cases.HashCase):
    """No URL, no path, no credential: in no answer, task or line of log."""

    secret = 'geheim'
    urls = (
        'swift+https://someone:geheim@swift.example/box/geheim',
        'http://someone:geheim@127.0.0.1:9/geheim?sig=geheim',
        'file:///geheim/geheim',
        'file://geheim',
        'geheim',
        'geheim://geheim',
        'cinder://geheim/geheim',
        's3+https://AKIA:geheim@s3.example/box/geheim',
        'rbd://geheim',
        'file://[geheim/',
    )

    def setUp(self):
        super().setUp()
        self.directory = str(self.glance.directory)
        self.before = len(self.glance.log())

    def check_silent(self, image, action):
        """See that nothing that was said about it tells a secret."""
        said = {
            'action': action,
            'tasks': self.glance.tasks(image),
            'row': self.glance.sql(
                'select * from tasks join task_info on task_id = id '
                'where id = ?', (action['id'],)),
        }
        for name, value in said.items():
            text = json.dumps(value)
            for word in (self.secret, self.directory, 'file:/', '://'):
                self.assertNotIn(word, text, name)
        log = self.glance.log()[self.before:]
        self.assertIn(action['id'], log)
        self.assertNotIn(self.secret, log)
        self.assertNotIn(self.directory, log)

    def test_when_all_is_well(self):
        image = self.glance.legacy(b'data', stores=('fast', 'slow'))
        self.before = len(self.glance.log())
        with self.reading(image) as action:
            self.check_silent(image, action)
        self.check_silent(image, self.ended(action['id']))

    def test_when_the_data_is_missing(self):
        image = self.glance.legacy(b'data')
        self.glance.store_file('fast', image).unlink()
        action = self.hash(image)
        self.failed('data_missing', action)
        self.check_silent(image, action)

    def test_when_a_store_may_not_read(self):
        image = self.glance.legacy(b'data')
        path = self.glance.store_file('fast', image)
        path.unlink()
        path.mkdir()
        action = self.hash(image)
        self.failed('store_error', action)
        self.check_silent(image, action)

    def test_when_the_data_is_damaged(self):
        image = self.glance.legacy(b'data', 'checksum')
        self.glance.store_file('fast', image).write_bytes(b'atad')
        action = self.hash(image)
        self.failed('hash_mismatch', action)
        self.check_silent(image, action)

    def test_when_the_data_is_short(self):
        image = self.glance.legacy(b'data')
        self.glance.store_file('fast', image).write_bytes(b'dat')
        action = self.hash(image)
        self.failed('short_read', action)
        self.check_silent(image, action)

    def test_when_the_url_is_of_no_use(self):
        for url in self.urls:
            with self.subTest(url):
                image = self.glance.legacy(b'data')
                self.glance.sql(
                    'update image_locations set value = ?, meta_data = ? '
                    'where image_id = ?',
                    (url, json.dumps({'store': 'fast', 'x': self.secret}),
                     image))
                action = self.hash(image)
                self.assertEqual('failure', action['status'])
                self.assertIn(action['error']['code'], (
                    'store_misconfigured', 'store_error', 'data_missing'))
                self.check_silent(image, action)
