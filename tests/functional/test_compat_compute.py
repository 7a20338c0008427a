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

"""Nova's Images API on both image services."""

import unittest

from tests.harness import compat
from tests.harness import compute_steps
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY

MOUNTED = '/compute/v2.1'


class SameTest(unittest.TestCase):
    maxDiff = None

    def test_both_versions_of_the_image_api_look_alike(self):
        glance = compat.shared()
        answers = [
            compute_steps.steps(
                compute_steps.Run(
                    str(v1),
                    compute_steps.in_process(compat.service(glance.url, v1)),
                    glance,
                )
            )
            for v1 in (False, True)
        ]
        for step, answer in answers[0].items():
            with self.subTest(step):
                self.assertEqual(answer, answers[1][step])


class MountedTest(unittest.TestCase):
    """As paste loads it from the example in etc/paste.d."""

    def setUp(self):
        self.glance = compat.shared()

    def get(self, path, user=MEMBER, **headers):
        return self.glance.request(
            'GET', MOUNTED + path, user=user, headers=headers
        )

    def test_an_image(self):
        image = self.glance.upload(b'data', MEMBER, name='x', os_type='linux')
        shown = self.get(f'/images/{image}').json['image']
        self.assertEqual(
            ('x', 'ACTIVE', 100, 4, {'os_type': 'linux'}),
            (
                shown['name'],
                shown['status'],
                shown['progress'],
                shown['OS-EXT-IMG-SIZE:size'],
                shown['metadata'],
            ),
        )
        self.assertEqual(
            {
                'self': f'{self.glance.url}{MOUNTED}/images/{image}',
                'bookmark': f'{self.glance.url}/compute/images/{image}',
                'alternate': f'{self.glance.url}/images/{image}',
            },
            {link['rel']: link['href'] for link in shown['links']},
        )

    def test_a_filter_by_a_property(self):
        image = self.glance.upload(b'data', MEMBER, os_type='seldom')
        found = self.get('/images?property-os_type=seldom').json['images']
        self.assertEqual([image], [each['id'] for each in found])

    def test_saving_is_whatever_is_not_there_yet(self):
        image = self.glance.create(MEMBER, name='not there yet')['id']
        for state in ('queued', 'saving', 'uploading', 'importing'):
            self.glance.sql('update images set status = ? where id = ?',
                            (state, image))
            found = self.get('/images/detail?status=SAVING&name=not+there+yet')
            (shown,) = found.json['images']
            self.assertEqual('SAVING', shown['status'], state)

    def test_metadata_unshare_nothing(self):
        image = self.glance.upload(b'x', MEMBER, visibility='shared')
        answer = self.glance.request(
            'POST', f'{MOUNTED}/images/{image}/metadata',
            {'metadata': {'a': 'b'}}, user=MEMBER)
        self.assertEqual({'metadata': {'a': 'b'}}, answer.json)
        self.assertEqual('shared', self.glance.image(image)['visibility'])

    def test_nothing_that_a_client_can_send_is_an_error_of_the_server(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        for path in (
            '/images?name=%ff', '/images?name=%00', '/images/%ff',
            '/images?marker=%00', '/images?minRam=' + '9' * 30,
            '/images?limit=' + '9' * 30, '/images?changes-since=x',
            f'/images/{image}/metadata/%ff', '/images?property-=x',
        ):  # fmt: skip
            with self.subTest(path):
                self.assertLess(self.get(path).status, 500)
        for value in ('\ud800', '\0'):
            answer = self.glance.request(
                'PUT', f'{MOUNTED}/images/{image}/metadata',
                {'metadata': {'a': value}}, user=MEMBER)
            self.assertLess(answer.status, 500)
        answer = self.get('/images', **{'X-Service-Catalog': 'x'})
        self.assertEqual(200, answer.status)

    def test_nobody_is_let_in(self):
        for headers in ({}, {'X-Auth-Token': 'x'},
                        {'X-Identity-Status': 'Confirmed',
                         'X-Roles': 'admin', 'X-Project-Id': 'x'}):
            answer = self.get('/images', NOBODY, **headers)
            self.assertEqual(401, answer.status)
            self.assertEqual(['unauthorized'], list(answer.json))
