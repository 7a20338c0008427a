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

"""Who may have an image hashed and verified, by the default policy."""

from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base


class HashAndVerifyRbacTest(base.ExtensionTest):
    credentials = ['project_admin', 'project_member', 'project_reader',
                   'project_alt_member']

    def setUp(self) -> None:
        super().setUp()
        self.image = self.upload_image()

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d81')
    def test_a_project_admin_may(self) -> None:
        self.succeed(self.admin.calculate_hash(self.image, rehash=True))
        self.succeed(self.admin.verify_image(self.image))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d82')
    def test_members_and_readers_may_not(self) -> None:
        for manager in (self.os_project_member, self.os_project_reader):
            calls = base.calls_of(manager)
            for call in (calls.calculate_hash, calls.verify_image):
                self.assertRaises(exceptions.Forbidden, call, self.image)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d83')
    def test_other_projects_see_no_image(self) -> None:
        calls = base.calls_of(self.os_project_alt_member)
        for call in (calls.calculate_hash, calls.verify_image):
            self.assertRaises(exceptions.NotFound, call, self.image)
