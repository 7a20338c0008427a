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

"""Version 1 on each server of the documentation, and on the oldest Glance."""

import hashlib
import unittest

from tests.harness import compat
from tests.harness import soaking
from tests.harness import v1_steps
from tests.harness.users import MEMBER

# Whether a server hands on headers whose names have underscores in them.
UNDERSCORES = {
    'pyuwsgi': True,
    'eventlet': False,
    'waitress': False,
    'gunicorn': False,
    'mod_wsgi': False,
}
CHUNKS = [b'a' * 60000, b'b', b'c' * 60000] * 20


class ServerCase:
    def check(self, server, **how):
        with compat.Glance(server=server, **how) as glance:
            made = self.post(glance, iter(CHUNKS), '-')
            self.assertEqual(201, made.status, made.text)
            digest = hashlib.md5(b''.join(CHUNKS)).hexdigest()
            image = made.json['image']
            self.assertEqual(digest, image['checksum'])
            path = f'/v1/images/{image["id"]}'
            shown = glance.request('GET', path, user=MEMBER)
            self.assertEqual(b''.join(CHUNKS), shown.body)
            self.assertEqual(digest, shown.headers['ETag'])
            wrong = self.post(glance, iter(CHUNKS), '-', checksum='0' * 32)
            self.assertEqual(400, wrong.status, wrong.text)
            put = glance.request(
                'PUT', path, headers={'x-image-meta-name': 'n'}, user=MEMBER)
            self.assertEqual(('n', 200), (put.json['image']['name'],
                                          put.status))
            # Without the formats that its headers name, data is refused.
            status = 201 if UNDERSCORES[server] else 400
            self.assertEqual(status, self.post(glance, b'x', '_').status)
            gone = glance.request('DELETE', path, user=MEMBER)
            self.assertEqual(200, gone.status)

    def post(self, glance, body, hyphen, **more):
        headers = v1_steps.OCTETS | {
            f'x-image-meta-disk{hyphen}format': 'raw',
            f'x-image-meta-container{hyphen}format': 'bare',
        } | {f'x-image-meta-{name}': value for name, value in more.items()}
        return glance.request(
            'POST', '/v1/images', body=body, headers=headers, user=MEMBER)


class GunicornTest(ServerCase, unittest.TestCase):
    def test_chunks_and_headers(self):
        self.check('gunicorn')


@soaking.soak
class ServersTest(ServerCase, unittest.TestCase):
    def test_uwsgi(self):
        self.check('pyuwsgi', processes=2)

    def test_waitress(self):
        self.check('waitress')

    def test_mod_wsgi(self):
        self.check('mod_wsgi')

    def test_eventlet_of_glance_32(self):
        self.check('eventlet', venv='glance-32')

    def test_glance_28(self):
        self.check('pyuwsgi', venv='glance-28')
        self.check('eventlet', venv='glance-28')

    def test_a_location_in_glance_28(self):
        member = compat.context(MEMBER)
        with compat.FarAway() as web, compat.Glance(
            venv='glance-28',
            stores=('fast', 'web:http'),
            config={'DEFAULT': {'show_multiple_locations': True}},
        ) as glance:
            for v1 in (False, True):
                service = compat.service(glance.url, v1)
                made = service.create(member, {
                    'disk_format': 'raw', 'container_format': 'bare',
                    'location': f'{web.url}/x'})
                found = service.show(member, made['id'])
                self.assertEqual('active', found['status'])
                data = service.download(member, made['id'])
                self.assertEqual(v1_steps.FILE, b''.join(data))
