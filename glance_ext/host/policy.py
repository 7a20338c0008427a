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
"""Policies: Glance's enforcer, with our rules beside its own."""

import functools
from typing import Any

from glance.api import policy as glance_policy
from glance.api.v2 import policy as api_policy
from glance.common import exception
from oslo_config import cfg

from glance_ext import policies
from glance_ext.host import contexts


class Enforcer(glance_policy.Enforcer):
    """Knows Glance's rules and ours, and reads Glance's policy file."""

    def __init__(self) -> None:
        super().__init__()
        self.register_defaults(policies.list_rules())


@functools.cache
def enforcer() -> Enforcer:
    """Return this process's enforcer. It notices a changed policy file."""
    return Enforcer()


def get_enforcer() -> Enforcer:
    """Return an enforcer for the tools of oslo.policy."""
    cfg.CONF([], project='glance')
    return Enforcer()


class ImagePolicy(api_policy.ImageAPIPolicy):
    """Our rules on one image.

    A caller who may not do it gets 403, or 404 where that caller may not
    even see the image.
    """

    def __init__(self, context: contexts.Context, image: Any) -> None:
        super().__init__(context, image, enforcer=enforcer())

    def require(self, rule: str) -> None:
        """Raise webob's HTTPForbidden or HTTPNotFound unless allowed."""
        self._enforce(rule)


def allows(context: contexts.Context, rule: str, owner: str) -> bool:
    """Tell whether ``rule`` holds for a thing that project ``owner`` has."""
    try:
        enforcer().enforce(context, rule,
                           {'project_id': owner, 'owner': owner})
    except exception.Forbidden:
        return False
    return True
