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


"""Nova's Images API, on an image service of ours.

``/images`` as Nova has it up to version 2.35 of its API, and their metadata
up to 2.38. It is mounted as ``/compute/v2.1``, behind ``authtoken``.
"""

import re
from typing import Any

from oslo_config import cfg
from oslo_log import log
import webob
import webob.dec
import webob.exc

from glance_ext.compat import compute_requests
from glance_ext.compat import compute_views
from glance_ext.compat import errors
from glance_ext.compat import service
from glance_ext.compat.compute_requests import Caller

LOG = log.getLogger(__name__)

#: ``[quota] metadata_items`` of a Nova that nobody has configured.
METADATA_ITEMS = '128'

_FAULTS = {
    400: 'badRequest',
    401: 'unauthorized',
    403: 'forbidden',
    404: 'itemNotFound',
    409: 'conflictingRequest',
    413: 'overLimit',
    503: 'serviceUnavailable',
}
_RAISED: tuple[tuple[type[Exception], Any], ...] = (
    (errors.NotFound, webob.exc.HTTPNotFound),
    (errors.Forbidden, webob.exc.HTTPForbidden),
    (errors.Conflict, webob.exc.HTTPConflict),
    (errors.Invalid, webob.exc.HTTPBadRequest),
    (errors.GlanceConnectionFailed, webob.exc.HTTPServiceUnavailable),
    (errors.ImageServiceError, webob.exc.HTTPBadGateway),
)


def app_factory(global_conf: dict[str, str], **local_conf: str) -> Any:
    """Return the application, as ``paste.app_factory`` wants it.

    ``metadata_items`` in its section is how many an image may have.
    """
    items = int(local_conf.get('metadata_items', METADATA_ITEMS))
    return Application(service.get_default_image_service(cfg.CONF), items)


