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

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from glance.api import common
from glance.common import exception
import glance.db
from glance.quota import keystone
from oslo_config import cfg
from oslo_limit import limit
from oslo_log import log as logging
from oslo_utils import units

from glance_ext import errors
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host.claims import Room

LOG = logging.getLogger(__name__)

_CAP = 'image_size_cap'


def limits(context: contexts.Context,
           known: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return ``{name: limit}`` of those that hold for a project.

    :param known: what they were before, for when Keystone does not tell
    """
    project = context.project_id
    if not project:
        return {}
    if not cfg.CONF.use_keystone_limits:
        most = _storage_quota(context)
        return {} if most is None else {claims.STORAGE: most}
    try:
        enforcer = limit.Enforcer(lambda project, names: {})
        found = {**dict(enforcer.get_registered_limits(None)),
                 **dict(enforcer.get_project_limits(project, None))}
    except Exception as exc:
        if not known:
            raise
        LOG.warning('Keystone does not tell the limits of project %s (%s); '
                    'those from before hold', project, type(exc).__name__)
        return dict(known)
    # What is not registered is 0 for Glance, and a negative limit is none.
    return {name: value for name in claims.OF_KEYSTONE
            if (value := found.get(name, 0)) >= 0}


def claim(context: contexts.Context, size: int | None, copies: int = 0,
          **more: Any) -> claims.Claim:
    """Return what an action of this caller would add.

    :param more: of :class:`claims.Claim`
    """
    return claims.Claim(context.project_id or '', limits(context), size,
                        copies, **more)


def refuse(asked: claims.Claim) -> str | None:
    """Return why so much cannot be claimed now, if so. Claims nothing."""
    if not asked.limits:
        return None
    try:
        db.transaction(asked.require)
    except errors.ImageTooLarge as exc:
        return exc.message
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


def most(context: contexts.Context, copies: int,
         known: Mapping[str, int] | None = None) -> Room:
    """Return how large an image may be that is stored ``copies`` times
    more.

    :param known: of :func:`limits`; the default is to ask for them
    """
    rooms = [Room(cfg.CONF.image_size_cap, _CAP)]
    found = limits(context) if known is None else known
    if found and copies:
        used = db.transaction(
            lambda connection: claims.stored(connection, context.project_id))
        if claims.STORAGE in found:
            rooms.append(Room((found[claims.STORAGE] - used) // copies,
                              claims.STORAGE))
        if claims.SIZE in found:
            left = found[claims.SIZE] - used // units.Mi
            rooms.append(Room(
                ((left + 1) * units.Mi - 1) // copies if left >= 0 else 0,
                claims.SIZE))
    return min(rooms)


def usage(context: contexts.Context) -> dict[str, Any]:
    """Return what a project has used of Keystone's limits; {} without.

    ``{name: {'limit': …, 'usage': …}}``, as ``GET /v2/info/usage``.
    """
    return {name: {'limit': found.limit, 'usage': found.usage}
            for name, found in keystone.get_usage(context).items()}


def _storage_quota(context: contexts.Context) -> int | None:
    """Return ``user_storage_quota`` in bytes, or None: no limit."""
    found: int | None = common.get_remaining_quota(context, SimpleNamespace(
        user_get_storage_usage=lambda *_, **__: 0))
    return found
