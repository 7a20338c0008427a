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
"""Images sent to where their owner wants them."""

import base64
import hashlib
import shutil
import socket
import unittest

from tests.functional import disks
from tests.functional import import_requests
from tests.harness.backends import http_raw
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import READER

EXPORTS = '/v2/image-exports'


class ExportTest(import_requests.RequestCase):

    def setUp(self):
        super().setUp()
        self.bodies, self.status, self.headers = [], 201, {}

        def answer(headers, body):
            self.bodies.append(body)
            status = (self.status.pop(0) if isinstance(self.status, list)
                      else self.status)
            return http_raw.answer(status, **self.headers)
        self.target = self.enterContext(http_raw.Server(answer))
        self.location = f'{self.target.url}/x?signature=secret'

    def image(self, data=b'data' * 1000, **properties):
        return self.glance.upload(data, user=MEMBER, visibility='private',
                                  **properties)

    def ask(self, image, user=MEMBER, headers=None, **body):
        return self.glance.request(
            'POST', f'/v2/images/{image}/export',
            {'location': self.location} | body, user=user, headers=headers)

    def export(self, image, **body):
        """Return the export when it has ended."""
        place = self.expect(201, self.ask(image, **body)).headers['Location']
        return self.wait(place.removeprefix(self.glance.url))

    def test_the_data_arrives_and_is_what_the_target_says(self):
        data = disks.noise(300_000)
        image = self.image(data)
        self.headers = {'content_md5': base64.b64encode(
            hashlib.md5(data).digest()).decode()}
        found = self.export(image)
        self.assertEqual({
            'status': 'success', 'image_id': image,
            'location': f'{self.target.url}/x',
            'expires-by': found['expires-by']}, found)
        self.assertRegex(found['expires-by'], import_requests.EXPIRES)
        self.assertEqual([data], self.bodies)
        # Others of the same second may stand before it.
        listed = self.expect(200, self.get(EXPORTS, user=MEMBER)).json
        (path,) = (each['self'] for each in listed['image_exports']
                   if each['image_id'] == image)
        action = self.glance.action(path.rpartition('/')[2], MEMBER)
        self.check_action(action)
        self.assertEqual('export', action['action_type'])
        self.assertEqual({'image_id': image, 'size': len(data),
                          'verified_by': ['md5']}, action['result'])
        for user, status in ((OTHER, 404), (READER, 200), (ADMIN, 200)):
            self.expect(status, self.get(path, user=user))
        self.expect(409, self.glance.request('DELETE', path, user=MEMBER))

    def test_what_the_target_says_is_compared(self):
        self.headers = {'repr_digest': f'md5=:{"A" * 22}==:'}
        found = self.export(self.image())
        self.assertEqual(
            ('failure', 'The target reports another md5 than that of the '
             'data which was sent; what is there is not the image'),
            (found['status'], found['message']))

    def test_a_target_that_refuses(self):
        self.status = 403
        found = self.export(self.image())
        self.assertEqual(
            'Could not send the image.  Received 403 response for url '
            f"'{self.target.url}/x'.", found['message'])
        self.assertNotIn('signature=', str(self.glance.sql(
            'select input, result, message from task_info')))
        self.assertNotIn('signature=', self.glance.log())

    def test_damaged_data_is_no_whole_file_at_the_target(self):
        image = self.image(disks.noise(300_000))
        self.glance.fault('corrupt', image=image)
        found = self.export(image)
        self.assertEqual('failure', found['status'])
        self.assertTrue(all(len(body) < 300_000 for body in self.bodies))

    def test_a_target_that_takes_nothing_holds_no_place_for_long(self):
        image = self.image(bytes(8 * disks.MIB))
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.location = f'http://127.0.0.1:{server.getsockname()[1]}/x'
            found = self.export(image)
        self.assertEqual('failure', found['status'])
        self.assertIn('is too slow', found['message'])

    def test_who_may_export_what(self):
        image = self.image()
        self.expect(404, self.ask(image, OTHER))
        self.expect(403, self.ask(image, READER))
        queued = self.glance.create(user=MEMBER)['id']
        self.expect(409, self.ask(queued))
        for body in ({'location': 'ftp://127.0.0.1/x'}, {'location': 1},
                     {'location': 'http://10.0.0.1/x'}, {'unknown': 1},
                     {'disk_format': 'movie'}):
            self.expect(400, self.ask(image, **body))
        key = {'headers': {'Idempotency-Key': 'once'}}
        first = self.expect(201, self.ask(image, **key))
        self.assertEqual(
            first.headers['Location'],
            self.expect(201, self.ask(image, **key)).headers['Location'])
        self.expect(409, self.ask(self.image(), **key))

    @unittest.skipUnless(shutil.which('qemu-img'), 'there is no qemu-img')
    def test_conversion_on_the_way(self):
        image = self.image(disks.qcow2(virtual_size=disks.MIB),
                           disk_format='qcow2')
        found = self.export(image, disk_format='raw')
        self.assertEqual(('success', 'raw'),
                         (found['status'], found['disk_format']))
        self.assertEqual([bytes(disks.MIB)], self.bodies)
        self.assertEqual('qcow2', self.glance.image(image)['disk_format'])
        self.assertEqual([], list((
            self.glance.directory / 'staging').glob('glance-ext-*/data')))


class TargetsTest(import_requests.RequestCase):
    arguments = {'config': {'glance_ext': {'export_allowed_hosts': None}}}

    def test_a_source_that_is_trusted_is_no_target(self):
        location = self.serve(b'data')
        image = self.make(location, image_properties={'disk_format': 'raw'})
        answer = self.glance.request(
            'POST', f'/v2/images/{image["id"]}/export',
            {'location': location}, user=MEMBER)
        self.assertEqual(400, answer.status)
        self.assertIn('location does not pass filtering: refused: the host '
                      'has a loopback address.', answer.text)
