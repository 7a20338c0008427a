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


"""What images of v1 look like, and which of them are none."""

from collections.abc import Mapping
import datetime
from typing import Any
import urllib.parse

import webob
import webob.exc

from glance_ext.compat import translate
from glance_ext.compat.translate import Image
from glance_ext.compat.v1 import headers

#: What the short list shows of each image.
BRIEF = (
    'id', 'name', 'size', 'disk_format', 'container_format', 'checksum',
)  # fmt: skip
_SHOWN = (
    *BRIEF, 'status', 'owner', 'min_ram', 'min_disk', 'is_public',
    'protected', 'virtual_size', 'deleted', 'deleted_at', 'created_at',
    'updated_at',
)  # fmt: skip
_TIMES = ('created_at', 'updated_at', 'deleted_at')
_AMAZONS = ('aki', 'ari', 'ami')

# States that v1 did not have: data is on its way.
_STATUS = {'uploading': 'saving', 'importing': 'saving'}

# python-glanceclient percent-encodes the values of all headers, which no
# server has ever undone.
_ENCODES = 'python-glanceclient'


def image(document: Mapping[str, Any]) -> Image:
    """Return an image of v2 as v1 shows it."""
    found = translate.from_v2(document)
    output: Image = {name: found.get(name) for name in _SHOWN}
    output['status'] = _STATUS.get(found['status'], found['status'])
    for name in _TIMES:
        if output[name]:
            time = translate.parse_time(output[name]).replace(tzinfo=None)
            output[name] = time.isoformat(timespec='microseconds')
    output['properties'] = {
        name: value
        for name, value in found['properties'].items()
        if translate.is_writable(name)
    }
    return output


def wanted(request: webob.Request) -> Image:
    """Return what the headers of a request say of an image.

    :raises webob.exc.HTTPBadRequest: they say what no image can have
    """
    decode = urllib.parse.unquote if encodes(request) else str
    try:
        found = headers.decode(
            (name, decode(value)) for name, value in request.headers.items()
        )
        _check_formats(found)
        for name in _TIMES:
            if found.get(name):
                _check_time(name, found[name])
        if len(found.get('checksum') or '') > 32:
            raise ValueError('checksum: an MD5 has 32 digits')
    except ValueError as error:
        raise webob.exc.HTTPBadRequest(str(error)) from error
    return found


def encodes(request: webob.Request) -> bool:
    """Whether the client percent-encodes the values of its headers."""
    return (request.user_agent or '').startswith(_ENCODES)


def _check_formats(found: Image) -> None:
    """See that the formats fit; give Amazon's images both of them."""
    kinds = ('disk_format', 'container_format')
    for kind in kinds:
        if kind in found and found[kind] is None:
            raise ValueError(f'{kind}: there is none without a name')
    given = {found[kind] for kind in kinds if kind in found}
    if given.isdisjoint(_AMAZONS):
        return
    if len(given) > 1:
        raise ValueError(
            'aki, ari and ami are disk and container formats at once'
        )
    found.update(dict.fromkeys(kinds, given.pop()))


def _check_time(name: str, value: str) -> None:
    if translate.parse_time(value) < _EPOCH:
        raise ValueError(f'{name}: before 1900')


_EPOCH = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
