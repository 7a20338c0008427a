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

"""Who may have a hash calculated."""

from oslo_policy import policy

from glance_ext.policies import base

CALCULATE_HASH = 'calculate_hash'

RULES = [
    policy.DocumentedRuleDefault(
        name=CALCULATE_HASH,
        check_str=base.ADMIN,
        scope_types=['project'],
        description='Calculate the checksum and the multihash of an image.',
        operations=[{'path': '/v2/images/{image_id}/hash',
                     'method': 'POST'}]),
]
