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
"""Who may have an image's data sent elsewhere."""

from oslo_policy import policy

from glance_ext.policies import base

EXPORT_IMAGE = 'export_image'
GET_IMAGE_EXPORT = 'get_image_export'
GET_IMAGE_EXPORTS = 'get_image_exports'
DELETE_IMAGE_EXPORT = 'delete_image_export'

_ONE = '/v2/image-exports/{export_id}'

RULES = [
    policy.DocumentedRuleDefault(
        name=EXPORT_IMAGE,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Export an image of the project. Needs download_image '
                    'as well.',
        operations=[{'path': '/v2/images/{image_id}/export',
                     'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_EXPORT,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='Show an image export.',
        operations=[{'path': _ONE, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_EXPORTS,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='List the image exports of the project.',
        operations=[{'path': '/v2/image-exports', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=DELETE_IMAGE_EXPORT,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Cancel an image export.',
        operations=[{'path': _ONE, 'method': 'DELETE'}]),
]
