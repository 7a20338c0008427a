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
"""``POST /v2/images/{image_id}/hash``"""

from typing import Any

from oslo_config import cfg
from oslo_utils import uuidutils
import webob.exc

from glance_ext.actions import node
from glance_ext.api import schemas
from glance_ext.conf import hash as hash_options
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.plugins import hash as hash_
from glance_ext.policies.hash import CALCULATE_HASH


def calculate(request: wsgi.Request, image_id: str) -> Answer:
    """Accept the calculation of an image's hash. 202 with the action.

    400 for a bad body or algorithm, 403 and 404 by the policy, 409 where
    the image is not active, has a hash, or is held by another operation.
    """
    image = find_image(request, image_id)
    policy.ImagePolicy(request.context, image).require(CALCULATE_HASH)
    body = schemas.read(request, schemas.IMAGE_HASH)
    algorithm = body.get('os_hash_algo') or cfg.CONF.hashing_algorithm
    rehash = body.get('rehash', False)
    if not hash_options.is_allowed(algorithm, cfg.CONF):
        raise webob.exc.HTTPBadRequest(
            explanation=f"os_hash_algo {algorithm} is not allowed here; use "
                        f"one of: {', '.join(hash_options.allowed(cfg.CONF))}")
    if image.status != images.ACTIVE:
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image_id} is {image.status}; only an '
                        f'active image can be hashed.')
    if image.os_hash_value is not None and not rehash:
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image_id} has a hash already '
                        f'({image.os_hash_algo}); use rehash to replace it.')
    try:
        action = node.begin(hash_.spec(algorithm, rehash), image,
                            request.context)
    except node.Busy as exc:
        raise webob.exc.HTTPConflict(
            explanation=f'Another operation is in progress on image '
                        f'{image_id}.') from exc
    except locks.ImageGone as exc:
        raise _not_found(image_id) from exc
    view = action.view()
    return Answer(view, 202, wsgi.absolute(request, view['self']))


def find_image(request: wsgi.Request, image_id: str) -> Any:
    """Return Glance's image object. 404 where the caller sees none."""
    image = (images.seen_by(request.context, image_id)
             if uuidutils.is_uuid_like(image_id) else None)
    if image is None:
        raise _not_found(image_id)
    return image


def _not_found(image_id: str) -> webob.exc.HTTPNotFound:
    return webob.exc.HTTPNotFound(
        explanation=f'No image found with ID {ascii(image_id)[1:-1]}')
