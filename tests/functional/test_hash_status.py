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

import json
import urllib.parse

from glance_ext.api import routes
from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import until
from tests.functional.cases import url
from tests.harness import glance
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import User

METHODS = {'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'FOO'}
#: In the project, and without any right there.
STRANGER = User('stranger', 'project', ('nothing',))
#: No right of any kind, but the one to see public and community images.
GUEST = User('guest', 'guests', ('reader',))

NOT_JSON = {
    'nothing but a brace': b'{',
    'a form': b'os_hash_algo=sha512',
    'two values': b'{} {}',
    'single quotes': b"{'os_hash_algo': 'sha512'}",
    'a name without quotes': b'{rehash: true}',
    'a comma too many': b'{"rehash": true,}',
    'a raw NUL': b'\0',
    'a raw NUL in a string': b'{"os_hash_algo": "sha512\0"}',
    'a name twice': b'{"os_hash_algo": "md5", "os_hash_algo": "sha512"}',
    'a byte order mark': b'\xef\xbb\xbf{}',
    'UTF-16': '{}'.encode('utf-16'),
    'UTF-32': '{}'.encode('utf-32'),
    'no UTF-8': b'\xff\xfe\xfd',
    'no UTF-8 in a string': b'{"os_hash_algo": "sha\xff512"}',
    'a surrogate in UTF-8': b'{"os_hash_algo": "\xed\xa0\x80"}',
    '64 KiB of brackets': b'[' * 65536,
    'brackets of both kinds': b'{"a":[' * 9000,
    'a number of 5000 digits': b'{"rehash": ' + b'1' * 5000 + b'}',
}
NOT_OF_THE_SCHEMA = {
    'a list': b'[]',
    'a string': b'"sha512"',
    'null': b'null',
    'a number': b'1',
    'not a number': b'NaN',
    'true': b'true',
    'a list of an object': b'[{}]',
    'an unknown property': b'{"algorithm": "sha512"}',
    'an unknown property beside a known one':
        b'{"os_hash_algo": "sha512", "x": 1}',
    'an empty name': b'{"": 1}',
    'a number as algorithm': b'{"os_hash_algo": 512}',
    'null as algorithm': b'{"os_hash_algo": null}',
    'a list as algorithm': b'{"os_hash_algo": ["sha512"]}',
    'an object as algorithm': b'{"os_hash_algo": {}}',
    'an empty algorithm': b'{"os_hash_algo": ""}',
    'an unknown algorithm': b'{"os_hash_algo": "sha9"}',
    'upper case': b'{"os_hash_algo": "SHA512"}',
    'an alias': b'{"os_hash_algo": "sha3-512"}',
    'a blank behind it': b'{"os_hash_algo": "sha512 "}',
    'a line end behind it': b'{"os_hash_algo": "sha512\\n"}',
    'a NUL behind it': b'{"os_hash_algo": "sha512\\u0000"}',
    'shake_128': b'{"os_hash_algo": "shake_128"}',
    'shake_256': b'{"os_hash_algo": "shake_256"}',
    'a lone surrogate': b'{"os_hash_algo": "\\ud800"}',
    'a lone surrogate as a name': b'{"\\udfff": 1}',
    'a name of 4 bytes': '{"\U0001f600": 1}'.encode(),
    'a long algorithm': b'{"os_hash_algo": "' + b'a' * 60000 + b'"}',
    'one as rehash': b'{"rehash": 1}',
    'a word as rehash': b'{"rehash": "true"}',
    'null as rehash': b'{"rehash": null}',
    'infinity as rehash': b'{"rehash": 1e999}',
    'deep as rehash': b'{"rehash": ' + b'[' * 400 + b']' * 400 + b'}',
}


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
        action = self.hash(image, rehash=True)['id']
        self.glance.sql("update tasks set owner = 'project' where id = ?",
                        (action,))
        names = {'image_id': image, 'action_id': action}
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
        guarded = [route for route in routes.ROUTES if route.policy]
        self.assertIn('calculate_hash', [each.policy for each in guarded])
        for route in guarded:
            for body in (self.nonsense, b'[' * 70000):
                with self.subTest(policy=route.policy, body=body[:1]):
                    answer = self.glance.request(
                        route.method, paths[route.path], body=body,
                        user=GUEST if 'image_id' in route.path else STRANGER)
                    # An action says nothing to those who see no image.
                    hidden = 'action_id' in route.path
                    self.expect(404 if hidden else 403, answer)

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
        for path in ('/v2/images//hash', f'/v2/images/{ABSENT}/hash/',
                     f'/v2/images/{ABSENT}/hash/x', '/v2/image-actions/',
                     '/v2/image-actions', f'/v2/image-actions/{ABSENT}/x',
                     '/v2/info/glance-ext/', '/v2/info/glance-ext%0A',
                     '/v2/schemas/image-hashes', '/v2/Info/glance-ext'):
            with self.subTest(path):
                answer = self.expect(404, self.get(path))
                self.assertIn('The resource could not be found', answer.text)

    def test_every_version_that_glance_serves_has_our_routes(self):
        for version in ('v2', 'v2.0', 'v2.9', 'v2.15'):
            with self.subTest(version):
                self.expect(200, self.get(f'/{version}/info/glance-ext'))
        self.expect(300, self.get('/v1/info/glance-ext'))


class BodyTest(cases.HashCase):
    def setUp(self):
        super().setUp()
        self.image = self.glance.legacy(b'data')

    def check_refused(self, bodies, says):
        before = self.everything(self.image)
        for name, body in bodies.items():
            with self.subTest(name):
                answer = self.expect(400, self.post(self.image, body=body))
                self.assertIn(says, answer.text)
                self.assertLess(len(answer.body), 1000)
        self.assertEqual(before, self.everything(self.image))
        self.assertEqual([], self.glance.tasks(self.image))

    def test_400_for_what_is_not_json(self):
        self.check_refused(NOT_JSON, 'Malformed JSON in request body.')

    def test_400_for_what_is_not_of_the_schema(self):
        self.check_refused(NOT_OF_THE_SCHEMA, "'image-hash'")

    def test_400_at_any_depth(self):
        for depth in range(100, 1500, 7):
            for body in (b'[' * depth + b']' * depth,
                         b'{"rehash":' * depth + b'1' + b'}' * depth):
                self.assertEqual(
                    400, self.post(self.image, body=body).status, depth)

    def test_400_tells_which_algorithms_there_are(self):
        answer = self.post(self.image, {'os_hash_algo': 'crc32'})
        self.assertIn("'crc32'", answer.text)
        self.assertIn("'sha512'", answer.text)

    def test_an_empty_body_asks_for_the_default(self):
        for body, headers in (
            (None, {}),
            (b'', {'Content-Type': 'application/json'}),
            (b'{}', {}),
            (b' {\n} ', {'Content-Type': 'text/plain'}),
            ((b'', b'{', b'}'), {}),
            ((), {}),
        ):
            with self.subTest(body=body):
                image = self.glance.legacy(b'data')
                answer = self.post(image, body=body, headers=headers)
                action = self.ended(self.expect(202, answer).json['id'])
                self.assertEqual(
                    'sha512', self.succeeded(action)['os_hash_algo'])

    def test_413_begins_behind_64_kib(self):
        for size, status in ((65536, 202), (65537, 413), (5_000_000, 413)):
            body = b'{}'.ljust(size)
            for sent in (body, [body[:40000], body[40000:]]):
                with self.subTest(size=size, chunked=sent is not body):
                    image = self.glance.legacy(b'data')
                    answer = self.post(image, body=sent)
                    self.expect(status, answer)
                    if status == 202:
                        self.ended(answer.json['id'])
                    else:
                        self.assertEqual([], self.glance.tasks(image))


class FaultTest(cases.HashCase):
    """Errors are Glance's own, to the last byte."""

    accepts = (None, '', '*/*', 'text/html', 'text/plain', 'application/json',
               'application/xml', 'application/json;q=0.1, text/html',
               'nonsense')

    def check_same(self, status, own, ours):
        """Compare two requests, as arguments of ``glance.request``."""
        for accept in self.accepts:
            headers = {} if accept is None else {'Accept': accept}
            first, second = (
                self.expect(status, self.glance.request(
                    *arguments, headers=headers, **how))
                for *arguments, how in (own, ours))
            with self.subTest(accept=accept):
                self.assertEqual(first.body, second.body)
                self.assertEqual(self.headers(first), self.headers(second))

    @staticmethod
    def headers(answer):
        """Return the headers but those that differ between any two."""
        return sorted((name, value) for name, value in answer.headers.items()
                      if name not in ('Date', 'X-Openstack-Request-Id'))

    def test_400_malformed(self):
        image = self.glance.create()['id']
        body = {'body': b'{'}
        self.check_same(
            400, ('POST', f'/v2/images/{image}/members', body),
            ('POST', url(image), body))

    def test_401(self):
        nobody = {'user': NOBODY}
        self.check_same(401, ('GET', f'/v2/images/{ABSENT}', nobody),
                        ('POST', url(ABSENT), nobody))

    def test_403(self):
        image = self.glance.upload(b'data', user=MEMBER)
        guest = {'user': READER}
        for accept in self.accepts:
            headers = {} if accept is None else {'Accept': accept}
            first = self.expect(403, self.glance.request(
                'DELETE', f'/v2/images/{image}', headers=headers, **guest))
            second = self.expect(403, self.post(
                image, headers=headers, **guest))
            with self.subTest(accept=accept):
                self.assertEqual(
                    first.text.replace('delete_image', 'calculate_hash'),
                    second.text)

    def test_404(self):
        self.check_same(404, ('GET', f'/v2/images/{ABSENT}', {}),
                        ('POST', url(ABSENT), {}))

    def test_404_for_what_is_no_id(self):
        for image in ('x', 'a.b', 'a+b', '%25', '%25ff', 'x' * 300):
            with self.subTest(image):
                self.check_same(404, ('GET', f'/v2/images/{image}', {}),
                                ('POST', url(image), {}))

    def test_404_of_what_another_project_has(self):
        image = self.glance.legacy(b'x', user=MEMBER, visibility='private')
        other = {'user': OTHER}
        self.check_same(404, ('GET', f'/v2/images/{image}', other),
                        ('POST', url(image), other))

    def test_every_error_has_a_request_id(self):
        for user, image in ((NOBODY, ABSENT), (ADMIN, ABSENT)):
            answer = self.post(image, user=user)
            self.assertTrue(
                answer.headers['X-Openstack-Request-Id'].startswith('req-'))


class AnswerTest(cases.HashCase):
    """The 202."""

    def test_its_body_is_the_action_that_location_names(self):
        image = self.glance.legacy(b'data')
        answer = self.expect(202, self.post(image))
        self.assertEqual('application/json', answer.headers['Content-Type'])
        action = answer.json
        self.check_action(action)
        self.assertEqual(self.glance.url + action['self'],
                         answer.headers['Location'])
        self.assertEqual(('hash', image, 'admin-project', 1, 1),
                         tuple(map(action.get, (
                             'action_type', 'image_id', 'owner', 'attempt',
                             'max_attempts'))))
        self.assertIn(action['status'], ('pending', 'processing'))
        path = urllib.parse.urlsplit(answer.headers['Location']).path
        ended = self.ended(action['id'])
        self.assertEqual(ended, self.get(path).json)

    def test_location_has_the_public_endpoint(self):
        with glance.Glance(config={'DEFAULT': {
                'public_endpoint': 'https://images.example/glance/'}}) as on:
            image = on.legacy(b'data')
            answer = on.request('POST', url(image))
            self.assertEqual(
                'https://images.example/glance' + answer.json['self'],
                answer.headers['Location'])
            on.wait_action(answer.json['id'])

            on.restart({'DEFAULT': {'public_endpoint': None}})
            image = on.legacy(b'data')
            answer = on.request('POST', url(image), headers={
                'Host': 'images.example:9292'})
            self.assertEqual(
                'http://images.example:9292' + answer.json['self'],
                answer.headers['Location'])
            on.wait_action(answer.json['id'])


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
        json.dumps(found)
        return found
