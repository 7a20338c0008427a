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
"""``POST /v2/images`` with an id of the caller's choice."""

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import uuidutils
import webob.exc

from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import ids
from glance_ext.host import policy
from glance_ext.host import wsgi
from glance_ext.stores import clearing
from glance_ext.stores import drivers

LOG = logging.getLogger(__name__)


def require_unused(raw: bytes, context: contexts.Context) -> None:
    """Refuse a new image with an id of which anything is left.

    What Glance refuses anyway is left to it.

    :param raw: the body of the request
    :raises webob.exc.HTTPConflict: something refers to the id
    :raises webob.exc.HTTPServiceUnavailable: a store does not say
    """
    image_id = _asked(raw)
    if image_id is None or not policy.allows(
            context, 'add_image', context.project_id or ''):
        return
    what = ids.trace(image_id)
    try:
        store = None if what else next(
            (store for store in drivers.writable() if clearing.is_occupied(
                store, image_id, context,
                cfg.CONF.glance_ext.stall_timeout)), None)
    except errors.StoreError as exc:
        LOG.warning('Image id %s was not accepted: %s', image_id,
                    exc.message)
        raise webob.exc.HTTPServiceUnavailable(
            explanation='Whether the image ID was used before cannot be '
                        'found out now.') from exc
    if what or store is not None:
        LOG.warning('Image id %s was not accepted: there is %s of it',
                    image_id, what or f'data in {drivers.name(store or "")}')
        raise webob.exc.HTTPConflict(
            explanation='Image ID was used before and cannot be used again.')


def _asked(raw: bytes) -> str | None:
    """Return the id that a body asks for, in lower case, if it is one.

    :raises wsgi.TooDeep:
    """
    try:
        asked = wsgi.parse(raw)['id']
    except wsgi.TooDeep:
        raise
    except (webob.exc.HTTPBadRequest, KeyError, TypeError):
        return None
    return (asked.lower() if isinstance(asked, str)
            and uuidutils.is_uuid_like(asked) else None)
