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

"""``/v2/image-actions``"""

from typing import Any

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from glance_ext.tempest_plugin import base

CONF = config.CONF


class ImageActionsTest(base.ExtensionTest):
    action_type = 'verify'
    method = 'web-download'

    def fetch(self, image: str, uri: str) -> Any:
        return self.member.import_image(
            image, 'web-download', method={'uri': uri})

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d21')
    def test_a_member_follows_an_action(self) -> None:
        image = self.create_image()
        action = self.fetch(image, CONF.image.http_image)
        self.succeed(action)
        found = self.member.show_resource(base.ACTIONS, action['id'])
        self.assertEqual(
            (image, 'web-download', self.images.tenant_id, None),
            (found['image_id'], found['action_type'], found['owner'],
             found['error']))
        tasks = self.images.show_image_tasks(image)['tasks']
        self.assertIn(action['id'], [task['id'] for task in tasks])

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d22')
    def test_the_list_is_filtered_and_has_pages(self) -> None:
        image = self.upload_image()
        begun = {self.succeed(self.admin.verify_image(image))['id']
                 for _ in range(3)}
        wanted = {'image_id': image, 'action_type': 'verify',
                  'status': 'success', 'limit': 2}
        first = self.admin.list_resources(base.ACTIONS, **wanted)
        self.assertIn('next', first)
        ids = [action['id'] for action in first['image_actions']]
        self.assertEqual(2, len(ids))
        rest = self.admin.list_resources(
            base.ACTIONS, **wanted, marker=ids[-1])
        ids += [action['id'] for action in rest['image_actions']]
        self.assertEqual((begun, 3), (set(ids), len(ids)))
        none = self.admin.list_resources(
            base.ACTIONS, image_id=image, status='failure')
        self.assertEqual([], none['image_actions'])

    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d23')
    def test_a_running_action_is_cancelled_and_undone(self) -> None:
        if not CONF.glance_ext.slow_image:
            raise self.skipException('[glance_ext] slow_image is not set')
        image = self.create_image()
        action = self.fetch(image, CONF.glance_ext.slow_image)
        self.member.cancel_resource(base.ACTIONS, action['id'])
        found = self.member.show_resource(base.ACTIONS, action['id'])
        self.assertEqual(('failure', 'cancelled'),
                         (found['status'], found['error']['code']))
        self.wait(action)
        self.assertEqual('queued', self.images.show_image(image)['status'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d24')
    def test_what_has_ended_cannot_be_cancelled(self) -> None:
        action = self.admin.verify_image(self.upload_image())
        self.succeed(action)
        self.assertRaises(exceptions.Conflict, self.admin.cancel_resource,
                          base.ACTIONS, action['id'])

    @decorators.attr(type=['negative'])
    @decorators.idempotent_id('0a0c6c2e-5d2b-4b06-9f4d-0a8f0a5f6d25')
    def test_an_action_that_is_not_there_is_not_found(self) -> None:
        for call in (self.admin.show_resource, self.admin.cancel_resource):
            self.assertRaises(exceptions.NotFound, call, base.ACTIONS,
                              data_utils.rand_uuid())
