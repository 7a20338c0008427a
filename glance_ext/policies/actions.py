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

"""Who may look at actions, and who may cancel one."""

from oslo_policy import policy

from glance_ext.policies import base

GET_IMAGE_ACTION = 'get_image_action'
GET_IMAGE_ACTIONS = 'get_image_actions'
CANCEL_IMAGE_ACTION = 'cancel_image_action'

RULES = [
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_ACTION,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='Show an image action.',
        operations=[{'path': '/v2/image-actions/{action_id}',
                     'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_ACTIONS,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='List the image actions of the project.',
        operations=[{'path': '/v2/image-actions', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=CANCEL_IMAGE_ACTION,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Cancel an image action.',
        operations=[{'path': '/v2/image-actions/{action_id}',
                     'method': 'DELETE'}]),
]
