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
"""Every request and answer of the specification, on a real Glance."""

import hashlib
import uuid

from tests.functional import disks
from tests.functional import import_requests
from tests.functional.cases import until
from tests.functional.import_requests import IMPORTS
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER

ASKED = {'name': 'GreatStack 1.22', 'tags': ['lamp', 'custom']}


class SpecificationTest(import_requests.RequestCase):

    def test_the_workflow_of_the_specification(self):
        data = disks.qcow2()
        path = f'/{self.id()}'
        location = self.server.serve(path, data, stall_at=100_000)
        answer = self.ask({'location': location, 'image_properties': ASKED})
        self.assertEqual(201, answer.status, answer.text)
        place = answer.headers['Location']
        self.assertTrue(place.startswith(f'{self.glance.url}{IMPORTS}/'))
        where = place.removeprefix(self.glance.url)
        until(lambda: self.show(where)['status'] != 'waiting')
        self.assertEqual({'status': 'uploading', 'image_properties': ASKED},
                         self.show(where))
        self.assertEqual([], self.expect(200, self.get(
            '/v2/images?name=GreatStack+1.22', user=MEMBER)).json['images'])
        self.server.release(path)
        found = self.wait(where)
        self.assertEqual({'status', 'image_ref', 'expires-by'}, set(found))
        self.assertEqual('success', found['status'])
        self.assertRegex(found['expires-by'], import_requests.EXPIRES)
        image = self.expect(200, self.get(found['image_ref'], user=MEMBER)
                            ).json
        self.assertEqual('active', image['status'])
        self.assertEqual('GreatStack 1.22', image['name'])
        self.assertEqual(['custom', 'lamp'], sorted(image['tags']))
        self.assertEqual('qcow2', image['disk_format'])
        self.assertEqual(hashlib.sha512(data).hexdigest(),
                         image['os_hash_value'])
        self.assertEqual(64 * disks.MIB, image['virtual_size'])
        self.assertNotIn('os_glance_import_task', image)
        self.assertEqual(data, self.glance.download(image['id'], MEMBER))

    def test_what_cannot_be_retrieved(self):
        location = f'{self.server.url}/none?signature=secret'
        path = self.begin(location, image_properties=ASKED)
        found = self.wait(path)
        shown = location.partition('?')[0]
        self.assertEqual({
            'status': 'failure', 'image_properties': ASKED,
            'message': 'Could not retrieve image.  Received 404 response '
                       f"for url '{shown}'.",
            'expires-by': found['expires-by']}, found)
        self.refused(path)

    def test_waiting_and_verifying(self):
        path = self.begin(image_properties=ASKED)
        action = self.glance.action(path.rpartition('/')[2], MEMBER)
        self.check_action(action)
        self.assertIsNone(action['image_id'])
        waiting = {'status': 'waiting', 'image_properties': ASKED}
        self.assertEqual(waiting, self.show(path))
        self.expect(204, self.upload(path, disks.qcow2(),
                                     X_Image_Meta_Store='cold'))
        self.assertEqual({'status': 'verifying', 'image_properties': ASKED},
                         self.show(path))
        self.assertEqual('success', self.wait(path)['status'])

    def test_the_list_has_those_of_the_project(self):
        path = self.begin(image_properties=ASKED)
        listed = self.expect(200, self.get(IMPORTS, user=MEMBER)).json
        self.assertIn({
            'status': 'waiting', 'image_properties': ASKED, 'self': path},
            listed['image_imports'])
        for user, seen in ((OTHER, False), (READER, True), (ADMIN, True)):
            found = self.expect(200, self.get(IMPORTS, user=user)).json
            self.assertEqual(
                seen, path in [each['self']
                               for each in found['image_imports']])
            self.expect(200 if seen else 404, self.get(path, user=user))
        self.expect(401, self.get(path, user=NOBODY))
        self.expect(404, self.glance.request('DELETE', path, user=OTHER))
        self.expect(403, self.glance.request('DELETE', path, user=READER))
        self.expect(404, self.upload(path, b'x', user=OTHER))
        self.expect(204, self.glance.request('DELETE', path, user=MEMBER))
        self.assertEqual('The action was cancelled', self.refused(path))
        self.expect(409, self.glance.request('DELETE', path, user=MEMBER))

    def test_it_is_an_image_action(self):
        location = self.serve(disks.qcow2())
        path = self.begin(location)
        image = self.wait(path)['image_ref'].rpartition('/')[2]
        action = self.glance.action(path.rpartition('/')[2], MEMBER)
        self.check_action(action)
        self.assertEqual(('import', image, 'success'), (
            action['action_type'], action['image_id'], action['status']))
        found = self.expect(200, self.get(
            '/v2/image-actions?action_type=import', user=MEMBER)).json
        self.assertIn(action['id'],
                      [each['id'] for each in found['image_actions']])


