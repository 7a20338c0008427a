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

"""``/v2/image-imports``"""

import hashlib
from typing import Any

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from glance_ext.tempest_plugin import base

CONF = config.CONF


class ImageImportsTest(base.ExtensionTest):
    action_type = 'import'

    def begin(self, **body: Any) -> Any:
        properties = {'name': self.name(), **base.FORMATS}
        return self.member.create_import(
            **{'image_properties': properties, **body})

    def image_of(self, found: Any) -> Any:
        image = found['image_ref'].rpartition('/')[2]
        self.delete_later(image)
        return self.images.show_image(image)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d61')
    def test_what_a_location_has_becomes_an_image(self) -> None:
        begun = self.begin(location=CONF.image.http_image)
        self.assertTrue(begun.response['location'].endswith(
            f'/v2/image-imports/{begun["id"]}'))
        found = self.succeed(begun, base.IMPORTS)
        self.assertIn('expires-by', found)
        self.assertNotIn('image_properties', found)
        image = self.image_of(found)
        self.assertEqual(('active', self.images.tenant_id),
                         (image['status'], image['owner']))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d62')
    def test_what_is_uploaded_becomes_an_image(self) -> None:
        data = base.some_bytes()
        begun = self.begin(os_hash_algo='sha256',
                           os_hash_value=hashlib.sha256(data).hexdigest())
        found = self.member.show_resource(base.IMPORTS, begun['id'])
        self.assertEqual('waiting', found['status'])
        self.member.upload_import(begun['id'], data)
        image = self.image_of(self.succeed(begun, base.IMPORTS))
        self.assertEqual(
            data, self.images.show_image_file(image['id']).data)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d63')
    def test_bad_data_never_is_an_image(self) -> None:
        name = self.name()
        found = self.wait(self.begin(
            location=CONF.image.http_image, os_hash_algo='sha256',
            os_hash_value='0' * 64,
            image_properties={'name': name, **base.FORMATS}), base.IMPORTS)
        self.assertEqual('failure', found['status'])
        self.assertTrue(found['message'])
        self.assertEqual(
            [], self.images.list_images({'name': name})['images'])

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d64')
    def test_the_same_key_is_the_same_import(self) -> None:
        key = data_utils.rand_uuid()
        begun = self.member.create_import(
            key=key, image_properties=base.FORMATS)
        again = self.member.create_import(
            key=key, image_properties=base.FORMATS)
        self.assertEqual(begun['id'], again['id'])
        self.assertRaises(
            exceptions.Conflict, self.member.create_import, key=key,
            image_properties={**base.FORMATS, 'min_disk': 1})
        self.member.cancel_resource(base.IMPORTS, begun['id'])

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d65')
    def test_an_import_that_waits_is_listed_and_cancelled(self) -> None:
        begun = self.begin()
        self.assertIn(begun['id'], base.listed(self.member, base.IMPORTS))
        self.member.cancel_resource(base.IMPORTS, begun['id'])
        self.assertEqual(
            'failure', self.wait(begun, base.IMPORTS)['status'])
        # It has failed at once, and ended when it is undone.
        self.wait(begun)
        self.assertRaises(exceptions.Conflict, self.member.cancel_resource,
                          base.IMPORTS, begun['id'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d66')
    def test_what_is_wrong_is_refused(self) -> None:
        for body in ({'location': 'file:///etc/passwd'},
                     {'location': 'http://user:word@192.0.2.1/image'},
                     {'os_hash_algo': 'sha256'},
                     {'unheard': 'of'}):
            self.assertRaises(exceptions.BadRequest, self.begin, **body)
