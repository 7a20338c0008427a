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
"""The JSON schemas of imports and exports, which are resources themselves."""

from typing import Any

from glance_ext.api import own_resources
from glance_ext.conf.hash import ALGORITHMS
from glance_ext.host import conversion

_URI = {'type': 'string', 'minLength': 1, 'maxLength': 4096}
_STATE: dict[str, Any] = {
    'status': {
        'type': 'string', 'enum': list(own_resources.STATUSES),
        'readOnly': True,
        'description': 'How far it is; more words may come'},
    'message': {
        'type': 'string', 'readOnly': True,
        'description': 'Why it failed'},
    'expires-by': {
        'type': 'string', 'readOnly': True,
        'description': 'When an ended one disappears'},
    'self': {'type': 'string', 'readOnly': True,
             'description': 'Its address; only in lists'},
}

IMAGE_IMPORT: dict[str, Any] = {
    'name': 'image-import',
    'type': 'object',
    'properties': {
        'location': {
            **_URI, 'description': 'Where the data lies: http, https or '
                                   'swift; without it, it is uploaded'},
        'image_properties': {
            'type': 'object',
            'description': 'What the image is to be like, as for POST '
                           '/v2/images'},
        'stores': {
            'type': 'array', 'minItems': 1, 'maxItems': 128,
            'items': {'type': 'string', 'maxLength': 255},
            'description': 'The stores to write the image to'},
        'all_stores': {
            'type': 'boolean', 'description': 'Write it to all of them'},
        'all_stores_must_succeed': {
            'type': 'boolean',
            'description': 'Whether there is no image where one of the '
                           'stores fails'},
        'os_hash_algo': {
            'type': 'string', 'enum': list(ALGORITHMS),
            'description': 'The algorithm of os_hash_value'},
        'os_hash_value': {
            'type': 'string', 'pattern': '^[0-9a-fA-F]{1,128}$',
            'description': 'The digest that the data has to have'},
        'hash_uri': {
            **_URI, 'description': 'Where a list of digests lies that has '
                                   'that of the data'},
        'image_ref': {
            'type': 'string', 'readOnly': True,
            'description': 'The address of the image that was made'},
        **_STATE,
    },
    'additionalProperties': False,
}

IMAGE_EXPORT: dict[str, Any] = {
    'name': 'image-export',
    'type': 'object',
    'properties': {
        'location': {
            **_URI, 'description': 'Where the data is PUT to; an answer '
                                   'has it without its query'},
        'disk_format': {
            'type': 'string', 'enum': list(conversion.FORMATS),
            'description': 'What the data is converted to on the way'},
        'image_id': {'type': 'string', 'readOnly': True},
        **_STATE,
    },
    'additionalProperties': False,
}


def _request(schema: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return what a request may have: nothing that is read-only."""
    found = {**schema, 'properties': {
        name: about for name, about in schema['properties'].items()
        if not about.get('readOnly')}}
    return {**found, 'required': list(required)} if required else found


def _list(name: str, member: dict[str, Any]) -> dict[str, Any]:
    return {
        'name': name,
        'type': 'object',
        'properties': {
            name.replace('-', '_'): {'type': 'array', 'items': member},
            'first': {'type': 'string'},
            'next': {'type': 'string',
                     'description': 'Absent where the list ends'},
            'schema': {'type': 'string'},
        },
        'required': [name.replace('-', '_'), 'first', 'schema'],
        'links': [{'rel': 'first', 'href': '{first}'},
                  {'rel': 'next', 'href': '{next}'},
                  {'rel': 'describedby', 'href': '{schema}'}],
    }


IMPORT_REQUEST = _request(IMAGE_IMPORT)
EXPORT_REQUEST = _request(IMAGE_EXPORT, 'location')
IMAGE_EXPORTS = _list('image-exports', IMAGE_EXPORT)
IMAGE_IMPORTS = _list('image-imports', IMAGE_IMPORT)
