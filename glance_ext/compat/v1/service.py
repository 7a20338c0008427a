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


"""Nova's image service on version 1 of the Image API. Deprecated.

It shares the pure translation with version 2 and no step of any call, so that
this module can be deleted with nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO
import urllib.parse

from glance_ext.compat import bodies
from glance_ext.compat import errors
from glance_ext.compat import servers as servers_
from glance_ext.compat import translate
from glance_ext.compat.translate import Image
from glance_ext.compat.v1 import headers

PAGE = 100
_ATTRIBUTES = (
    'id', 'name', 'status', 'size', 'disk_format', 'container_format',
    'checksum', 'owner', 'min_ram', 'min_disk', 'is_public', 'deleted',
    'created_at', 'updated_at', 'deleted_at', 'properties',
)  # fmt: skip
_SET_BY_GLANCE = ('status', 'created_at', 'updated_at', 'deleted_at')


class GlanceImageService:
    """Images through version 1 of the Image API.

    The calls are those of ``service_v2.GlanceImageServiceV2``. Names of
    properties lose their case, and become lower case, on their way.
    """

    def __init__(self, servers: servers_.Servers | None = None) -> None:
        self.servers = servers or servers_.Servers()

    def show(
        self,
        context: Any,
        image_id: str,
        include_locations: bool = False,
        show_deleted: bool = True,
    ) -> Image:
        """Return an image; v1 shows no locations.

        :raises ImageNotFound: also when the caller may not see it
        """
        answer = self.servers.request(context, 'HEAD', _path(image_id))
        errors.check(answer, image_id)
        image = _shown(headers.decode(answer.headers.items()))
        deleted = image['deleted'] and not show_deleted
        if deleted or not translate.is_available(context, image):
            raise errors.ImageNotFound(f'image {image_id}')
        if include_locations:
            image['locations'] = []
        return image

    def detail(self, context: Any, **params: Any) -> list[Image]:
        """Return images, as ``GlanceImageServiceV2.detail`` does."""
        limit = params.get('limit')
        asked = {'is_public': 'none', **(params.get('filters') or {})}
        # One of several values: v1 cannot be asked for that.
        several = {n: v for n, v in asked.items() if isinstance(v, list)}
        asked = {n: v for n, v in asked.items() if n not in several}
        asked['limit'] = params.get('page_size') or min(limit or PAGE, PAGE)
        for name in ('marker', 'sort_key', 'sort_dir'):
            if params.get(name):
                asked[name] = params[name]
        images = []
        for image in self._list(context, asked):
            fits = all(image.get(n) in v for n, v in several.items())
            if fits and translate.is_available(context, image):
                images.append(image)
            if limit and len(images) == limit:
                break
        return images

    def _list(self, context: Any, asked: dict[str, Any]) -> Iterator[Image]:
        while True:
            path = '/v1/images/detail?' + urllib.parse.urlencode(asked)
            answer = self.servers.request(context, 'GET', path)
            page = errors.check(answer).json()['images']
            yield from map(_shown, page)
            if len(page) < asked['limit']:
                return
            asked['marker'] = page[-1]['id']

    def create(
        self,
        context: Any,
        image_meta: Mapping[str, Any],
        data: bodies.Data | None = None,
    ) -> Image:
        """Make an image, as ``GlanceImageServiceV2.create`` does."""
        properties = dict(image_meta.get('properties') or {})
        member = properties.pop('instance_owner', None)
        sent = _headers({**image_meta, 'properties': properties})
        answer = self._send(context, 'POST', '/v1/images', sent, data)
        image = errors.check(answer).json()['image']
        if member:
            path = f'{_path(image["id"])}/members/' + urllib.parse.quote(
                member, safe=''
            )
            errors.check(self.servers.request(context, 'PUT', path))
        return _shown(image)

    def update(
        self,
        context: Any,
        image_id: str,
        image_meta: Mapping[str, Any],
        data: bodies.Data | None = None,
        purge_props: bool = True,
    ) -> Image:
        """Change an image, as ``GlanceImageServiceV2.update`` does."""
        sent = _headers({n: v for n, v in image_meta.items() if n != 'id'})
        sent['x-glance-registry-purge-props'] = str(purge_props).lower()
        answer = self._send(context, 'PUT', _path(image_id), sent, data)
        return _shown(errors.check(answer, image_id).json()['image'])

    def _send(
        self,
        context: Any,
        method: str,
        path: str,
        sent: dict[str, str],
        data: bodies.Data | None,
    ) -> Any:
        sent['Content-Type'] = 'application/octet-stream'
        if not data:
            return self.servers.request(context, method, path, headers=sent)
        upload = bodies.Upload(data)
        return self.servers.request(
            context,
            method,
            path,
            again=upload.again,
            data=upload,
            headers=sent,
        )

    def delete(self, context: Any, image_id: str) -> bool:
        """Delete an image and return True.

        :raises ImageDeleteConflict: something still uses it
        """
        answer = self.servers.request(context, 'DELETE', _path(image_id))
        try:
            errors.check(answer, image_id)
        except errors.Conflict as error:
            raise errors.ImageDeleteConflict(str(error)) from error
        return True

    def download(
        self,
        context: Any,
        image_id: str,
        data: BinaryIO | None = None,
        dst_path: str | None = None,
        trusted_certs: Any = None,
    ) -> Iterable[bytes] | None:
        """Write or return data, as ``GlanceImageServiceV2.download`` does."""
        if trusted_certs:
            raise errors.CertificateValidationFailed(
                'signatures are not verified here'
            )
        answer = self.servers.request(
            context, 'GET', _path(image_id), stream=True
        )
        errors.check(answer, image_id)
        digest = answer.headers.get('x-image-meta-checksum')
        body = bodies.chunks(answer, 'md5', digest)
        return bodies.write(body, data, dst_path)

    def image_import_copy(
        self, context: Any, image_id: str, stores: list[str]
    ) -> None:
        """Refuse: v1 knows no copies.

        :raises ImageImportImpossible: always
        """
        raise errors.ImageImportImpossible(
            f'image {image_id}: version 1 of the Image API makes no copies'
        )


def _path(image_id: str) -> str:
    """Return the path of an image.

    :raises ImageNotFound: for what would lead elsewhere
    """
    if image_id in ('', '.', '..'):
        raise errors.ImageNotFound(f'image {image_id!r}')
    return '/v1/images/' + urllib.parse.quote(image_id, safe='')


def _shown(image: Mapping[str, Any]) -> Image:
    found = {name: image.get(name) for name in _ATTRIBUTES}
    found['size'] = found['size'] or 0
    found['properties'] = {
        name: value
        for name, value in image['properties'].items()
        if value is not None
    }
    return translate.structured(found)


def _headers(image: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of what a client may send of an image.

    :raises Invalid: a property has a name that no header can have
    """
    properties = {
        name: '' if value is None else translate.text(name, value)
        for name, value in (image.get('properties') or {}).items()
    }
    kept = {
        name: value
        for name, value in image.items()
        if name in headers.ATTRIBUTES and name not in _SET_BY_GLANCE
    }
    for name in properties:
        if not headers.is_name(name):
            raise errors.Invalid(f'no header can be called {name!r}')
    return dict(headers.encode({**kept, 'properties': properties}))
