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
"""``/v2/image-imports``: bits that are to become images."""

import json
from typing import Any

from oslo_config import cfg
import webob.exc

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.actions.hold import HandedBack
from glance_ext.api import ids
from glance_ext.api import imports
from glance_ext.api import own_resources
from glance_ext.api import resource_schemas
from glance_ext.api import schemas
from glance_ext.host import contexts
from glance_ext.host import creation
from glance_ext.host import images
from glance_ext.host import policy
from glance_ext.host import properties as properties_
from glance_ext.host import quotas
from glance_ext.host import reservations
from glance_ext.host import tasks
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.plugins import image_import
from glance_ext.plugins import sources
from glance_ext.plugins import uploads
from glance_ext.plugins import verifying
from glance_ext.policies.image_imports import ADD_IMAGE_IMPORT
from glance_ext.policies.image_imports import DELETE_IMAGE_IMPORT
from glance_ext.policies.image_imports import GET_IMAGE_IMPORT
from glance_ext.policies.image_imports import GET_IMAGE_IMPORTS
from glance_ext.policies.image_imports import UPLOAD_IMAGE_IMPORT

_OCTETS = 'application/octet-stream'


def _view(action: record.Action, context: contexts.Context
          ) -> dict[str, Any]:
    if action.status == tasks.SUCCESS:
        return {'image_ref': f'/v2/images/{action.result["image_id"]}'}
    return {'image_properties': properties_.readable(
        context, action.spec.get('image_properties', {}))}


_IMPORTS = own_resources.Resource(
    image_import.ACTION_TYPE, 'image_imports', _view)


def create(request: wsgi.Request) -> Answer:
    """Accept an import. 201 with its address.

    400 for a bad body or location, 403 by the policies, 409 where an image
    or an import has the wanted id, or the key was of another request, 413
    for quotas. What Glance would say about such an image it says here.
    """
    context = request.context
    if context.read_only or not policy.allows(
            context, ADD_IMAGE_IMPORT, context.project_id or ''):
        raise webob.exc.HTTPForbidden()
    body = schemas.read(request, resource_schemas.IMPORT_REQUEST)
    action_id, fingerprint = own_resources.keyed(request, body)
    if there := own_resources.known(action_id):
        return _IMPORTS.accepted(request, there, fingerprint)
    try:
        action = _accept(request, body, action_id, fingerprint)
    except webob.exc.HTTPConflict:
        # It may be the same request, sent twice at once, that has the id.
        there = own_resources.known(action_id)
        if there is None:
            raise
        action = there
    return _IMPORTS.accepted(request, action, fingerprint)


def _accept(request: wsgi.Request, body: dict[str, Any],
            action_id: str | None, fingerprint: str) -> record.Action:
    context = request.context
    kept, secrets = _split(request, body)
    properties = body.get('image_properties', {})
    creation.preview(context, properties, image_import.rules(body))
    if 'id' in properties and images.read(properties['id']) is not None:
        raise _taken(properties['id'])
    if cfg.CONF.glance_ext.image_id_reuse_guard:
        ids.require_unused(json.dumps(properties).encode(), context)
    stores = imports.choose_stores(request, body)
    spec = image_import.spec(body, stores, kept, fingerprint)
    try:
        return node.begin_unlocked(
            spec, None, context, kept=secrets, action_id=action_id,
            claim=quotas.claim(context, None, len(stores), staged=True,
                               uploading=True,
                               future_id=spec['future_id']))
    except reservations.IdTakenError as exc:
        raise _taken(properties['id']) from exc
    except errors.ImageTooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation=f'{exc.message}.') from exc
    except node.TooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation='The request is too large to be kept.') from exc
    except node.Busy as exc:
        raise own_resources.key_was_used() from exc


