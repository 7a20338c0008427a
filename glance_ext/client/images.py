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

"""Images as far as the actions on them are concerned."""

from collections.abc import Iterator, Sequence
import dataclasses
import re
from typing import Any
from urllib import parse

from glance_ext.client import errors
from glance_ext.client import transport

#: Images that one request asks for.
PAGE = 500

#: What can be an image's id. Anything else is looked for as a name only.
_ID = re.compile(r'[0-9A-Za-z_-]+')
_HIDDEN = ('false', 'true')


@dataclasses.dataclass(frozen=True)
class Image:
    """What this library needs to know of an image."""

    id: str
    name: str | None
    status: str | None = None
    #: The project that it belongs to.
    owner: str | None = None
    #: Bytes.
    size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    #: None for an image that lacks a hash.
    os_hash_value: str | None = None
    #: The stores that hold a copy; empty on a Glance with a single store.
    stores: tuple[str, ...] = ()


def find(server: transport.Transport, name_or_id: str) -> Image:
    """Return the one image with the id, or else with the name.

    Hidden and community images are found by their names as well.

    :raises glance_ext.client.errors.ImageNotFound:
        there is none that the caller may see
    :raises AmbiguousName: several have the name
    """
    if _ID.fullmatch(name_or_id):
        try:
            answer = server.request('GET', f'/images/{name_or_id}')
            return _image(answer.body)
        except errors.Refused as error:
            if error.status != 404:
                raise
    found = [
        image
        for hidden in _HIDDEN
        for image in _page(server, [('name', name_or_id)], hidden)[0]
    ]
    if not found:
        raise errors.ImageNotFound(name_or_id)
    if len(found) > 1:
        raise errors.AmbiguousName(name_or_id, [each.id for each in found])
    return found[0]


def select(
    server: transport.Transport, filters: Sequence[tuple[str, str]]
) -> Iterator[Image]:
    """Yield every image that the caller may see and the filters let through.

    Hidden and community images are among them. They come in the order of
    their ids, page by page, each page being asked for when it is needed, and
    an image that is deleted meanwhile does not end the walk.

    :param filters: what ``GET /v2/images`` takes, by name
    """
    ordered = [*filters, ('sort', 'id:asc'), ('limit', str(PAGE))]
    for hidden in _HIDDEN:
        images, more = _page(server, ordered, hidden)
        while images:
            yield from images
            if not more:
                break
            images, more = _page_after(images, server, ordered, hidden)


def _page_after(
    images: Sequence[Image],
    server: transport.Transport,
    filters: Sequence[tuple[str, str]],
    hidden: str,
) -> tuple[list[Image], bool]:
    """Return the next page; its marker is the last image that still is."""
    for marker in reversed(images):
        try:
            here = [*filters, ('marker', marker.id)]
            return _page(server, here, hidden)
        except errors.Refused as error:
            if error.status != 404:
                raise
    raise errors.UnexpectedAnswer(
        'A whole page of images was deleted while it was read.'
    )


def _page(
    server: transport.Transport,
    filters: Sequence[tuple[str, str]],
    hidden: str,
) -> tuple[list[Image], bool]:
    """Return one page, and whether there is another."""
    query = parse.urlencode(
        [*filters, ('visibility', 'all'), ('os_hidden', hidden)]
    )
    body = server.request('GET', f'/images?{query}').body
    found = body.get('images') if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(found, list):
        raise errors.UnexpectedAnswer('The answer is no list of images.')
    return [_image(each) for each in found], 'next' in body


def _image(body: object) -> Image:
    if not isinstance(body, dict) or not isinstance(body.get('id'), str):
        raise errors.UnexpectedAnswer('The answer is no image.')
    known: dict[str, Any] = {
        name: body[name] for name in _TEXTS if isinstance(body.get(name), str)
    }
    if isinstance(body.get('size'), int):
        known['size'] = body['size']
    if isinstance(body.get('stores'), str):
        known['stores'] = tuple(filter(None, body['stores'].split(',')))
    return Image(**{'name': None, **known})


_TEXTS = (
    'id',
    'name',
    'status',
    'owner',
    'checksum',
    'os_hash_algo',
    'os_hash_value',
)
