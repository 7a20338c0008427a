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
"""``POST /v2/images/{image_id}/import``, for the methods taken over.

Glance answers it for the others. Status codes are Glance's own.
"""

from collections.abc import Iterable
from typing import Any

import jsonschema
from oslo_config import cfg
import webob.exc

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import plugin
from glance_ext.actions import record
from glance_ext.api import hashes
from glance_ext.host import claims
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import quotas
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.plugins.importing import Method
from glance_ext.stores import drivers

#: Methods of Glance's own, which its operator enables.
_BUILT_IN = ('glance-direct', 'web-download', 'copy-image',
             'glance-download')
#: What only the methods have that are taken over.
_OURS = 'dry_run', 'allow_failure'
_OURS_OF_METHOD = 'os_hash_algo', 'os_hash_value', 'hash_uri'
_FLAG = {'type': 'boolean'}
#: What a request has beside its ``method``.
SCHEMA: dict[str, Any] = {
    'type': 'object',
    'properties': {
        'stores': {'type': 'array', 'minItems': 1, 'maxItems': 128,
                   'items': {'type': 'string', 'maxLength': 255}},
        'all_stores': _FLAG, 'all_stores_must_succeed': _FLAG,
        'allow_failure': _FLAG, 'dry_run': _FLAG},
}


def taken_over() -> dict[str, Method]:
    """Return ``{name: method}`` of those that the extension answers for.

    :raises ValueError: ``import_methods`` names one that is not installed
    """
    methods = {}
    for name in cfg.CONF.glance_ext.import_methods:
        if name in _BUILT_IN and (
                name not in cfg.CONF.enabled_import_methods):
            continue
        try:
            found = plugin.load(name)
        except KeyError:
            found = None
        if not isinstance(found, Method):
            raise ValueError(f'[glance_ext] import_methods: there is no '
                             f'import method {name!r}')
        methods[name] = found
    return methods


def offered() -> list[str]:
    """Return what POST accepts: Glance's methods, and those from elsewhere.
    """
    return list(dict.fromkeys((*cfg.CONF.enabled_import_methods,
                               *taken_over())))


def adds_methods() -> bool:
    """Tell whether POST accepts methods that Glance does not know of."""
    return offered() != list(cfg.CONF.enabled_import_methods)


def info(request: wsgi.Request) -> Answer:
    """``GET /v2/info/import``, as Glance answers it."""
    return Answer({'import-methods': {
        'description': 'Import methods available.', 'type': 'array',
        'value': offered()}})


def is_ours(raw: bytes) -> bool:
    """Tell whether a request with this body is answered here.

    :raises webob.exc.HTTPBadRequest: Glance would misunderstand it
    """
    body = wsgi.parse(raw)
    method = body.get('method') if isinstance(body, dict) else None
    if not isinstance(method, dict) or not isinstance(
            method.get('name', ''), str):
        raise _bad("Import request requires a 'method' object with a name.")
    if method.get('name') in taken_over():
        return True
    if 'uri' in method and method.get('name') != 'web-download':
        raise _bad("'uri' belongs to web-download only.")
    for name in (*(each for each in _OURS if each in body),
                 *(each for each in _OURS_OF_METHOD if each in method)):
        raise _bad(f'{name} is not for this import method here.')
    return False


def begin(request: wsgi.Request, image_id: str) -> Answer:
    """Accept an import. 202 with the action, or 200 with the plan.

    400 for a bad body, 403 and 404 by the policy, 409 where the image is
    not what the method wants or is held by another operation, 410 where it
    is deleted meanwhile, 413 for quotas.
    """
    context = request.context
    if context.read_only:
        raise webob.exc.HTTPForbidden()
    image = hashes.find_image(request, image_id)
    body = wsgi.parse(wsgi.read_body(request))
    method = taken_over()[body['method']['name']]
    method.require(policy.ImagePolicy(context, image))
    about = {name: value for name, value in body['method'].items()
             if name != 'name'}
    _validate(method, body, about)
    try:
        kept, secrets = method.keep(about)
    except cfg.Error:
        # A ValueError as well, but it quotes an option of this host.
        raise
    except ValueError as exc:
        raise _bad(str(exc)) from exc
    except errors.DestinationRefused as exc:
        raise _bad(f'The URI does not pass filtering: {exc.message}.'
                   ) from exc
    _require_state(method, image)
    stores = _stores(request, body, method, image)
    claim = _require_room(request, method, image, stores)
    spec = record.new_spec(
        method.name, stores=stores, method=kept,
        all_stores_must_succeed=_must_succeed(body))
    if body.get('dry_run'):
        return Answer(_plan(request, method, image, stores))
    if not stores:
        return Answer(None, 202)

    def prepare(connection: db.Connection) -> bool:
        if any(stores):
            copies.set_lists(connection, image_id, importing=stores,
                             failed=[])
        return method.prepare(connection, image_id)

    try:
        action = node.begin(spec, image, context, kept=secrets,
                            prepare=prepare, claim=claim)
    except errors.ImageTooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation=f'{exc.message}.') from exc
    except node.Busy as exc:
        raise webob.exc.HTTPConflict(
            explanation=f'Another operation is in progress on image '
                        f'{image_id}.') from exc
    except node.TooLarge as exc:
        raise webob.exc.HTTPRequestEntityTooLarge(
            explanation='The request is too large to be kept.') from exc
    except locks.ImageGone as exc:
        raise webob.exc.HTTPGone(
            explanation=f'Image {image_id} was deleted.') from exc
    view = action.view()
    return Answer(view, 202, wsgi.absolute(request, view['self']))


