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
"""What passes neither the filter nor a limit through the old faces."""

from tests.functional import test_compat_v1
from tests.harness import compat
from tests.harness import v1_script
from tests.harness import v1_steps
from tests.harness.users import MEMBER

COMPUTE = '/compute/v2.1'


class GuardedTest(test_compat_v1.V1Case):
    """The filter stands between /v1 and /v2."""

    def tasks(self):
        return self.glance.sql('select id from tasks')

    def test_no_copy_from_where_none_is_allowed(self):
        before = self.tasks()
        image = v1_steps.ident('no copy')
        answer = self.glance.request('POST', '/v1/images', headers={
            'x-image-meta-id': image, 'x-image-meta-disk_format': 'raw',
            'x-image-meta-container_format': 'bare',
            'x-glance-api-copy-from': 'http://a:b@127.0.0.1:1/x'},
            user=MEMBER)
        self.assertEqual(400, answer.status, answer.text)
        self.assertEqual(before, self.tasks())
        self.assertEqual(404, self.glance.request(
            'GET', f'/v2/images/{image}').status)

    def test_what_is_copied_is_an_action(self):
        with compat.FarAway() as web:
            answer = self.glance.request('POST', '/v1/images', headers={
                **{f'x-image-meta-{name}': value
                   for name, value in v1_script.RAW.items()},
                'x-glance-api-copy-from': web.url}, user=MEMBER)
            self.assertEqual(201, answer.status, answer.text)
            image = answer.json['image']['id']
            (task,) = self.glance.tasks(image)
            action = self.glance.wait_action(task['id'])
        self.assertEqual(('web-download', 'success'),
                         (action['action_type'], action['status']))

    def test_no_id_that_was_used(self):
        image = v1_steps.ident('used before')
        file = self.glance.store_file('slow', image)
        file.write_bytes(b'data')
        self.addCleanup(file.unlink)
        answer = self.post(**v1_script.RAW, id=image)
        self.assertEqual(409, answer.status, answer.text)
        self.assertEqual(404, self.glance.request(
            'GET', f'/v2/images/{image}').status)

    def test_no_filter_is_another_method(self):
        before = self.glance.sql('select count(*) from images')[0][0]
        for path in ('/v1/images', '/compute/v2.1/images'):
            answer = self.glance.request(
                'GET', f'{path}?property-_method=POST', user=MEMBER)
            self.assertEqual(([], 200), (answer.json['images'],
                                         answer.status))
        self.assertEqual(
            before, self.glance.sql('select count(*) from images')[0][0])


class V1Test(test_compat_v1.V1Case):
    def test_a_document_has_limits(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        for body, status in (
            (b'[' * 60_000, 400), (b'{"memberships": ' + b'[' * 40, 400),
            (b'{"memberships": [' + b'9' * 5000 + b']}', 400),
            (b'{"memberships": [{"member_id": %b}]}' % (b'9' * 5000), 400),
            (b'{"memberships": []}' + b' ' * 70_000, 413),
        ):
            with self.subTest(body[:30]):
                self.assertEqual(status, self.glance.request(
                    'PUT', f'/v1/images/{image}/members', body=body,
                    user=MEMBER).status)

    def test_a_number_has_limits(self):
        for query in ('limit', 'size_min', 'min_ram'):
            self.assertEqual(400, self.glance.request(
                'GET', f'/v1/images?{query}=' + '9' * 5000).status, query)
        for name in ('min_ram', 'min_disk', 'size', 'virtual_size'):
            answer = self.post(**v1_script.RAW, **{name: '9' * 5000})
            self.assertEqual(400, answer.status, name)


class ComputeTest(test_compat_v1.V1Case):
    def get(self, path, **headers):
        return self.glance.request(
            'GET', COMPUTE + path, user=MEMBER, headers=headers
        )

    def test_a_document_has_limits(self):
        image = self.glance.upload(b'x', MEMBER, visibility='private')
        for body, status in (
            (b'[' * 60_000, 400), (b'{"metadata": ' + b'[' * 40, 400),
            (b'{"metadata": {"a": %b}}' % (b'9' * 5000), 400),
            (b'{"metadata": {}}' + b' ' * 70_000, 413),
        ):
            with self.subTest(body[:30]):
                answer = self.glance.request(
                    'PUT', f'{COMPUTE}/images/{image}/metadata', body=body,
                    user=MEMBER)
                self.assertEqual(status, answer.status)
                (fault,) = answer.json.values()
                self.assertEqual(status, fault['code'])

    def test_a_number_has_limits(self):
        for name in ('limit', 'page_size', 'offset'):
            for digits in ('9' * 5000, '0' * 5000 + '1'):
                answer = self.get(f'/images?{name}={digits}')
                self.assertEqual(400, answer.status)
        answer = self.get('/images', **{
            'X-OpenStack-Nova-API-Version': '2.' + '9' * 5000})
        self.assertEqual(400, answer.status)
