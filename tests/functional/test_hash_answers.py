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
"""How the answers of the hash call look, beside Glance's own."""

import urllib.parse

from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import url
from tests.harness import glance
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER


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

    def test_a_request_id_that_is_too_long_for_glance(self):
        image = self.glance.legacy(b'data')
        for length, status in ((64, 202), (65, 431)):
            self.expect(status, self.post(image, headers={
                'X-Openstack-Request-Id': 'x' * length}))

    def test_every_error_of_ours_has_a_request_id(self):
        for method, path in (('POST', url(ABSENT)), ('GET', url(ABSENT))):
            answer = self.glance.request(method, path)
            self.assertRegex(answer.headers['X-Openstack-Request-Id'], '^req-')


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
