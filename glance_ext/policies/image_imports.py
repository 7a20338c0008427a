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
"""Who may have bits made into an image."""

from oslo_policy import policy

from glance_ext.policies import base

ADD_IMAGE_IMPORT = 'add_image_import'
UPLOAD_IMAGE_IMPORT = 'upload_image_import'
GET_IMAGE_IMPORT = 'get_image_import'
GET_IMAGE_IMPORTS = 'get_image_imports'
DELETE_IMAGE_IMPORT = 'delete_image_import'

_ONE = '/v2/image-imports/{import_id}'

RULES = [
    policy.DocumentedRuleDefault(
        name=ADD_IMAGE_IMPORT,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Begin an image import.',
        operations=[{'path': '/v2/image-imports', 'method': 'POST'}]),
    policy.DocumentedRuleDefault(
        name=UPLOAD_IMAGE_IMPORT,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Upload the data of an image import.',
        operations=[{'path': f'{_ONE}/file', 'method': 'PUT'}]),
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_IMPORT,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='Show an image import.',
        operations=[{'path': _ONE, 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=GET_IMAGE_IMPORTS,
        check_str=base.ADMIN_OR_PROJECT_READER,
        scope_types=['project'],
        description='List the image imports of the project.',
        operations=[{'path': '/v2/image-imports', 'method': 'GET'}]),
    policy.DocumentedRuleDefault(
        name=DELETE_IMAGE_IMPORT,
        check_str=base.ADMIN_OR_PROJECT_MEMBER,
        scope_types=['project'],
        description='Cancel an image import.',
        operations=[{'path': _ONE, 'method': 'DELETE'}]),
]
