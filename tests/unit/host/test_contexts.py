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
"""With whose rights something is done."""

from glance import context as glance_context

from glance_ext.host import contexts
from tests.unit import tables


class ForCallerTest(tables.TablesCase):
    def made(self, project):
        """Return what a request of a project does for a kept caller."""
        kept = contexts.caller(glance_context.RequestContext(
            user_id='asker', project_id='p', roles=['member']))
        request = glance_context.RequestContext(
            user_id='other', project_id=project, roles=['admin'],
            auth_token='token', service_catalog=['catalog'],
            request_id='req-1')
        return contexts.for_caller(kept, request)

    def test_the_rights_are_those_of_who_asked(self):
        for project in ('p', 'another'):
            found = self.made(project)
            self.assertEqual(
                ('asker', 'p', ['member'], False, 'req-1'),
                (found.user_id, found.owner, found.roles, found.is_admin,
                 found.request_id))

    def test_the_token_is_used_for_its_own_project_alone(self):
        for project, token, catalog in (('p', 'token', ['catalog']),
                                        ('another', None, None)):
            found = self.made(project)
            self.assertEqual((token, catalog),
                             (found.auth_token, found.service_catalog))
