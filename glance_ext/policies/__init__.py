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

"""Default rules, one file a subject; an operator's policy file overrides."""

from oslo_policy import policy

from glance_ext.policies import actions
from glance_ext.policies import hash as hash_
from glance_ext.policies import image_exports
from glance_ext.policies import image_imports
from glance_ext.policies import metrics
from glance_ext.policies import verify


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """Return every rule of the extension."""
    return [*hash_.RULES, *verify.RULES, *actions.RULES, *metrics.RULES,
            *image_imports.RULES, *image_exports.RULES]
