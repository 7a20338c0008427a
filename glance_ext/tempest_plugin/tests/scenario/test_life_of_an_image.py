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

"""What an operator does with one image, from its upload to its end."""

import hashlib

from tempest import config
from tempest.lib import decorators

from glance_ext.tempest_plugin import base

CONF = config.CONF


class LifeOfAnImageTest(base.ExtensionTest):
    action_type = 'verify'
    method = 'copy-image'

    @decorators.attr(type=['slow'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6db1')
    def test_copied_verified_hashed_and_served(self) -> None:
        self.need_stores(2)
        data = base.some_bytes()
        image = self.upload_image(data)
        self.succeed(self.admin.import_image(
            image, 'copy-image', all_stores=True))
        verdicts = self.succeed(self.admin.verify_image(image))['result']
        self.assertEqual(set(self.stores), set(verdicts['stores']))
        self.succeed(self.admin.calculate_hash(
            image, os_hash_algo='sha3_256', rehash=True))
        found = self.images.show_image(image)
        self.assertEqual(
            (hashlib.sha3_256(data).hexdigest(), set(self.stores)),
            (found['os_hash_value'], set(found['stores'].split(','))))
        self.os_project_admin.image_client_v2.delete_image_from_store(
            image, self.stores[0])
        self.succeed(self.admin.verify_image(image))
        self.assertEqual(data, self.images.show_image_file(image).data)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6db2')
    def test_an_image_of_an_old_cloud_gets_its_hash(self) -> None:
        image = CONF.glance_ext.image_without_hash
        if not image:
            raise self.skipException(
                '[glance_ext] image_without_hash is not set')
        images = self.os_project_admin.image_client_v2
        if images.show_image(image)['os_hash_value'] is not None:
            raise self.skipException(f'Image {image} has a hash now')
        self.succeed(self.admin.calculate_hash(image, os_hash_algo='sha512'))
        data = images.show_image_file(image).data
        found = images.show_image(image)
        self.assertEqual(
            ('active', 'sha512', hashlib.sha512(data).hexdigest()),
            (found['status'], found['os_hash_algo'],
             found['os_hash_value']))
