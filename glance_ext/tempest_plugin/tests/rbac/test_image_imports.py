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

"""Who may have imports and exports, by the default policy."""

from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base


class ImageImportsRbacTest(base.ExtensionTest):
    credentials = ['project_admin', 'project_member', 'project_reader',
                   'project_alt_member']
    action_type = 'import'

    def setUp(self) -> None:
        super().setUp()
        self.reader = base.calls_of(self.os_project_reader)
        self.other = base.calls_of(self.os_project_alt_member)
        begun = self.member.create_import(image_properties=base.FORMATS)
        self.begun: str = begun['id']
        self.addCleanup(self.wait, begun, base.IMPORTS)
        self.addCleanup(
            self.member.cancel_resource, base.IMPORTS, self.begun)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6da1')
    def test_a_reader_sees_and_does_nothing(self) -> None:
        self.reader.show_resource(base.IMPORTS, self.begun)
        self.assertRaises(exceptions.Forbidden, self.reader.cancel_resource,
                          base.IMPORTS, self.begun)
        self.assertRaises(exceptions.Forbidden, self.reader.create_import,
                          image_properties=base.FORMATS)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6da2')
    def test_other_projects_see_nothing(self) -> None:
        self.assertNotIn(self.begun, base.listed(self.other, base.IMPORTS))
        for call in (self.other.show_resource, self.other.cancel_resource):
            self.assertRaises(exceptions.NotFound, call, base.IMPORTS,
                              self.begun)


class ImageExportsRbacTest(base.ExtensionTest):
    credentials = ['project_admin', 'project_member', 'project_reader',
                   'project_alt_member']
    action_type = 'export'

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6da3')
    def test_readers_and_other_projects_export_nothing(self) -> None:
        image = self.upload_image()
        location = 'https://192.0.2.1/image'
        self.assertRaises(
            exceptions.Forbidden,
            base.calls_of(self.os_project_reader).export_image, image,
            location=location)
        self.assertRaises(
            exceptions.NotFound,
            base.calls_of(self.os_project_alt_member).export_image, image,
            location=location)
