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

"""Who may see and cancel the actions of a project, by default."""

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base

CONF = config.CONF


class ImageActionsRbacTest(base.ExtensionTest):
    credentials = ['project_admin', 'project_member', 'project_reader',
                   'project_alt_member']
    method = 'web-download'

    def setUp(self) -> None:
        super().setUp()
        self.reader = base.calls_of(self.os_project_reader)
        self.other = base.calls_of(self.os_project_alt_member)
        action = self.member.import_image(
            self.create_image(), 'web-download',
            method={'uri': CONF.image.http_image})
        self.action = self.succeed(action)['id']

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d91')
    def test_admins_members_and_readers_see_them(self) -> None:
        for calls in (self.admin, self.member, self.reader):
            calls.show_resource(base.ACTIONS, self.action)
            self.assertIn(self.action, base.listed(calls, base.ACTIONS))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d92')
    def test_other_projects_do_not(self) -> None:
        self.assertNotIn(
            self.action, base.listed(self.other, base.ACTIONS))
        for call in (self.other.show_resource, self.other.cancel_resource):
            self.assertRaises(exceptions.NotFound, call, base.ACTIONS,
                              self.action)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d93')
    def test_a_reader_may_not_cancel(self) -> None:
        self.assertRaises(exceptions.Forbidden, self.reader.cancel_resource,
                          base.ACTIONS, self.action)
