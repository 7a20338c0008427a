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

"""``web-download`` with a digest."""

import hashlib
from typing import Any
import urllib.request

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base

CONF = config.CONF


class WebDownloadTest(base.ExtensionTest):
    method = 'web-download'

    def fetch(self, image: str, **method: str) -> Any:
        return self.member.import_image(
            image, 'web-download',
            method={'uri': CONF.image.http_image, **method})

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d41')
    def test_data_with_the_digest_becomes_the_image(self) -> None:
        # What Tempest's own configuration names.
        with urllib.request.urlopen(  # nosec B310
                CONF.image.http_image) as served:
            data = served.read()
        image = self.create_image()
        self.succeed(self.fetch(
            image, os_hash_algo='sha256',
            os_hash_value=hashlib.sha256(data).hexdigest()))
        found = self.images.show_image(image)
        self.assertEqual(
            ('active', len(data)), (found['status'], found['size']))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d42')
    def test_data_with_another_digest_does_not(self) -> None:
        image = self.create_image()
        found = self.wait(self.fetch(
            image, os_hash_algo='sha256', os_hash_value='0' * 64))
        self.assertEqual(('failure', 'hash_mismatch'),
                         (found['status'], found['error']['code']))
        self.assertEqual('queued', self.images.show_image(image)['status'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d43')
    def test_what_is_wrong_is_refused(self) -> None:
        image = self.create_image()
        for method in (
                {'uri': 'file:///etc/passwd'},
                {'uri': 'http://user:word@192.0.2.1/image'},
                {'os_hash_algo': 'sha256'},
                {'os_hash_algo': 'sha256', 'os_hash_value': 'zz'}):
            self.assertRaises(
                exceptions.BadRequest, self.fetch, image, **method)