class Application:
    """Answers with the images of an image service."""

    def __init__(self, images: Any, metadata_items: int) -> None:
        self._images = images
        self._metadata_items = metadata_items

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        try:
            return self._answer(request)
        except webob.exc.HTTPException as error:
            return _fault(error)
        except UnicodeError:
            return _fault(webob.exc.HTTPBadRequest('This is no UTF-8'))
        except errors.ImageServiceError as error:
            answered = next(a for r, a in _RAISED if isinstance(error, r))
            return _fault(answered(str(error)))
        except Exception:
            # Not for the server to deal with, which would hang up.
            LOG.exception('A request to the compute view failed')
            return _fault(webob.exc.HTTPInternalServerError())

    def _answer(self, request: webob.Request) -> webob.Response:
        caller = compute_requests.caller(request)
        project = ''
        path = request.path_info
        if caller.project_id and path.startswith(f'/{caller.project_id}/'):
            project = caller.project_id
            path = path.removeprefix(f'/{project}')
        for pattern, newest, handlers in _ROUTES:
            matched = re.fullmatch(pattern, path)
            if matched is None:
                continue
            version = compute_requests.version(request)
            if version[0] > newest:
                raise webob.exc.HTTPNotFound(
                    f'API version {version[1]} is not supported on this '
                    'method.'
                )
            if request.method not in handlers:
                break
            view = compute_views.View(
                request.application_url,
                project,
                self._images.servers.next(caller),
            )
            handle = handlers[request.method]
            body = handle(self, caller, request, view, *matched.groups())
            return _response(body, version[1])
        # As Nova answers what it has no route for, also for a method.
        return webob.exc.HTTPNotFound()

    def index(
        self, caller: Caller, request: Any, view: compute_views.View
    ) -> Any:
        """Answer ``GET /images``."""
        images = self._list(caller, request)
        found = [view.brief(image) for image in images]
        return _page(found, view.next_page('images', request.GET, images))

    def detail(
        self, caller: Caller, request: Any, view: compute_views.View
    ) -> Any:
        """Answer ``GET /images/detail``."""
        images = self._list(caller, request)
        found = [view.full(image) for image in images]
        links = view.next_page('images/detail', request.GET, images)
        return _page(found, links)

    def _list(self, caller: Caller, request: Any) -> list[Any]:
        params = compute_requests.params(request)
        if not compute_requests.is_satisfiable(params['filters']):
            return []
        found: list[Any] = self._images.detail(caller, **params)
        return found

    def show(
        self,
        caller: Caller,
        request: Any,
        view: compute_views.View,
        image_id: str,
    ) -> Any:
        """Answer ``GET /images/{image_id}``."""
        return {'image': view.full(self._image(caller, image_id))}

    def delete(
        self, caller: Caller, request: Any, view: Any, image_id: str
    ) -> None:
        """Answer ``DELETE /images/{image_id}``."""
        try:
            self._images.delete(caller, image_id)
        except errors.NotFound as error:
            raise webob.exc.HTTPNotFound('Image not found.') from error
        except errors.Forbidden as error:
            raise webob.exc.HTTPForbidden(
                'You are not allowed to delete the image.'
            ) from error

    def metadata(
        self, caller: Caller, request: Any, view: Any, image_id: str
    ) -> Any:
        """Answer ``GET /images/{image_id}/metadata``."""
        return {'metadata': self._image(caller, image_id)['properties']}

    def add_metadata(
        self, caller: Caller, request: Any, view: Any, image_id: str
    ) -> Any:
        """Answer ``POST /images/{image_id}/metadata``."""
        given = compute_requests.body(request, 'metadata')
        image = self._update(caller, image_id, given, False)
        return {'metadata': image['properties']}

    def replace_metadata(
        self, caller: Caller, request: Any, view: Any, image_id: str
    ) -> Any:
        """Answer ``PUT /images/{image_id}/metadata``."""
        given = compute_requests.body(request, 'metadata')
        self._update(caller, image_id, given, True)
        return {'metadata': given}

    def meta(
        self, caller: Caller, request: Any, view: Any, image_id: str, key: str
    ) -> Any:
        """Answer ``GET /images/{image_id}/metadata/{key}``."""
        properties = self._image(caller, image_id)['properties']
        if key not in properties:
            raise webob.exc.HTTPNotFound()
        return {'meta': {key: properties[key]}}

    def set_meta(
        self, caller: Caller, request: Any, view: Any, image_id: str, key: str
    ) -> Any:
        """Answer ``PUT /images/{image_id}/metadata/{key}``."""
        given = compute_requests.body(request, 'meta')
        if set(given) != {key}:
            raise webob.exc.HTTPBadRequest('Request body and URI mismatch')
        self._update(caller, image_id, given, False)
        return {'meta': given}

    def delete_meta(
        self, caller: Caller, request: Any, view: Any, image_id: str, key: str
    ) -> None:
        """Answer ``DELETE /images/{image_id}/metadata/{key}``."""
        if key not in self._image(caller, image_id)['properties']:
            raise webob.exc.HTTPNotFound('Invalid metadata key')
        image = {'properties': {key: None}}
        self._images.update(caller, image_id, image, purge_props=False)

    def _image(self, caller: Caller, image_id: str) -> Any:
        try:
            return self._images.show(caller, image_id)
        except errors.NotFound as error:
            raise webob.exc.HTTPNotFound('Image not found.') from error

    def _update(
        self,
        caller: Caller,
        image_id: str,
        properties: dict[str, str],
        purge: bool,
    ) -> Any:
        before = self._image(caller, image_id)['properties']
        after = properties if purge else before | properties
        if len(after) > self._metadata_items:
            raise webob.exc.HTTPForbidden('Image metadata limit exceeded')
        image = {'properties': properties}
        return self._images.update(caller, image_id, image, purge_props=purge)


_IMAGE = '/images/([^/]+)'

# A path, the last version that has it, and the handler of each method.
_ROUTES: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ('/images', 35, {'GET': Application.index}),
    ('/images/detail', 35, {'GET': Application.detail}),
    (_IMAGE, 35, {'GET': Application.show, 'DELETE': Application.delete}),
    (
        _IMAGE + '/metadata',
        38,
        {
            'GET': Application.metadata,
            'POST': Application.add_metadata,
            'PUT': Application.replace_metadata,
        },
    ),
    (
        _IMAGE + '/metadata/([^/]+)',
        38,
        {
            'GET': Application.meta,
            'PUT': Application.set_meta,
            'DELETE': Application.delete_meta,
        },
    ),
)


def _page(images: list[Any], links: list[Any]) -> dict[str, Any]:
    page = {'images': images}
    return page | {'images_links': links} if links else page


def _response(body: Any, version: str) -> webob.Response:
    if body is None:
        response = webob.Response(status=204)
    else:
        response = webob.Response(json_body=body, charset=None)
    response.headers['OpenStack-API-Version'] = f'compute {version}'
    response.headers['X-OpenStack-Nova-API-Version'] = version
    names = ('OpenStack-API-Version', 'X-OpenStack-Nova-API-Version')
    response.vary = names
    return response


def _fault(error: webob.exc.HTTPException) -> webob.Response:
    status = error.status_int
    message = error.detail or error.explanation
    fault = {'code': status, 'message': message}
    return webob.Response(
        status=status,
        json_body={_FAULTS.get(status, 'computeFault'): fault},
        charset='UTF-8',
    )
