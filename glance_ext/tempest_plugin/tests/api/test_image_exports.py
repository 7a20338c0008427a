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

"""``/v2/image-exports``"""

import urllib.request

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from glance_ext.tempest_plugin import base

CONF = config.CONF


class ImageExportsTest(base.ExtensionTest):
    action_type = 'export'

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d71')
    def test_the_data_goes_to_the_location(self) -> None:
        if not CONF.glance_ext.export_prefix:
            raise self.skipException('[glance_ext] export_prefix is not set')
        location = CONF.glance_ext.export_prefix + data_utils.rand_uuid()
        data = base.some_bytes()
        begun = self.member.export_image(
            self.upload_image(data), location=location)
        self.assertIn('expires-by', self.succeed(begun, base.EXPORTS))
        # What Tempest's own configuration names.
        with urllib.request.urlopen(location) as there:  # nosec B310
            self.assertEqual(data, there.read())
        self.assertIn(begun['id'], base.listed(self.member, base.EXPORTS))
        self.assertRaises(exceptions.Conflict, self.member.cancel_resource,
                          base.EXPORTS, begun['id'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d72')
    def test_what_is_wrong_is_refused(self) -> None:
        image = self.upload_image()
        for location in ('file:///tmp/image',
                         'https://user:word@192.0.2.1/image'):
            self.assertRaises(exceptions.BadRequest,
                              self.member.export_image, image,
                              location=location)