def _validate(method: Method, body: dict[str, Any], about: dict[str, Any]
              ) -> None:
    schema = {'type': 'object', 'properties': method.properties}
    if 'uri' in about and 'uri' not in method.properties:
        raise _bad("'uri' belongs to web-download only.")
    for checked, by in ((body, SCHEMA), (about, schema)):
        error = next(jsonschema.Draft4Validator(by).iter_errors(checked),
                     None)
        if error is not None:
            where = '.'.join(map(str, error.absolute_path))
            raise _bad(f'{where}: {ascii(error.message)[1:-1][:300]}')
    if unknown := about.keys() - method.properties.keys():
        raise _bad(f'{method.name} has no {ascii(sorted(unknown)[0])[:80]}.')
    if ('allow_failure' in body and 'all_stores_must_succeed' in body
            and body['allow_failure'] == body['all_stores_must_succeed']):
        raise _bad('allow_failure and all_stores_must_succeed contradict '
                   'each other.')


def _must_succeed(body: dict[str, Any]) -> bool:
    return bool(body.get('all_stores_must_succeed',
                         not body.get('allow_failure', False)))


def _require_state(method: Method, image: Any) -> None:
    if image.status != method.wanted:
        raise webob.exc.HTTPConflict(
            explanation=f'Image {image.image_id} is {image.status}; '
                        f'{method.name} needs one that is {method.wanted}.')
    for name in ('container_format', 'disk_format'):
        if not getattr(image, name, None):
            raise webob.exc.HTTPConflict(
                explanation=f"'{name}' needs to be set before import.")


def choose_stores(request: wsgi.Request, body: dict[str, Any]) -> list[str]:
    """Return the stores that a request wants data written to, each once.

    All that can be, or those that it names, or the default one; ``''`` on a
    Glance with a single store.
    """
    named = request.headers.get('X-Image-Meta-Store')
    all_stores = body.get('all_stores', False)
    if named is not None and ('stores' in body or all_stores):
        raise _bad('X-Image-Meta-Store names the only store; stores and '
                   'all_stores cannot go with it.')
    if all_stores and 'stores' in body:
        raise _bad('all_stores and stores exclude each other.')
    if not cfg.CONF.enabled_backends:
        if 'stores' in body or all_stores or not _must_succeed(body):
            raise _single()
        return ['']
    known, writable = drivers.known(), drivers.writable()
    wanted = (writable if all_stores else list(dict.fromkeys(
        body.get('stores', [named or drivers.default_store()]))))
    for store in wanted:
        if store not in known:
            raise webob.exc.HTTPConflict(
                explanation=f'There is no store {ascii(store)}.')
        if store not in writable:
            raise _bad(f"Store '{store}' cannot be written to.")
    return wanted


def _stores(request: wsgi.Request, body: dict[str, Any], method: Method,
            image: Any) -> list[str]:
    """Return the stores to write to that have no copy yet."""
    wanted = choose_stores(request, body)
    if method.wanted != images.ACTIVE:
        return wanted
    if not cfg.CONF.enabled_backends:
        raise _single()
    all_stores = body.get('all_stores', False)
    if all_stores and cfg.CONF.glance_ext.copy_image_all_stores == 'reject':
        raise _bad('all_stores is not for copy-image here; name the stores.')
    has = _stores_of(image)
    if not all_stores:
        for store in wanted:
            if store in has:
                raise _bad(f"Image is already present at store '{store}'.")
    return [store for store in wanted if store not in has]


def _single() -> webob.exc.HTTPBadRequest:
    return _bad('This Glance has a single store, so that there is no other '
                'one to choose.')


def _stores_of(image: Any) -> list[str]:
    """Return the stores that an image is in, the default one first."""
    return list(dict.fromkeys(
        drivers.store_of(location) for location in images.locations(
            image.image_id, drivers.default_store())))


def _require_room(request: wsgi.Request, method: Method, image: Any,
                  stores: list[str]) -> claims.Claim:
    """Return what the import is to claim, if it can be claimed now."""
    claim = quotas.claim(request.context, image.size, len(stores),
                         may_exceed=method.may_exceed,
                         staged=method.is_staged(), uploading=True)
    why = (quotas.refuse(claim)
           or copies.exceeds_location_quota(image, len(stores)))
    if not why and stores and (image.size or 0) > cfg.CONF.image_size_cap:
        why = (f'The image has {image.size} bytes, which is more than '
               f'image_size_cap allows.')
    if why:
        raise webob.exc.HTTPRequestEntityTooLarge(explanation=why)
    return claim


def _plan(request: wsgi.Request, method: Method, image: Any,
          stores: Iterable[str]) -> dict[str, Any]:
    """Return what would be done. Nothing is asked of anybody for it."""
    targets = [{'store': store or 'default', 'bytes': image.size}
               for store in stores]
    total = None if image.size is None else image.size * len(targets)
    return {
        'action_type': method.name,
        'image_id': image.image_id,
        'sources': [store or 'default' for store in _stores_of(image)],
        'targets': targets,
        'bytes_total': total,
        'quota': {
            'bytes': total,
            'bytes_remaining': quotas.remaining(request.context),
            'usage': quotas.usage(request.context)},
    }


def _bad(why: str) -> webob.exc.HTTPBadRequest:
    return webob.exc.HTTPBadRequest(explanation=why)
