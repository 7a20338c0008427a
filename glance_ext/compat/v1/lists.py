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


"""The lists of images."""

from collections.abc import Iterator
from typing import Any
import urllib.parse
import uuid

from oslo_config import cfg
import webob
import webob.exc

from glance_ext.compat import filters
from glance_ext.compat import translate
from glance_ext.compat.translate import Image
from glance_ext.compat.v1 import inner
from glance_ext.compat.v1 import shape

CONF = cfg.CONF

_NUMBERS = ('size_min', 'size_max', 'min_ram')
_FILTERS = frozenset(
    {
        'changes-since',
        'container_format',
        'disk_format',
        'is_public',
        'min_disk',
        'name',
        'protected',
        'status',
        *_NUMBERS,
    }
)
_SORT = {
    'sort_dir': ('asc', 'desc'),
    'sort_key': (
        'name', 'status', 'container_format', 'disk_format', 'size', 'id',
        'created_at', 'updated_at',
    ),
}  # fmt: skip

# What a column of a database holds at most.
_LARGEST = (1 << 63) - 1

# Asked for at once where images are looked at one by one.
_PAGE = 100


def index(glance: inner.Glance, request: webob.Request) -> webob.Response:
    """Answer ``GET /images``."""
    return _answer(
        {name: image[name] for name in shape.BRIEF}
        for image in _images(glance, request)
    )


def detail(glance: inner.Glance, request: webob.Request) -> webob.Response:
    """Answer ``GET /images/detail``."""
    if request.method == 'HEAD':
        raise webob.exc.HTTPMethodNotAllowed(headers={'Allow': 'GET'})
    return _answer(_images(glance, request))


def _answer(images: Iterator[Image]) -> webob.Response:
    return webob.Response(json_body={'images': list(images)}, charset=None)


def _images(glance: inner.Glance, request: webob.Request) -> Iterator[Image]:
    """Yield what a request asks for.

    :raises webob.exc.HTTPBadRequest: it asks for what there cannot be
    """
    try:
        wanted, limit, asked = _wanted(request)
        public = filters.public(wanted.get('is_public', 'true'))
        if glance.is_admin:
            # Without the filter, public images and those that a user would
            # see: an administrator has to ask for other people's.
            if public:
                glance = glance.as_user()
        if public or not glance.is_admin:
            wanted.pop('is_public', None)
        query = filters.query(wanted)
    except ValueError as error:
        raise webob.exc.HTTPBadRequest(str(error)) from error
    asked |= query.params
    asked['limit'] = _PAGE if query.rest else min(max(limit, 1), _PAGE)
    for document in _pages(glance, asked):
        image = shape.image(document)
        if limit == 0:
            return
        if query.matches(image):
            limit -= 1
            yield image


def _pages(glance: inner.Glance, asked: dict[str, Any]) -> Iterator[Image]:
    query = urllib.parse.urlencode(asked)
    while True:
        try:
            page = glance.call('GET', '/images', query=query)
        except inner.Refused as error:
            if 'marker' in asked and error.response.status_int == 403:
                raise webob.exc.HTTPBadRequest('Invalid marker') from error
            raise
        yield from page['images']
        if 'next' not in page:
            return
        query = page['next'].partition('?')[2]


def _wanted(
    request: webob.Request,
) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """Return the filters, the limit and the other parameters of a list.

    :raises ValueError: one of them is none
    """
    given = dict(request.GET)
    wanted = {
        name: value
        for name, value in given.items()
        if name in _FILTERS or name.startswith(filters.PREFIX)
    }
    for name in _NUMBERS:
        if name in wanted and not 0 <= int(wanted[name]) <= _LARGEST:
            raise ValueError(f'{name}: {wanted[name]}')
    if 'changes-since' in wanted:
        translate.parse_time(wanted['changes-since'])
    if 'protected' in wanted:
        wanted['protected'] = filters.public(wanted['protected'])
        if wanted['protected'] is None:
            raise ValueError('protected: neither true nor false')
    limit = int(given.get('limit', CONF.limit_param_default))
    if limit < 0:
        raise ValueError(f'limit: {limit}')
    # Images shared with a project were listed before it accepted them.
    asked = {'member_status': 'all'}
    for name, known in _SORT.items():
        if name in given:
            if given[name] not in known:
                raise ValueError(f'{name}: {given[name]}')
            asked[name] = given[name]
    if 'marker' in given:
        asked['marker'] = str(uuid.UUID(given['marker']))
    return wanted, min(limit, CONF.api_limit_max), asked
