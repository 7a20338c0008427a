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


"""Images as Nova's Images API shows them: from 2.1 until 2.35. Pure."""

from collections.abc import Mapping
import datetime
import re
from typing import Any
import urllib.parse

from oslo_utils import strutils

Image = Mapping[str, Any]

# What Nova calls the states of Glance. Nova itself knows neither "uploading"
# nor "importing", which are newer than its table, and shows UNKNOWN.
_STATUS = {
    'active': ('ACTIVE', 100),
    'queued': ('SAVING', 25),
    'saving': ('SAVING', 50),
    'uploading': ('SAVING', 50),
    'importing': ('SAVING', 50),
    'killed': ('ERROR', 0),
    'deleted': ('DELETED', 0),
    'pending_delete': ('DELETED', 0),
    'deactivated': ('UNKNOWN', 0),
}

#: The most that one answer lists.
MAX_LIMIT = 1000


def states(status: str) -> list[str]:
    """Return the states of Glance behind a ``status`` filter."""
    word = status.upper()
    found = [name for name, (shown, _) in _STATUS.items() if shown == word]
    return found or [status.lower()]


class View:
    """Shows images under the address that a request came to.

    :param url: the application's URL, which ends in its version.
    :param project: the caller's, if the request's path names it, else ''.
    :param glance: what the ``alternate`` links begin with.
    """

    def __init__(self, url: str, project: str, glance: str) -> None:
        self._self = _join(url, project)
        self._bookmark = _join(re.sub(r'/v[0-9.]+$', '', url), project)
        self._glance = glance

    def brief(self, image: Image) -> dict[str, Any]:
        """Return an entry of the short list."""
        return {
            'id': image['id'],
            'name': image.get('name'),
            'links': self._links(image['id']),
        }

    def full(self, image: Image) -> dict[str, Any]:
        """Return an image with all that Nova shows of it."""
        properties = image['properties']
        status, progress = _STATUS.get(image['status'], ('UNKNOWN', 0))
        shown = {
            'id': image['id'],
            'name': image.get('name'),
            'minRam': int(image.get('min_ram') or 0),
            'minDisk': int(image.get('min_disk') or 0),
            'metadata': properties,
            'created': _time(image.get('created_at')),
            'updated': _time(image.get('updated_at')),
            'status': status,
            'progress': progress,
            'OS-EXT-IMG-SIZE:size': image.get('size'),
            'links': self._links(image['id']),
        }
        server = properties.get('instance_uuid')
        if server is not None:
            here = (('self', self._self), ('bookmark', self._bookmark))
            shown['server'] = {
                'id': server,
                'links': [
                    {'rel': rel, 'href': _join(base, 'servers', server)}
                    for rel, base in here
                ],
            }
        resize = properties.get('auto_disk_config')
        if resize is not None:
            chosen = strutils.bool_from_string(resize)
            shown['OS-DCF:diskConfig'] = 'AUTO' if chosen else 'MANUAL'
        return shown

    def next_page(
        self, collection: str, params: Mapping[str, str], images: list[Image]
    ) -> list[dict[str, str]]:
        """Return the link to what follows, if anything may."""
        limit = min(int(params.get('limit', MAX_LIMIT)), MAX_LIMIT)
        if len(images) != limit:
            return []
        query = dict(sorted(params.items())) | {'marker': images[-1]['id']}
        href = _join(self._self, collection)
        encoded = urllib.parse.urlencode(query)
        return [{'rel': 'next', 'href': f'{href}?{encoded}'}]

    def _links(self, image_id: str) -> list[dict[str, str]]:
        return [
            {'rel': 'self', 'href': _join(self._self, 'images', image_id)},
            {
                'rel': 'bookmark',
                'href': _join(self._bookmark, 'images', image_id),
            },
            {
                'rel': 'alternate',
                'type': 'application/vnd.openstack.image',
                'href': _join(self._glance, 'images', image_id),
            },
        ]


def _join(base: str, *parts: str) -> str:
    return '/'.join([base.rstrip('/'), *filter(None, parts)])


def _time(value: datetime.datetime | None) -> str | None:
    return value.strftime('%Y-%m-%dT%H:%M:%SZ') if value else None
