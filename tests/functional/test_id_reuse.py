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
"""``[glance_ext] image_id_reuse_guard``: ids that were purged stay unused."""

import uuid

from tests.functional import cases
from tests.harness import users


class ReuseTest(cases.HashCase):
    arguments = {'config': {'DEFAULT': {'http_retries': 0},
                            'glance_ext': {'image_id_reuse_guard': True}}}

    def make(self, image, path='/v2/images', user=users.MEMBER):
        return self.glance.request('POST', path, {
            'id': image, 'disk_format': 'raw', 'container_format': 'bare'},
            user=user).status

    def purge(self, image):
        """Take every row of an image away, as a purge of its table does."""
        for table, key in (
                ('image_properties', 'image_id'), ('image_tags', 'image_id'),
                ('image_locations', 'image_id'), ('images', 'id'),
                ('image_members', 'image_id')):
            self.glance.sql(f'delete from {table} where {key} = ?', (image,))

    def deleted(self):
        image = self.glance.upload(b'data')
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        return image

    def test_new_ids_and_none_are_accepted(self):
        self.glance.create()
        image = str(uuid.uuid4())
        self.assertEqual(201, self.make(image))
        self.assertEqual(409, self.make(image))

    def test_an_id_of_which_nothing_is_left_cannot_be_told(self):
        image = self.deleted()
        self.purge(image)
        self.assertEqual(201, self.make(image))

    def test_an_action_of_a_purged_image_is_a_trace(self):
        image = self.glance.legacy(b'data')
        self.hash(image)
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        self.purge(image)
        for path in ('/v2/images', '/v2/images/'):
            for name in (image, image.upper()):
                self.assertIn(self.make(name, path), (404, 409))
        self.assertEqual(409, self.make(image))

    def test_a_snapshot_that_names_its_base_is_a_trace(self):
        image = self.deleted()
        self.glance.create(base_image_ref=image)
        self.purge(image)
        self.assertEqual(409, self.make(image))

    def test_an_object_in_any_store_is_a_trace(self):
        for store in ('fast', 'cold'):
            image = str(uuid.uuid4())
            file = self.glance.store_file(store, image)
            file.write_bytes(b'data')
            self.assertEqual(409, self.make(image))
            file.unlink()
            self.assertEqual(201, self.make(image))

    def test_what_glance_refuses_is_left_to_it(self):
        image = self.deleted()
        self.purge(image)
        self.glance.create(base_image_ref=image)
        self.assertEqual(401, self.make(image, user=None))
        self.assertEqual(403, self.make(image, user=users.READER))
        for body in (b'', b'{"id": 7}', b'{"id": "no"}', b'\xff'):
            with self.subTest(body):
                self.assertIn(self.glance.request(
                    'POST', '/v2/images', body=body, headers={
                        'Content-Type': 'application/json'}).status,
                    (201, 400))