class RequestTest(import_requests.RequestCase):

    def test_what_no_import_can_be_made_of(self):
        for status, body in (
            (400, {'location': 'file:///etc/passwd'}),
            (400, {'location': 'nonsense'}),
            (400, {'location': 'http://user@127.0.0.1/x'}),
            (400, {'location': 'http://169.254.169.254/x'}),
            (400, {'location': 'swift://host/account'}),
            (400, {'unknown': 1}),
            (400, {'status': 'success'}),
            (400, {'image_properties': {'disk_format': 'movie'}}),
            (400, {'image_properties': {'tags': 1}}),
            (403, {'image_properties': {'status': 'active'}}),
            (403, {'image_properties': {'os_glance_x': 'y'}}),
            (403, {'image_properties': {'visibility': 'public'}}),
            (403, {'image_properties': {'owner': 'somebody'}}),
            (413, {'image_properties': {
                f'p{number}': 'x' for number in range(200)}}),
            (400, {'os_hash_algo': 'sha256'}),
            (400, {'hash_uri': 'https://x/y'}),
            (409, {'stores': ['none']}),
            (400, {'stores': ['fast'], 'all_stores': True}),
        ):
            with self.subTest(body=str(body)[:60]):
                self.expect(status, self.ask(body))
        self.expect(401, self.ask({}, NOBODY))
        self.expect(403, self.ask({}, READER))

    def test_an_id_that_is_taken(self):
        image = self.glance.create(user=MEMBER)['id']
        self.expect(409, self.ask({'image_properties': {'id': image}}))

    def test_what_cannot_be_kept_is_too_large(self):
        properties = {f'p{number}': 'x' * 900 for number in range(66)}
        self.expect(413, self.ask({'image_properties': properties}))

    def test_the_same_request_with_the_same_key_is_the_same_import(self):
        body = {'image_properties': ASKED}
        first = self.expect(201, self.ask(body, Idempotency_Key='k 1'))
        again = self.expect(201, self.ask(body, Idempotency_Key='k 1'))
        self.assertEqual(first.headers['Location'],
                         again.headers['Location'])
        other = self.expect(201, self.ask(body, OTHER, Idempotency_Key='k 1'))
        self.assertNotEqual(first.headers['Location'],
                            other.headers['Location'])
        self.expect(409, self.ask({}, Idempotency_Key='k 1'))
        for key in ('', 'x' * 256, 'ä'):
            self.expect(400, self.ask(body, Idempotency_Key=key))

    def test_the_image_has_what_was_asked_for(self):
        data = disks.noise(1_000_000)
        image = self.make(
            self.serve(data), os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(data).hexdigest().upper(),
            stores=['slow', 'cold'], image_properties={
                'id': '3dcd4ab8-6b0b-4ac5-9c33-57c2b0f3b7ce',
                'disk_format': 'raw', 'min_disk': 3, 'os_distro': 'debian',
                'protected': True, 'visibility': 'private'})
        self.assertEqual((
            '3dcd4ab8-6b0b-4ac5-9c33-57c2b0f3b7ce', 3, 'debian', True,
            'private', 'bare', 1_000_000, 1_000_000,
            hashlib.md5(data).hexdigest()),
            tuple(image[name] for name in (
                'id', 'min_disk', 'os_distro', 'protected', 'visibility',
                'container_format', 'size', 'virtual_size', 'checksum')))
        self.assertEqual({'slow', 'cold'}, set(image['stores'].split(',')))


class UploadTest(import_requests.RequestCase):

    def test_a_chunked_upload_into_the_store_that_a_header_names(self):
        path = self.begin(image_properties={'disk_format': 'raw'})
        self.expect(204, self.upload(path, iter([b'one', b'two']),
                                     X_Image_Meta_Store='cold'))
        self.expect(409, self.upload(path, b'three'))
        image = self.glance.image(
            self.wait(path)['image_ref'].rpartition('/')[2], MEMBER)
        self.assertEqual((6, 'cold'), (image['size'], image['stores']))

    def test_who_cannot_upload_and_what(self):
        path = self.begin()
        self.expect(415, self.upload(path, b'x', Content_Type='text/plain'))
        self.expect(403, self.upload(path, b'x', user=READER))
        self.expect(409, self.upload(path, b'x', X_Image_Meta_Store='none'))
        self.expect(413, self.upload(
            path, (b'x' * disks.MIB for _ in range(65))))
        self.assertEqual('waiting', self.show(path)['status'])
        self.expect(204, self.upload(path, b''))
        self.assertEqual('There is no data: 0 bytes', self.refused(path))
        there = self.begin(self.serve(disks.qcow2()))
        self.expect(409, self.upload(there, b'x'))
        self.wait(there)

    def test_a_digest_of_what_is_uploaded(self):
        path = self.begin(os_hash_algo='sha256', os_hash_value='ab' * 32)
        self.expect(204, self.upload(path, disks.qcow2()))
        self.assertEqual('The sha256 of the data is not the one that was '
                         'asked for', self.refused(path))

    def test_a_cancelled_upload(self):
        path = self.begin()

        def chunks():
            yield b'x' * 1000
            self.expect(204, self.glance.request('DELETE', path, user=MEMBER))
            yield b'x' * 1000
            yield b'x' * 1000
        self.expect(409, self.upload(path, chunks()))
        self.assertEqual('The action was cancelled', self.refused(path))


class StoresTest(import_requests.RequestCase):
    """A store that fails is no image that was deleted."""

    arguments = {'config': {'DEFAULT': {'http_retries': 1}}}

    def begin_with(self, times):
        """Import into two stores, of which one fails so often."""
        image = str(uuid.uuid4())
        self.glance.fault('raise', 'add', store='slow', image=image,
                          times=times)
        return self.begin(self.serve(disks.qcow2()), stores=['fast', 'slow'],
                          image_properties={'id': image})

    def test_it_is_tried_again(self):
        found = self.wait(self.begin_with(times=1))
        image = self.glance.image(
            found['image_ref'].rpartition('/')[2], MEMBER)
        self.assertEqual({'fast', 'slow'}, set(image['stores'].split(',')))

    def test_with_the_last_attempt_it_is_named(self):
        self.assertEqual(
            "store 'slow' is unavailable: RemoteServiceUnavailable",
            self.refused(self.begin_with(times=None)))
