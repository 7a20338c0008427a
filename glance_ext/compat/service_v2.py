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


"""Nova's image service on version 2 of the Image API.

The interface is that of ``nova.image.glance``; what is refused raises the
exceptions of ``glance_ext.compat.errors``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO
import urllib.parse

from glance_ext.compat import bodies
from glance_ext.compat import errors
from glance_ext.compat import filters
from glance_ext.compat import servers as servers_
from glance_ext.compat import translate
from glance_ext.compat.translate import Image

PAGE = 100
_PATCH = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}
_OCTETS = {'Content-Type': 'application/octet-stream'}
_LOCATION_REFUSED = (
    'image %s: Glance refuses its location (HTTP %d). From 29 on it wants '
    'the policy add_image_location and, without the role "service", an '
    'enabled store of the type http and a host that '
    '[import_filtering_opts] lets through. Glance 28 wants [DEFAULT] '
    'show_multiple_locations and the policy set_image_location.'
)


class GlanceImageServiceV2:
    """Images through version 2 of the Image API, in the form of version 1.

    ``context`` is the caller's oslo.context; its ``auth_token`` goes out.
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
        """Return an image.

        :param include_locations: add ``locations``, and ``direct_url`` as
            one of them, as far as Glance shows them to this caller.
        :param show_deleted: without effect: v2 shows no deleted image.
        :raises glance_ext.compat.errors.ImageNotFound:
            also when the caller may not see it
        """
        found = self._get(context, image_id)
        image = translate.for_nova(found, include_locations)
        if not translate.is_available(context, image):
            raise errors.ImageNotFound(f'image {image_id}')
        if include_locations:
            image['locations'] = list(image.get('locations') or [])
            if url := image.get('direct_url'):
                image['locations'].append({'url': url, 'metadata': {}})
        return image

    def detail(self, context: Any, **params: Any) -> list[Image]:
        """Return images.

        :param params: ``filters`` (of v1, and lists of states), ``limit``,
            ``marker``, ``page_size``, ``sort_key`` and ``sort_dir``; others
            are ignored.
        :raises Invalid: a filter, a marker or a key that Glance refuses
        """
        try:
            query = filters.query(params.get('filters') or {})
        except ValueError as error:
            raise errors.Invalid(str(error)) from error
        limit = params.get('limit')
        asked: dict[str, Any] = dict(query.params)
        asked['limit'] = params.get('page_size') or min(limit or PAGE, PAGE)
        for name in ('marker', 'sort_key', 'sort_dir'):
            if params.get(name):
                asked[name] = params[name]
        images = []
        for found in self._list(context, asked):
            image = translate.for_nova(found)
            if query.matches(image) and translate.is_available(context, image):
                images.append(image)
            if limit and len(images) == limit:
                break
        return images

    def _list(self, context: Any, asked: dict[str, Any]) -> Iterator[Image]:
        path = '/v2/images?' + urllib.parse.urlencode(asked, doseq=True)
        while True:
            answer = self.servers.request(context, 'GET', path)
            page = errors.check(answer).json()
            yield from page['images']
            if 'next' not in page:
                return
            path = '/v2/images?' + page['next'].partition('?')[2]

    def create(
        self,
        context: Any,
        image_meta: Mapping[str, Any],
        data: bodies.Data | None = None,
    ) -> Image:
        """Make an image and return it.

        With ``data`` it becomes active; without, ``size`` 0 makes it an
        active image of no bytes, which v2 has in the format raw only.
        ``location`` names data that is there already. The property
        ``instance_owner`` is a project to share the image with, and is not
        stored.

        :raises Invalid: and others, as Glance refuses one of the steps
        """
        properties = dict(image_meta.get('properties') or {})
        member = properties.pop('instance_owner', None)
        document = _document({**image_meta, 'properties': properties})
        if image_meta.get('is_public') is not None:
            document['visibility'] = translate.visibility(
                image_meta['is_public']
            )
        location = image_meta.get('location')
        if data is None and image_meta.get('size') == 0 and not location:
            data = b''
            _fit_for_no_data(document)
        answer = self.servers.request(
            context, 'POST', '/v2/images', json=document
        )
        image = errors.check(answer).json()
        if location:
            self._add_location(context, image['id'], location)
        if member:
            path = _path(image['id']) + '/members'
            errors.check(
                self.servers.request(
                    context, 'POST', path, json={'member': member}
                )
            )
        if data is not None:
            image = self._upload(context, image['id'], data)
        return translate.for_nova(image)

    def update(
        self,
        context: Any,
        image_id: str,
        image_meta: Mapping[str, Any],
        data: bodies.Data | None = None,
        purge_props: bool = True,
    ) -> Image:
        """Change an image and return it.

        What ``image_meta`` does not name stays, except for properties,
        which ``purge_props`` removes. An image that is not public keeps its
        visibility unless it is made public.

        :raises ImageNotAuthorized: and others, as Glance refuses a step
        """
        current = self._get(context, image_id)
        try:
            patch = translate.changes(current, image_meta, purge_props)
        except (TypeError, ValueError) as error:
            raise errors.ImageBadRequest(
                f'image {image_id}: {error}'
            ) from error
        # Also when nothing changes: Glance then says who may not.
        answer = self.servers.request(
            context, 'PATCH', _path(image_id), json=patch, headers=_PATCH
        )
        image = errors.check(answer, image_id).json()
        if location := image_meta.get('location'):
            self._add_location(context, image_id, location)
        if data is not None:
            image = self._upload(context, image_id, data)
        return translate.for_nova(image)

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
        """Write an image's data to ``data`` or ``dst_path``, or return it.

        It is compared with the image's recorded digest at its end.

        :param trusted_certs: refused: signatures are for Nova to verify.
        :raises ImageUnacceptable: the image has no data
        :raises OSError: the data is not what Glance recorded
        """
        if trusted_certs:
            raise errors.CertificateValidationFailed(
                'signatures are not verified here'
            )
        image = self._get(context, image_id)
        answer = self.servers.request(
            context, 'GET', _path(image_id) + '/file', stream=True
        )
        errors.check(answer, image_id)
        if answer.status_code == 204:
            raise errors.ImageUnacceptable(f'image {image_id} has no data')
        algorithm, digest = 'md5', image['checksum']
        if image.get('os_hash_value'):
            algorithm, digest = image['os_hash_algo'], image['os_hash_value']
        body = bodies.chunks(answer, algorithm, digest)
        return bodies.write(body, data, dst_path)

    def image_import_copy(
        self, context: Any, image_id: str, stores: list[str]
    ) -> None:
        """Ask Glance to copy an image to these stores too.

        :raises ImageImportImpossible: the image is in no state for it
        """
        wanted = {
            'method': {'name': 'copy-image'},
            'stores': stores,
            'all_stores_must_succeed': False,
        }
        answer = self.servers.request(
            context, 'POST', _path(image_id) + '/import', json=wanted
        )
        try:
            errors.check(answer, image_id)
        except errors.Conflict as error:
            raise errors.ImageImportImpossible(str(error)) from error

    def _get(self, context: Any, image_id: str) -> Image:
        answer = self.servers.request(context, 'GET', _path(image_id))
        found: Image = errors.check(answer, image_id).json()
        return found

    def _upload(
        self, context: Any, image_id: str, data: bodies.Data
    ) -> Image:
        upload = bodies.Upload(data)
        answer = self.servers.request(
            context,
            'PUT',
            _path(image_id) + '/file',
            again=upload.again,
            data=upload if data else b'',
            headers=_OCTETS,
        )
        errors.check(answer, image_id)
        return self._get(context, image_id)

    def _add_location(
        self, context: Any, image_id: str, location: str
    ) -> None:
        path = _path(image_id)
        answer = self.servers.request(
            context,
            'POST',
            path + '/locations',
            json={'url': location, 'validation_data': {}},
        )
        if answer.status_code in (404, 405):  # Glance 28 has no such call
            value = {'url': location, 'metadata': {}}
            answer = self.servers.request(
                context,
                'PATCH',
                path,
                json=[{'op': 'add', 'path': '/locations/-', 'value': value}],
                headers=_PATCH,
            )
        if answer.status_code >= 300:
            # Glance's own words repeat the URL, which may hold a secret.
            refused = answer.status_code == 403
            kind = errors.Forbidden if refused else errors.Invalid
            raise kind(_LOCATION_REFUSED % (image_id, answer.status_code))


def _path(image_id: str) -> str:
    """Return the path of an image.

    :raises glance_ext.compat.errors.ImageNotFound:
        for what would lead elsewhere
    """
    if image_id in ('', '.', '..'):
        raise errors.ImageNotFound(f'image {image_id!r}')
    return '/v2/images/' + urllib.parse.quote(image_id, safe='')


def _document(image: Mapping[str, Any]) -> Image:
    try:
        return translate.to_v2(image)
    except (TypeError, ValueError) as error:
        raise errors.Invalid(str(error)) from error


def _fit_for_no_data(document: Image) -> None:
    """Give an image of no bytes the formats that v2 wants of it."""
    document['disk_format'] = document.get('disk_format') or 'raw'
    if not document.get('container_format'):
        document['container_format'] = 'bare'
    if document['disk_format'] != 'raw':
        # Glance looks into the data, and finds another format in it.
        raise errors.ImageBadRequest(
            'an image of no bytes is raw, not ' + document['disk_format']
        )
