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


"""Images of Glance v2 as Glance v1 and Nova know them, and back. Pure.

In v1 an image has a fixed set of attributes, and its custom properties are in
a dictionary of their own, ``properties``. In v2 all of it is flat. Base
attributes therefore win: a custom property with the name of one is ignored
(specs: "Add support for Glance v2 API", other end user impact).
"""

from collections.abc import Mapping
import datetime
import json
from typing import Any

from oslo_utils import strutils

Image = dict[str, Any]

#: Attributes of v2 that Glance itself sets.
READ_ONLY = frozenset(
    {
        'checksum',
        'created_at',
        'direct_url',
        'file',
        'locations',
        'os_hash_algo',
        'os_hash_value',
        'schema',
        'self',
        'size',
        'status',
        'stores',
        'updated_at',
        'virtual_size',
    }
)

#: All base attributes of v2: what is none of these is a custom property.
BASE = READ_ONLY | {
    'container_format',
    'disk_format',
    'id',
    'min_disk',
    'min_ram',
    'name',
    'os_hidden',
    'owner',
    'protected',
    'tags',
    'visibility',
}

# Attributes of v1 that v2 has under another name or not at all. v2 refuses
# the last three also as names of custom properties.
_V1_ONLY = frozenset(
    {'is_public', 'properties', 'location', 'deleted', 'deleted_at'}
)
_REFUSED = frozenset({'location', 'deleted', 'deleted_at'})

#: What no custom property can be called in v2.
RESERVED = BASE | _REFUSED
_GLANCES_OWN = 'os_glance_'

# Nova keeps these as structures; in Glance they are JSON.
_STRUCTURED = ('block_device_mapping', 'mappings')
_TIMES = ('created_at', 'updated_at', 'deleted_at')

# What Nova's dictionaries never had, the locations only unless asked for.
_NOT_NOVAS = frozenset(
    {'file', 'protected', 'schema', 'self', 'tags', 'virtual_size'}
)
_LOCATIONS = frozenset({'direct_url', 'locations'})


def is_writable(name: str) -> bool:
    """Whether users may have a custom property of this name in v2."""
    return name not in RESERVED and not name.startswith(_GLANCES_OWN)


def from_v2(image: Mapping[str, Any]) -> Image:
    """Return an image of v2 with the attributes and properties of v1.

    What v1 always shows is there, None where v2 says nothing; ``size`` is 0
    while it is unknown. Base attributes that v1 had not known stay.
    """
    output: Image = {
        'name': None,
        'disk_format': None,
        'container_format': None,
        'checksum': None,
        'deleted': False,
        'deleted_at': None,
        'properties': {},
    }
    for name, value in image.items():
        if name == 'visibility':
            output['is_public'] = value == 'public'
        elif name in BASE:
            output[name] = value
        else:
            output['properties'][name] = value
    output['size'] = output.get('size') or 0
    return output


def to_v2(image: Mapping[str, Any]) -> Image:
    """Return what a client may send to v2 of an image of v1 or of Nova.

    ``is_public`` and ``location`` are the caller's business, because v2 wants
    to know more about the one and another request for the other. What v2
    sets itself, and properties that are None, are left out.

    :raises ValueError: when ``min_ram`` or ``min_disk`` is no number
    """
    output: Image = {}
    for name, value in (image.get('properties') or {}).items():
        if is_writable(name) and not is_unset(name, value):
            output[name] = text(name, value)
    for name, value in image.items():
        if name in READ_ONLY or name in _V1_ONLY:
            continue
        if name in ('min_ram', 'min_disk'):
            if value is not None:
                output[name] = int(value)
        elif name in BASE:
            output[name] = value
        elif is_writable(name) and not is_unset(name, value):
            # Beside the base attributes, as v2 itself has it.
            output[name] = text(name, value)
    return output


def is_unset(name: str, value: Any) -> bool:
    """Whether a property has a value that stands for none.

    Amazon's image ids are spelled 'None' where there is none, and a Glance
    that restricts its properties refuses them as ids.
    """
    if name in ('kernel_id', 'ramdisk_id') and isinstance(value, str):
        return value.strip().lower() in ('none', '')
    return value is None


