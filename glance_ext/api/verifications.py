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
"""``POST /v2/images/{image_id}/verify``"""

from typing import Any

from oslo_config import cfg
import webob.exc

from glance_ext.actions import node
from glance_ext.api import hashes
from glance_ext.api import schemas
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.plugins import verify
from glance_ext.policies.verify import VERIFY_IMAGE
from glance_ext.stores import drivers


def begin(request: wsgi.Request, image_id: str) -> Answer:
    """Accept the verification of an image's copies. 202 with the action.

    400 for a bad body or a store that has no copy, 403 and 404 by the
    policy, 409 where the image is neither active nor deactivated, has
    nothing that a copy can be compared with, or, for a repair, is held by
    another operation.
    """
    image = hashes.find_image(request, image_id)
    policy.ImagePolicy(request.context, image).require(VERIFY_IMAGE)
    body = schemas.read(request, schemas.IMAGE_VERIFY)
    if image.status not in verify.STATUSES:
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image_id} is {image.status}; only an image '
                        f'that is {" or ".join(verify.STATUSES)} can be '
                        f'verified.')
    stores = _stores(image_id, body)
    if (image.os_hash_value is None and image.checksum is None
            and len(stores) < 2):
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image_id} has no hash and no checksum, and '
                        f'no second copy is to be compared; calculate its '
                        f'hash first, with POST /v2/images/{image_id}/hash.')
    repair = body.get('repair', False)
    begin_ = node.begin if repair else node.begin_unlocked
    try:
        action = begin_(verify.spec(stores, repair), image, request.context)
    except node.Busy as exc:
        raise webob.exc.HTTPConflict(
            explanation=f'Another operation is in progress on image '
                        f'{image_id}.') from exc
    except locks.ImageGone as exc:
        raise webob.exc.HTTPNotFound(
            explanation=f'No image found with ID {image_id}') from exc
    view = action.view()
    return Answer(view, 202, wsgi.absolute(request, view['self']))


def _stores(image_id: str, body: dict[str, Any]) -> list[str]:
    """Return the stores whose copies are to be read, each once."""
    there = list(dict.fromkeys(
        drivers.store_of(location) for location in images.locations(
            image_id, drivers.default_store())))
    if 'stores' not in body:
        return there
    if not cfg.CONF.enabled_backends:
        raise webob.exc.HTTPBadRequest(
            explanation='This Glance has a single store, so that there is '
                        'none to choose.')
    for store in body['stores']:
        if store not in there:
            raise webob.exc.HTTPBadRequest(
                explanation=f'Image {image_id} has no copy in store '
                            f'{ascii(store)[:80]}.')
    return list(dict.fromkeys(body['stores']))
