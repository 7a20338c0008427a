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

"""``POST /v2/images/{image_id}/verify``"""

from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base


class VerifyTest(base.ExtensionTest):
    action_type = 'verify'

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d51')
    def test_a_good_copy_gets_its_verdict(self) -> None:
        found = self.succeed(self.admin.verify_image(self.upload_image()))
        self.assertEqual(1, len(found['result']['stores']))

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d52')
    def test_a_store_without_a_copy_is_refused(self) -> None:
        self.assertRaises(
            exceptions.BadRequest, self.admin.verify_image,
            self.upload_image(), stores=['no-such-store'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d53')
    def test_an_image_without_data_is_a_conflict(self) -> None:
        self.assertRaises(exceptions.Conflict, self.admin.verify_image,
                          self.create_image())
