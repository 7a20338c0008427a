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

"""``copy-image``, as the extension answers it."""

from typing import Any

from tempest.lib import decorators
from tempest.lib import exceptions

from glance_ext.tempest_plugin import base


class CopyImageTest(base.ExtensionTest):
    method = 'copy-image'

    def setUp(self) -> None:
        super().setUp()
        self.need_stores(2)
        self.data = base.some_bytes()
        self.image = self.upload_image(self.data)
        self.here = self.images.show_image(self.image)['stores']
        self.others = [each for each in self.stores if each != self.here]

    def copy(self, **body: Any) -> Any:
        return self.admin.import_image(self.image, 'copy-image', **body)

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d31')
    def test_a_copy_is_an_action_with_an_outcome_per_store(self) -> None:
        target = self.others[0]
        found = self.succeed(self.copy(stores=[target]))
        state = found['progress']['stores'][target]
        self.assertEqual(('success', len(self.data)),
                         (state['status'], state['bytes_done']))
        self.assertIn(
            target, self.images.show_image(self.image)['stores'].split(','))

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d32')
    def test_a_plan_is_only_a_plan(self) -> None:
        plan = self.copy(stores=self.others, dry_run=True)
        self.assertEqual(
            (self.image, self.others, len(self.data) * len(self.others)),
            (plan['image_id'],
             sorted(each['store'] for each in plan['targets']),
             plan['bytes_total']))
        done = self.admin.list_resources(base.ACTIONS, image_id=self.image)
        self.assertEqual([], done['image_actions'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d33')
    def test_what_is_wrong_is_refused(self) -> None:
        wrong: list[dict[str, Any]] = [
            {'stores': self.others, 'all_stores': True},
            {'stores': self.others, 'allow_failure': True,
             'all_stores_must_succeed': True},
            {'stores': [self.here]},
            {'stores': []},
            {'stores': self.others, 'method': {'uri': 'http://a/b'}}]
        for body in wrong:
            self.assertRaises(exceptions.BadRequest, self.copy, **body)
