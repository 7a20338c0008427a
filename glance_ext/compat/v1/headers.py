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


"""Images of Glance v1 as HTTP headers, and back. Pure.

In WSGI ``-`` and ``_`` in the name of a header are the same, and its case is
lost; v1 settled on lower case and ``_``. Values are UTF-8.
"""

from collections.abc import Iterable, Mapping
import re
from typing import Any

from oslo_utils import strutils

META = 'x-image-meta-'
PROPERTY = 'x-image-meta-property-'

#: What may stand after ``x-image-meta-``.
ATTRIBUTES = frozenset(
    {
        'checksum',
        'container_format',
        'copy_from',
        'created_at',
        'deleted',
        'deleted_at',
        'disk_format',
        'id',
        'is_public',
        'location',
        'min_disk',
        'min_ram',
        'name',
        'owner',
        'protected',
        'size',
        'status',
        'store',
        'updated_at',
        'uri',
        'virtual_size',
    }
)
_NUMBERS = ('size', 'min_disk', 'min_ram', 'virtual_size')
_FLAGS = ('is_public', 'deleted', 'protected')

# RFC 9110, section 5.6.2: what the name of a header is made of.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r'[\x00-\x1f\x7f]')


def is_name(name: str) -> bool:
    """Whether a header can carry a property of this name."""
    return _TOKEN.fullmatch(name) is not None


def encode(image: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers of an image of v1, as WSGI wants them.

    What is None is left out, and so is a property whose name no header can
    have. A control character, which would end the header and begin another
    one, becomes a space.
    """
    found = {
        META + name: value
        for name, value in image.items()
        if name != 'properties'
    }
    for name, value in image['properties'].items():
        if is_name(name):
            found[PROPERTY + name.lower()] = value
    return [
        (name, _wsgi(_CONTROL.sub(' ', str(value))))
        for name, value in found.items()
        if value is not None
    ]


def _wsgi(text: str) -> str:
    """Return a text in the way PEP 3333 passes bytes: one character each."""
    return text.encode('utf-8', 'replace').decode('latin-1')


def _text(value: str) -> str:
    """Return the text that ``_wsgi`` made; another one stays as it is."""
    try:
        return value.encode('latin-1').decode('utf-8')
    except UnicodeError:
        return value


def decode(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the image that a request's headers describe.

    :param items: names and values; others than an image's are ignored.
    :returns: attributes of v1 and ``properties``. An empty value is None.
    :raises ValueError: an unknown attribute, or no number where one is due
    """
    image: dict[str, Any] = {}
    properties: dict[str, str | None] = {}
    for header, sent in items:
        key, value = header.lower(), _text(sent)
        if key.startswith(PROPERTY):
            name = key.removeprefix(PROPERTY).replace('-', '_')
            properties[name] = value or None
        elif key.startswith(META):
            name = key.removeprefix(META).replace('-', '_')
            if name not in ATTRIBUTES:
                raise ValueError(f'Bad header: {header}')
            image[name] = value or None
    for name in _NUMBERS:
        if name in image:
            image[name] = _number(name, image[name])
    for name in _FLAGS:
        if name in image:
            image[name] = strutils.bool_from_string(image[name])
    return image | {'properties': properties}


def _number(name: str, value: str | None) -> int | None:
    if name == 'virtual_size' and value in (None, 'None'):
        return None
    # int() alone takes what no client means: "1_000", " 1".
    if not re.fullmatch('[0-9]+', value or ''):
        raise ValueError(f'{name}: {value!r} is not a number from 0 up')
    return int(value or '')
