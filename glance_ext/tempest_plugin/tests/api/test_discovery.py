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

"""``GET /v2/info/glance-ext`` and the schemas."""

import jsonschema
from tempest.lib import decorators

from glance_ext.tempest_plugin import base


class DiscoveryTest(base.ExtensionTest):

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d01')
    def test_a_member_learns_what_there_is(self) -> None:
        info = self.member.show_info()
        self.assertIn('hash', info['action_types'])
        self.assertIn('sha512', info['hash_algorithms'])
        self.assertNotIn('shake_128', info['hash_algorithms'])

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d02')
    def test_the_methods_taken_over_are_methods_of_glance(self) -> None:
        offered = self.images.info_import()['import-methods']['value']
        self.assertLessEqual(set(self.info['import_methods']), set(offered))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d03')
    def test_answers_follow_their_schemas(self) -> None:
        listed = self.member.list_resources(base.ACTIONS)
        jsonschema.validate(
            dict(listed), dict(self.member.show_schema('image-actions')))
