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
"""``POST /v2/images/{image_id}/export`` and ``/v2/image-exports``."""

from typing import Any

import webob.exc

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.api import hashes
from glance_ext.api import own_resources
from glance_ext.api import resource_schemas
from glance_ext.api import schemas
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import conversion
from glance_ext.host import images
from glance_ext.host import policy
from glance_ext.host import quotas
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.plugins import destinations
from glance_ext.plugins import image_export
from glance_ext.policies.image_exports import DELETE_IMAGE_EXPORT
from glance_ext.policies.image_exports import EXPORT_IMAGE
from glance_ext.policies.image_exports import GET_IMAGE_EXPORT
from glance_ext.policies.image_exports import GET_IMAGE_EXPORTS


def _view(action: record.Action, context: contexts.Context
          ) -> dict[str, Any]:
    wanted = action.spec['formats']
    return {'image_id': action.image_id, 'location': action.spec['location'],
            **({'disk_format': wanted[1]} if wanted else {})}


_EXPORTS = own_resources.Resource(
    image_export.ACTION_TYPE, 'image_exports', _view)


def create(request: wsgi.Request, image_id: str) -> Answer:
    """Accept an export. 201 with its address.

    400 for a bad body or location, 403 and 404 by the policies, 409 where
    the image is not active or the key was of another request, 413 where a
    conversion takes more of staging than the project may have.
    """
    context = request.context
    image = hashes.find_image(request, image_id)
    allowed = policy.ImagePolicy(context, image)
    allowed.require(EXPORT_IMAGE)
    allowed.download_image()
    if context.read_only:
        raise webob.exc.HTTPForbidden()
    body = schemas.read(request, resource_schemas.EXPORT_REQUEST)
    action_id, fingerprint = own_resources.keyed(
        request, {**body, 'image_id': image_id})
    if there := own_resources.known(action_id):
        return _EXPORTS.accepted(request, there, fingerprint)
    try:
        destinations.rules(exporting=True).parse(body['location'])
    except errors.DestinationRefused as exc:
        raise webob.exc.HTTPBadRequest(
            explanation=f'location does not pass filtering: {exc.message}.'
        ) from exc
    if image.status != images.ACTIVE:
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image_id} is {image.status}; only an '
                        f'active image can be exported.')
    formats = _formats(image, body.get('disk_format'))
    shown, _, query = body['location'].partition('?')
    try:
        action = node.begin_unlocked(
            image_export.spec(shown, bool(query), fingerprint,
                              formats),
            image, context, kept={'location': query} if query else {},
            action_id=action_id, claim=quotas.claim(
                context, image.size, staged=True) if formats
            else claims.NOTHING)
    except errors.ImageTooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation=f'{exc.message}.') from exc
    except node.TooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation='The request is too large to be kept.') from exc
    except node.Busy as exc:
        raise own_resources.key_was_used() from exc
    return _EXPORTS.accepted(request, action, fingerprint)


def index(request: wsgi.Request) -> Answer:
    """List the exports, the newest first."""
    return _EXPORTS.list(request, GET_IMAGE_EXPORTS)


def show(request: wsgi.Request, export_id: str) -> Answer:
    """Show one export. 404 for those that are not for this caller."""
    return Answer(_EXPORTS.show(request, _EXPORTS.find(
        request, export_id, GET_IMAGE_EXPORT)))


def delete(request: wsgi.Request, export_id: str) -> Answer:
    """Cancel an export. 409 where it has ended."""
    return _EXPORTS.cancel(request, export_id, DELETE_IMAGE_EXPORT)


def _formats(image: Any, wanted: str | None) -> tuple[str, str] | None:
    given = image.disk_format
    if wanted is None or wanted == given:
        return None
    if given not in conversion.FORMATS or image.container_format != 'bare':
        raise webob.exc.HTTPBadRequest(
            explanation=f'An image of format {given} in a container '
                        f'{image.container_format} cannot be converted.')
    return given, wanted
