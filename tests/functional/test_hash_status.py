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
"""Which status the hash call answers with, and how the answer looks."""

from glance_ext.api import routes
from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import until
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import User

METHODS = {'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'FOO'}
#: In the project, and without any right there.
STRANGER = User('stranger', 'project', ('nothing',))
#: Whose actions belong to that project.
OWNER = User('owner', 'project', ('admin', 'reader'))
#: No right of any kind, but the one to see public and community images.
GUEST = User('guest', 'guests', ('reader',))


class WhoMayTest(cases.WhoMay):
    """With the identity that the headers tell."""


class OrderTest(cases.HashCase):
    """What is looked at first: who asks, what they see, what they may do."""

    nonsense = b'\0 this is no JSON'

    def paths(self):
        """Return ``{template: path}`` of all routes, with things in them.

        The image is a public one and the action is one on that image, of
        the project that STRANGER is in.
        """
        image = self.glance.upload(b'data', visibility='public')
        action = self.ended(self.expect(202, self.post(
            image, {'rehash': True}, user=OWNER)).json['id'])['id']
        names = {'image_id': image, 'action_id': action}
        for kind, path, body in (
            ('import_id', '/v2/image-imports', {}),
            ('export_id', f'/v2/images/{image}/export',
             {'location': 'http://127.0.0.1:9/x'}),
        ):
            answer = self.expect(201, self.glance.request(
                'POST', path, body, user=OWNER))
            names[kind] = answer.headers['Location'].rpartition('/')[2]
        return {route.path: route.path.format(**names)
                for route in routes.ROUTES}

    def test_401_for_nobody_whatever_is_asked(self):
        for path in self.paths().values():
            own = self.get('/v2/images', user=NOBODY)
            for method in METHODS - {'HEAD'}:
                with self.subTest(method=method, path=path):
                    answer = self.glance.request(
                        method, path, body=self.nonsense, user=NOBODY)
                    self.expect(401, answer)
                    self.assertEqual(own.body, answer.body)

    def test_401_for_an_unknown_token(self):
        self.expect(401, self.get('/v2/info/glance-ext', user=NOBODY, headers={
            'X-Auth-Token': 'unknown'}))

    def test_403_before_the_body_is_looked_at(self):
        paths = self.paths()
        refused = {'calculate_hash': (GUEST, 403),
                   'verify_image': (GUEST, 403),
                   'get_metrics': (GUEST, 403),
                   'get_image_actions': (STRANGER, 403),
                   # Who does not see the image sees none of its actions.
                   'get_image_action': (STRANGER, 404),
                   'cancel_image_action': (STRANGER, 404),
                   'export_image': (GUEST, 403)}
        refused |= {name: (STRANGER, 403) for name in (
            'add_image_import', 'upload_image_import', 'get_image_import',
            'get_image_imports', 'delete_image_import', 'get_image_export',
            'get_image_exports', 'delete_image_export')}
        guarded = [route for route in routes.ROUTES if route.policy]
        self.assertEqual(set(refused), {each.policy for each in guarded})
        for route in guarded:
            user, status = refused[route.policy]
            for body in (self.nonsense, b'[' * 70000):
                with self.subTest(policy=route.policy, body=body[:1]):
                    self.expect(status, self.glance.request(
                        route.method, paths[route.path], body=body,
                        user=user))

    def test_404_before_the_body_is_looked_at(self):
        private = self.glance.legacy(b'x', user=MEMBER, visibility='private')
        for image, user in (
            (ABSENT, ADMIN), ('no-id', ADMIN), (private, OTHER),
        ):
            with self.subTest(image=image):
                self.expect(404, self.post(
                    image, body=self.nonsense, user=user))

    def test_400_before_the_state_of_the_image(self):
        image = self.glance.create()['id']
        self.expect(400, self.post(image, body=self.nonsense))
        self.expect(409, self.post(image))

    def test_routes_without_a_policy_are_for_everybody_known(self):
        paths = self.paths()
        for route in routes.ROUTES:
            if route.policy is None:
                for user in (READER, STRANGER, cases.UNSCOPED, cases.SYSTEM):
                    with self.subTest(path=route.path, user=user):
                        self.expect(200, self.glance.request(
                            route.method, paths[route.path], user=user))


class MethodTest(cases.HashCase):
    def test_405_with_allow_for_every_other_method(self):
        for path, handlers in routes.methods().items():
            path = path.replace('{', '').replace('}', '')
            for method in METHODS - set(handlers):
                for user in (ADMIN, OTHER):
                    with self.subTest(method=method, path=path, user=user):
                        answer = self.glance.request(
                            method, path, user=user)
                        self.assertEqual(405, answer.status)
                        self.assertEqual(', '.join(sorted(handlers)),
                                         answer.headers['Allow'])

    def test_405_looks_like_glances_own(self):
        for accept in ('*/*', 'text/plain', 'application/json'):
            ours, own = (
                self.glance.request('DELETE', f'/v2/schemas/{name}',
                                    headers={'Accept': accept})
                for name in ('image-hash', 'image'))
            self.assertEqual((own.status, own.headers['Allow'], own.body),
                             (ours.status, ours.headers['Allow'], ours.body))

    def test_options_is_answered_by_the_pipeline_before_us(self):
        ours, own = (self.glance.request('OPTIONS', f'/v2/schemas/{name}')
                     for name in ('image-hash', 'image'))
        self.assertEqual((own.status, own.body), (ours.status, ours.body))

    def test_paths_beside_ours_are_glances(self):
        for path in (f'/v2/images/{ABSENT}/hash/',
                     f'/v2/images/{ABSENT}/hash/x', '/v2/image-actions/',
                     f'/v2/image-actions/{ABSENT}/x',
                     '/v2/info/glance-ext/',
                     '/v2/schemas/image-hashes', '/v2/Info/glance-ext'):
            with self.subTest(path):
                answer = self.expect(404, self.get(path))
                self.assertIn('The resource could not be found', answer.text)

    def test_every_version_that_glance_serves_has_our_routes(self):
        for version in ('v2', 'v2.0', 'v2.9', 'v2.15'):
            with self.subTest(version):
                self.expect(200, self.get(f'/{version}/info/glance-ext'))
        self.expect(300, self.get('/v1/info/glance-ext'))


class ConflictTest(cases.HashCase):
    """409, with the reason in words."""

    def check_409(self, image, *says, **asked):
        before = self.everything(image)
        answer = self.expect(409, self.post(image, asked))
        for each in (image, *says):
            self.assertIn(each, answer.text)
        self.assertEqual(before, self.everything(image))

    def test_an_image_that_is_not_active(self):
        for state, make in (
            ('queued', lambda: self.glance.create()['id']),
            ('deactivated', self.deactivated),
        ):
            for asked in ({}, {'rehash': True}):
                with self.subTest(state, asked=asked):
                    self.check_409(make(), state, **asked)

    def deactivated(self):
        image = self.glance.legacy(b'data')
        self.expect(204, self.glance.request(
            'POST', f'/v2/images/{image}/actions/deactivate'))
        return image

    def test_an_image_that_has_a_hash(self):
        image = self.glance.upload(b'data')
        self.check_409(image, 'has a hash already', 'sha512')
        self.check_409(image, 'has a hash already', os_hash_algo='sha256')
        self.check_409(image, 'has a hash already', rehash=False)

    def test_an_image_that_an_action_holds(self):
        image = self.glance.legacy(b'data')
        with self.reading(image) as action:
            self.check_409(image, 'Another operation is in progress')
            self.check_409(image, 'Another operation is in progress',
                           rehash=True)
        self.succeeded(self.ended(action['id']))

    def test_an_image_that_glance_copies(self):
        image = self.glance.legacy(b'data')
        fault = self.glance.fault('stall', image=image)
        self.expect(202, self.glance.request(
            'POST', f'/v2/images/{image}/import',
            {'method': {'name': 'copy-image'}, 'stores': ['slow']}))
        until(lambda: self.glance.fired(fault))
        self.check_409(image, 'Another operation is in progress')
        self.glance.clear_faults()
        until(lambda: not self.lock(image))

    def test_glance_refuses_a_copy_of_an_image_that_an_action_holds(self):
        image = self.glance.legacy(b'data')
        with self.reading(image) as action:
            self.expect(409, self.glance.request(
                'POST', f'/v2/images/{image}/import',
                {'method': {'name': 'copy-image'}, 'stores': ['slow']}))
        self.succeeded(self.ended(action['id']))


class ImageTasksTest(cases.HashCase):
    """``GET /v2/images/{image_id}/tasks`` while the action runs."""

    def test_it_shows_a_readable_message(self):
        image = self.glance.legacy(b'data')
        with self.reading(image) as action:
            until(lambda: 'MiB' in self.task(image)['message'])
            task = self.task(image)
        self.assertEqual(
            (action['id'], 'processing', 'api_image_import'),
            (task['id'], task['status'], task['type']))
        self.assertRegex(task['message'], r'^Reading: .* attempt 1 of 1$')
        self.ended(action['id'])
        self.assertRegex(self.task(image)['message'], '^Calculated the')

    def task(self, image):
        (found,) = self.glance.tasks(image)
        return found
