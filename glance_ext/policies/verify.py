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
"""Who may have the copies of an image verified and repaired."""

from oslo_policy import policy

from glance_ext.policies import base

VERIFY_IMAGE = 'verify_image'

RULES = [
    policy.DocumentedRuleDefault(
        name=VERIFY_IMAGE,
        check_str=base.ADMIN,
        scope_types=['project'],
        description='Read the copies of an image back and compare them with '
                    'its hash, and have bad ones replaced.',
        operations=[{'path': '/v2/images/{image_id}/verify',
                     'method': 'POST'}]),
]
