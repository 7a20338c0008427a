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

"""``POST /v2/images/{image_id}/hash``"""

import hashlib

from tempest.lib import decorators
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from glance_ext.tempest_plugin import base


class HashTest(base.ExtensionTest):
    action_type = 'hash'

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d11')
    def test_rehash_replaces_the_hash_that_the_data_has(self) -> None:
        data = base.some_bytes()
        image = self.upload_image(data)
        action = self.admin.calculate_hash(
            image, os_hash_algo='sha256', rehash=True)
        self.assertTrue(action.response['location'].endswith(
            f'/v2/image-actions/{action["id"]}'))
        self.succeed(action)
        found = self.images.show_image(image)
        self.assertEqual(
            ('active', 'sha256', hashlib.sha256(data).hexdigest()),
            (found['status'], found['os_hash_algo'],
             found['os_hash_value']))

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d12')
    def test_an_image_with_a_hash_or_without_data_is_a_conflict(self) -> None:
        for image in (self.upload_image(), self.create_image()):
            self.assertRaises(exceptions.Conflict,
                              self.admin.calculate_hash, image)

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d13')
    def test_what_is_wrong_is_refused(self) -> None:
        image = self.upload_image()
        for body in ({'os_hash_algo': 'shake_128'}, {'os_hash_algo': 'none'},
                     {'os_hash_algo': 5}, {'rehash': 'yes'}, {'force': True}):
            self.assertRaises(exceptions.BadRequest,
                              self.admin.calculate_hash, image, **body)

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d14')
    def test_an_image_that_is_not_there_is_not_found(self) -> None:
        for image in (data_utils.rand_uuid(), 'no-uuid'):
            self.assertRaises(exceptions.NotFound,
                              self.admin.calculate_hash, image)