def upload(request: wsgi.Request, import_id: str) -> Answer:
    """Take the data of an import without a location. 204.

    400 for a body that was cut off, 403 by the policies, 409 where no data
    is waited for, 413 where it is too much, 415 for another type. The image
    is made for whoever asked for the import, and by their rights.
    """
    action = _IMPORTS.find(request, import_id, UPLOAD_IMAGE_IMPORT)
    if request.context.read_only or not policy.allows(
            request.context, 'upload_image', action.owner):
        raise webob.exc.HTTPForbidden()
    context = contexts.for_caller(action.spec['caller'], request.context)
    if request.content_type != _OCTETS:
        raise webob.exc.HTTPUnsupportedMediaType(
            explanation=f'The data has to be sent as {_OCTETS}.')
    stores = action.spec['stores']
    if 'X-Image-Meta-Store' in request.headers:
        if action.spec['chosen']:
            raise webob.exc.HTTPBadRequest(
                explanation='The import has its stores; X-Image-Meta-Store '
                            'cannot name another one.')
        stores = imports.choose_stores(request, {})
    most = quotas.most(context, len(stores))
    try:
        verifying.require_room(request.content_length or 0, most)
        uploads.receive(action, context, wsgi.read_chunks(request),
                        most, stores, request.content_length)
    except (uploads.Taken, errors.Cancelled) as exc:
        raise webob.exc.HTTPConflict(
            explanation=f'Image import {import_id} does not wait for data.'
        ) from exc
    except (errors.ImageTooLarge, errors.StoreFull) as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation=f'{exc.message}.') from exc
    except (errors.ActionError, HandedBack) as exc:
        raise webob.exc.HTTPServiceUnavailable(
            explanation='The data could not be taken now.') from exc
    return Answer(status=204)


def index(request: wsgi.Request) -> Answer:
    """List the imports, the newest first."""
    return _IMPORTS.list(request, GET_IMAGE_IMPORTS)


def show(request: wsgi.Request, import_id: str) -> Answer:
    """Show one import. 404 for those that are not for this caller."""
    return Answer(_IMPORTS.show(request, _IMPORTS.find(
        request, import_id, GET_IMAGE_IMPORT)))


def delete(request: wsgi.Request, import_id: str) -> Answer:
    """Cancel an import, and leave nothing of it. 409 where it has ended."""
    return _IMPORTS.cancel(request, import_id, DELETE_IMAGE_IMPORT)


def _split(request: wsgi.Request, body: dict[str, Any]
           ) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the row keeps of the URIs and stores, and what not."""
    if ('os_hash_algo' in body) != ('os_hash_value' in body):
        raise _bad('os_hash_algo and os_hash_value go together.')
    digested = {'os_hash_value', 'hash_uri'} & body.keys()
    if len(digested) > 1:
        raise _bad('hash_uri and os_hash_value exclude each other.')
    if 'hash_uri' in body and 'location' not in body:
        raise _bad('hash_uri needs a location, whose name it lists.')
    if digested and verifying.DIGEST not in cfg.CONF.glance_ext.verifiers:
        raise _bad('Digests are not verified here.')
    kept: dict[str, Any] = {'chosen': bool(
        {'stores', 'all_stores'} & body.keys())}
    secrets = {}
    for name, source in (
            ('location', sources.load(sources.scheme(
                body.get('location', '')))),
            ('hash_uri', sources.load('https'))):
        if name not in body:
            continue
        if source is None:
            raise _bad('The scheme of the location is not one that can be '
                       'imported from: use http, https or swift.')
        try:
            kept[name], secret = source.split(body[name], request.context)
        except cfg.Error:
            # A ValueError as well, but it quotes an option of this host.
            raise
        except ValueError as exc:
            raise _bad(f'{name}: {exc}.') from exc
        except errors.DestinationRefused as exc:
            raise _bad(f'{name} does not pass filtering: {exc.message}.'
                       ) from exc
        if secret:
            secrets[name] = secret
        if source.needs_token:
            kept['needs_token'] = True
    return {**kept, 'secret': sorted(secrets)}, secrets


def _taken(image_id: str) -> webob.exc.HTTPConflict:
    return webob.exc.HTTPConflict(
        explanation=f'Image ID {image_id} already exists, or another image '
                    f'import has reserved it.')


def _bad(why: str) -> webob.exc.HTTPBadRequest:
    return webob.exc.HTTPBadRequest(explanation=why)