def text(name: str, value: Any) -> str:
    """Return a property's value as v2 wants all of them: a string."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if name in _STRUCTURED else str(value)


def visibility(is_public: Any, current: str | None = None) -> str:
    """Return the visibility that ``is_public`` asks for.

    An image that is not public stays what it is: v1 called it "not public"
    too when it was shared or of the community, so who writes back what they
    have read must not take it from those who use it.

    :param current: the image's visibility now, None for a new image.
    """
    if isinstance(is_public, str):
        is_public = strutils.bool_from_string(is_public)
    if is_public:
        return 'public'
    return current if current not in (None, 'public') else 'private'


def changes(
    current: Mapping[str, Any],
    image: Mapping[str, Any],
    purge: bool,
) -> list[dict[str, Any]]:
    """Return the JSON patch that makes ``current``, of v2, be ``image``.

    :param image: an image of v1 or of Nova; what it does not name stays.
    :param purge: whether properties that it does not name are removed.
        Glance's own (``os_glance_...``) always stay.
    :raises ValueError: when ``min_ram`` or ``min_disk`` is no number
    """
    wanted = to_v2(image)
    wanted.pop('id', None)
    if image.get('is_public') is not None:
        wanted['visibility'] = visibility(
            image['is_public'], current.get('visibility')
        )
    named = image.get('properties') or {}
    gone = [
        name
        for name in current
        if is_writable(name)
        and name not in wanted
        and (purge or is_unset(name, named.get(name, '-')))
    ]
    return [
        {'op': 'remove', 'path': _pointer(name)} for name in sorted(gone)
    ] + [
        {'op': 'add', 'path': _pointer(name), 'value': value}
        for name, value in sorted(wanted.items())
        if name not in current or current[name] != value
    ]


def _pointer(name: str) -> str:
    """Return a JSON pointer (RFC 6901) to a property."""
    return '/' + name.replace('~', '~0').replace('/', '~1')


def for_nova(image: Mapping[str, Any], locations: bool = False) -> Image:
    """Return an image of v2 in the form of Nova's image service.

    Times have become datetimes with a time zone, and what Nova keeps as a
    structure has become one again.

    :param locations: whether to keep ``locations`` and ``direct_url``.
    """
    hidden = _NOT_NOVAS if locations else _NOT_NOVAS | _LOCATIONS
    shown = {n: v for n, v in image.items() if n not in hidden}
    return structured(from_v2(shown))


def structured(image: Image) -> Image:
    """Return an image of v1 with times and structures instead of texts."""
    properties = dict(image['properties'])
    for name in _STRUCTURED:
        if isinstance(properties.get(name), str):
            try:
                found = json.loads(properties[name])
            except ValueError:
                continue  # somebody else's text, which stays what it is
            if isinstance(found, list | dict):
                properties[name] = found
    times = {n: parse_time(image[n]) for n in _TIMES if image.get(n)}
    return {**image, **times, 'properties': properties}


def parse_time(value: str) -> datetime.datetime:
    """Return a time of either API, which is in UTC unless it says otherwise.

    :raises ValueError: when it is not in ISO 8601, or too early or late
    """
    found = datetime.datetime.fromisoformat(value)
    if found.tzinfo is None:
        return found.replace(tzinfo=datetime.UTC)
    try:
        return found.astimezone(datetime.UTC)
    except OverflowError as error:
        raise ValueError(value) from error


def is_available(context: Any, image: Mapping[str, Any]) -> bool:
    """Whether a caller may have this image of v1.

    Glance has seen to it wherever there are tokens. Without authentication
    it has not, and the properties that Nova's snapshots have decide.
    """
    if getattr(context, 'auth_token', None) or context.is_admin:
        return True
    if image.get('is_public'):
        return True
    properties = image['properties']
    for name in ('owner_id', 'project_id'):
        if context.project_id and name in properties:
            return bool(properties[name] == context.project_id)
    user = properties.get('user_id')
    return user is not None and bool(user == context.user_id)
