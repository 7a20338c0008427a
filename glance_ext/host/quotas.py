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
"""Glance's limits on what a project stores."""

from typing import Any

from glance.api import common
from glance.common import exception
import glance.db
from glance.quota import keystone
from oslo_config import cfg
from oslo_utils import units

from glance_ext.host import contexts


def refuse_import(context: contexts.Context, size: int | None,
                  staged: bool, in_flight: tuple[int, int] = (0, 0)
                  ) -> str | None:
    """Return why a project may not import so much now, if so.

    As Glance decides for an import, with Keystone's limits.

    :param size: bytes, or None where that is not known
    :param staged: whether the data lies in staging meanwhile
    :param in_flight: how many imports Glance does not know of, and the bytes
        that they have in staging
    """
    owner = context.project_id
    try:
        keystone.enforce_image_size_total(context, owner)
        if staged and (why := refuse_staging(context, size, in_flight[1])):
            return why
        keystone._enforce_one(
            context, owner, keystone.QUOTA_IMAGE_COUNT_UPLOADING,
            lambda: keystone.db.user_get_uploading_count(
                context, owner), delta=in_flight[0])
    except exception.LimitExceeded as exc:
        return str(exc)
    return None


def refuse_staging(context: contexts.Context, size: int | None,
                   in_flight: int) -> str | None:
    """Return why a project may not have so much more in staging, if so."""
    try:
        keystone.enforce_image_staging_total(
            context, context.project_id,
            delta=((size or 0) + in_flight) // units.Mi)
    except exception.LimitExceeded as exc:
        return str(exc)
    return None


def remaining(context: contexts.Context) -> int | None:
    """Return how many bytes the project may still store, or None: any.

    With Glance's own ``user_storage_quota``, which counts each copy.
    """
    if cfg.CONF.use_keystone_limits:
        return None
    found: int | None = common.get_remaining_quota(
        context, glance.db.get_api())
    return found


def most(context: contexts.Context, copies: int) -> int:
    """Return how large an image may be that is stored ``copies`` times
    more.
    """
    cap: int = cfg.CONF.image_size_cap
    left = remaining(context)
    return cap if left is None else min(cap, max(0, left) // copies)


def usage(context: contexts.Context) -> dict[str, Any]:
    """Return what a project has used of Keystone's limits; {} without.

    ``{name: {'limit': …, 'usage': …}}``, as ``GET /v2/info/usage``.
    """
    return {name: {'limit': found.limit, 'usage': found.usage}
            for name, found in keystone.get_usage(context).items()}
