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


"""One image: shown, downloaded, made, changed, deleted."""

import time
from typing import Any
import urllib.parse

from oslo_utils import strutils
import webob
import webob.exc

from glance_ext.compat import translate
from glance_ext.compat.translate import Image
from glance_ext.compat.v1 import data
from glance_ext.compat.v1 import headers
from glance_ext.compat.v1 import inner
from glance_ext.compat.v1 import shape

#: Seconds that Glance has to look at the data of a location.
LOCATION_TIMEOUT = 30.0
COPY_FROM = 'X-Glance-Api-Copy-From'
PURGE = 'X-Glance-Registry-Purge-Props'
_OCTETS = 'application/octet-stream'

# Where data may be that Glance did not store. Users name no files of the
# server, and none of its credentials (swift+config).
_OUTSIDE = frozenset(
    {
        'cinder',
        'http',
        'https',
        'rbd',
        's3',
        's3+http',
        's3+https',
        'swift',
        'swift+http',
        'swift+https',
        'vsphere',
    }
)


def path(image_id: str) -> str:
    """Return the path of an image in v2."""
    return '/images/' + image_id


def meta(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``HEAD /images/{image_id}``."""
    image = shape.image(glance.call('GET', path(image_id)))
    response = webob.Response()
    response.headers.extend(_headers(image))
    return response


def show(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``GET /images/{image_id}``: with the image's data."""
    image = shape.image(glance.call('GET', path(image_id)))
    if image['status'] == 'deactivated':
        raise webob.exc.HTTPForbidden(f'Image {image_id} is deactivated')
    if image['status'] != 'active':
        raise webob.exc.HTTPNotFound(f'Image {image_id} is not active')
    inside = glance.send(glance.request('GET', path(image_id) + '/file'))
    response = webob.Response(
        headerlist=[*_headers(image), ('Content-Type', _OCTETS)],
        app_iter=inside.app_iter,
    )
    response.content_length = image['size']
    return response


def create(glance: inner.Glance, request: webob.Request) -> webob.Response:
    """Answer ``POST /images``."""
    wanted = shape.wanted(request)
    source = _only(_sources(request, wanted))
    if source == 'body':
        _check_ready(request, wanted, wanted)
    document = _document(glance, wanted)
    if wanted.get('is_public'):
        document['visibility'] = 'public'
    if wanted.get('size') == 0 and source is None:
        source = 'nothing'
        document.setdefault('disk_format', 'raw')
        document.setdefault('container_format', 'bare')
    image_id = glance.call('POST', '/images', document)['id']
    try:
        _fill(glance, request, image_id, wanted, source)
    except (inner.Refused, webob.exc.HTTPError):
        # v1 left an image of the status "killed", which v2 does not have.
        _forget(glance, image_id)
        raise
    image = shape.image(glance.call('GET', path(image_id)))
    response = _answer(image, 201)
    response.location = f'{request.application_url}/images/{image_id}'
    return response


def _forget(glance: inner.Glance, image_id: str) -> None:
    try:
        glance.call('DELETE', path(image_id))
    except inner.Refused:
        pass  # the caller may not delete; what they are told stays


def update(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``PUT /images/{image_id}``."""
    wanted = shape.wanted(request)
    sources = _sources(request, wanted)
    current = glance.call('GET', path(image_id))
    image = shape.image(current)
    fixed = {'id', 'status'}
    if image['status'] in ('active', 'deactivated'):
        fixed |= {'size', 'checksum'}
    for name in fixed & set(wanted):
        if wanted[name] != image[name]:
            raise webob.exc.HTTPForbidden(f'Forbidden to modify {name}')
    if sources and image['status'] != 'queued':
        if 'body' in sources:
            raise webob.exc.HTTPConflict('Cannot upload to an unqueued image')
        raise webob.exc.HTTPBadRequest('The image is not queued')
    source = _only(sources)
    if source == 'body':
        _check_ready(request, wanted, current)
    if not glance.is_admin:
        wanted.pop('owner', None)
    purge = request.headers.get(PURGE, 'true')
    patch = translate.changes(
        current,
        wanted,
        strutils.bool_from_string(purge) and source != 'body',
    )
    current = glance.call('PATCH', path(image_id), patch)
    if source:
        _fill(glance, request, image_id, wanted, source)
        current = glance.call('GET', path(image_id))
    return _answer(shape.image(current))


def delete(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``DELETE /images/{image_id}``."""
    glance.call('DELETE', path(image_id))
    return webob.Response()


def _headers(image: Image) -> list[tuple[str, str]]:
    found = headers.encode(image)
    if image['checksum']:
        found.append(('ETag', image['checksum']))
    return found


def _answer(image: Image, status: int = 200) -> webob.Response:
    response = webob.Response(
        status=status, json_body={'image': image}, charset=None
    )
    if image['checksum']:
        response.headers['ETag'] = image['checksum']
    return response


def _document(glance: inner.Glance, wanted: Image) -> Image:
    document = translate.to_v2(wanted)
    if not glance.is_admin:
        document.pop('owner', None)  # v1 never minded
    return document


def _sources(request: webob.Request, wanted: Image) -> list[str]:
    """Return where a request's data is to come from.

    :raises webob.exc.HTTPBadRequest: from where it cannot
    """
    sources = [
        name
        for name, given in (
            ('body', data.is_there(request)),
            ('location', 'location' in wanted),
            ('copy_from', COPY_FROM in request.headers),
        )
        if given
    ]
    if sources and sources != ['body']:
        scheme, _, _ = _url(request, wanted).partition(':')
        if scheme.lower() not in _OUTSIDE:
            raise webob.exc.HTTPBadRequest('The source is not supported')
    return sources


def _only(sources: list[str]) -> str | None:
    if len(sources) > 1:
        raise webob.exc.HTTPBadRequest('The data has several sources')
    return sources[0] if sources else None


def _url(request: webob.Request, wanted: Image) -> str:
    url = wanted.get('location') or request.headers.get(COPY_FROM, '')
    return urllib.parse.unquote(url) if shape.encodes(request) else url


def _check_ready(
    request: webob.Request, wanted: Image, current: Image
) -> None:
    """See that a request's data can become this image's.

    :raises webob.exc.HTTPBadRequest: it cannot
    """
    if request.content_type != _OCTETS:
        raise webob.exc.HTTPBadRequest(f'Content-Type must be {_OCTETS}')
    for name in ('disk_format', 'container_format'):
        if not (wanted.get(name) or current.get(name)):
            raise webob.exc.HTTPBadRequest(f'{name} is not specified')
    length = request.content_length
    if length is not None and wanted.get('size', length) != length:
        raise webob.exc.HTTPBadRequest('The size is not that of the data')


def _fill(
    glance: inner.Glance,
    request: webob.Request,
    image_id: str,
    wanted: Image,
    source: str | None,
) -> None:
    """Give an image its data, or say where it is.

    :raises inner.Refused: Glance does not take it
    :raises webob.exc.HTTPBadRequest: it is not what was announced
    """
    if source in ('body', 'nothing'):
        inside = glance.request('PUT', path(image_id) + '/file')
        inside.content_type = _OCTETS
        if wanted.get('store'):
            inside.headers['X-Image-Meta-Store'] = wanted['store']
        if source == 'body':
            length = request.content_length
            inside.body_file = data.Body(
                request, wanted.get('size', length), wanted.get('checksum')
            )
            inside.content_length = length
            inside.environ['wsgi.input_terminated'] = True
        glance.send(inside)
    elif source == 'copy_from':
        method = {'name': 'web-download', 'uri': _url(request, wanted)}
        glance.call('POST', path(image_id) + '/import', {'method': method})
    elif source == 'location':
        _locate(glance, image_id, _url(request, wanted))


def _locate(glance: inner.Glance, image_id: str, url: str) -> None:
    """Add a location and wait until Glance has looked at it."""
    try:
        body = {'url': url, 'validation_data': {}}
        glance.call('POST', path(image_id) + '/locations', body)
    except inner.Refused as error:
        if error.response.status_int not in (404, 405):
            raise
        # Glance 28 has no such call.
        value: dict[str, Any] = {'url': url, 'metadata': {}}
        step = {'op': 'add', 'path': '/locations/-', 'value': value}
        glance.call('PATCH', path(image_id), [step])
    deadline = time.monotonic() + LOCATION_TIMEOUT
    while glance.call('GET', path(image_id))['status'] == 'queued':
        tasks = glance.call('GET', path(image_id) + '/tasks')['tasks']
        failed = any(task['status'] == 'failure' for task in tasks)
        if failed or time.monotonic() > deadline:
            raise webob.exc.HTTPBadRequest('Glance cannot use the location')
        time.sleep(0.1)
