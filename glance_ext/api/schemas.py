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
"""The JSON schemas of requests and answers, and the test of a request."""

from collections.abc import Callable
import json
from typing import Any

import jsonschema
import webob.exc

from glance_ext.api import resource_schemas
from glance_ext.conf.hash import ALGORITHMS
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer

_HEX = {'type': ['string', 'null'], 'pattern': '^[0-9a-f]+$'}
_TIME = {'type': 'string', 'format': 'date-time'}
_COUNT = {'type': 'integer', 'minimum': 0}
_COUNT_OR_NULL = {'type': ['integer', 'null'], 'minimum': 0}
_UUID = {'type': 'string', 'pattern': '^[0-9a-fA-F-]{36}$'}

IMAGE_HASH: dict[str, Any] = {
    'name': 'image-hash',
    'type': 'object',
    'properties': {
        'os_hash_algo': {
            'type': 'string', 'enum': list(ALGORITHMS),
            'description': 'The algorithm of the multihash; without it, '
                           'the hashing_algorithm of this Glance'},
        'rehash': {
            'type': 'boolean',
            'description': 'Also accept an image that has a hash. Its data '
                           'is compared with that hash in the same pass'},
    },
    'additionalProperties': False,
}

IMAGE_VERIFY: dict[str, Any] = {
    'name': 'image-verify',
    'type': 'object',
    'properties': {
        'stores': {
            'type': 'array', 'minItems': 1, 'maxItems': 128,
            'items': {'type': 'string', 'maxLength': 255},
            'description': 'The stores whose copies are read; without it, '
                           'every store that has one'},
        'repair': {
            'type': 'boolean',
            'description': 'Replace bad copies from a good one'},
    },
    'additionalProperties': False,
}

_STATE: dict[str, Any] = {
    'progress': {
        'type': 'object',
        'properties': {
            'bytes_done': _COUNT,
            'bytes_total': _COUNT_OR_NULL,
            'percent': {'type': ['integer', 'null'],
                        'minimum': 0, 'maximum': 100},
            'bytes_per_second': _COUNT,
            'eta_seconds': _COUNT_OR_NULL,
            'stores': {
                'type': 'object',
                'additionalProperties': {
                    'type': 'object',
                    'properties': {
                        'status': {'type': 'string'},
                        'bytes_done': _COUNT,
                        'bytes_per_second': {
                            **_COUNT, 'description': 'While bytes flow'},
                        'eta_seconds': _COUNT_OR_NULL,
                    },
                    'required': ['status', 'bytes_done'],
                },
            },
        },
        'required': ['bytes_done', 'bytes_total', 'percent',
                     'bytes_per_second', 'eta_seconds', 'stores'],
    },
    'attempt': {'type': 'integer', 'minimum': 1},
    'max_attempts': {'type': 'integer', 'minimum': 1},
    'error': {
        'type': ['object', 'null'],
        'properties': {
            'code': {'type': 'string',
                     'description': 'A stable word for the cause'},
            'message': {'type': 'string'},
        },
        'required': ['code', 'message'],
    },
    'message': {'type': 'string', 'description': 'For people'},
    'result': {'type': 'object'},
}

IMAGE_ACTION: dict[str, Any] = {
    'name': 'image-action',
    'type': 'object',
    'properties': {
        'id': _UUID,
        'action_type': {'type': 'string',
                        'description': 'More types may come'},
        'status': {'type': 'string',
                   'enum': ['pending', 'processing', 'success', 'failure']},
        'phase': {'type': 'string',
                  'enum': ['queued', 'reading', 'writing', 'verifying',
                           'recording', 'rolling-back', 'ended']},
        'image_id': {'type': ['string', 'null'],
                     'pattern': '^[0-9a-fA-F-]{36}$',
                     'description': 'null where there is none yet'},
        'owner': {'type': 'string',
                  'description': 'The project of the caller'},
        'created_at': _TIME,
        'updated_at': {**_TIME, 'description': 'The last sign of life'},
        'expires_at': {'type': ['string', 'null'], 'format': 'date-time'},
        **_STATE,
        'self': {'type': 'string'},
        'schema': {'type': 'string'},
    },
    'required': ['id', 'action_type', 'status', 'phase', 'image_id',
                 'owner', 'created_at', 'updated_at', 'expires_at',
                 *_STATE, 'self', 'schema'],
}

IMAGE_ACTIONS: dict[str, Any] = {
    'name': 'image-actions',
    'type': 'object',
    'properties': {
        'image_actions': {'type': 'array', 'items': IMAGE_ACTION},
        'first': {'type': 'string'},
        'next': {'type': 'string',
                 'description': 'Absent where the list ends'},
        'schema': {'type': 'string'},
    },
    'required': ['image_actions', 'first', 'schema'],
    'links': [{'rel': 'first', 'href': '{first}'},
              {'rel': 'next', 'href': '{next}'},
              {'rel': 'describedby', 'href': '{schema}'}],
}

_SCHEMAS = {each['name']: each for each in (
    IMAGE_HASH, IMAGE_VERIFY, IMAGE_ACTION, IMAGE_ACTIONS,
    resource_schemas.IMAGE_IMPORT, resource_schemas.IMAGE_IMPORTS,
    resource_schemas.IMAGE_EXPORT, resource_schemas.IMAGE_EXPORTS)}
NAMES: tuple[str, ...] = tuple(_SCHEMAS)


def handler(name: str) -> Callable[..., Answer]:
    """Return the handler that answers with one schema."""
    def show(request: wsgi.Request) -> Answer:
        return Answer(_SCHEMAS[name])
    return show


def read(request: wsgi.Request, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the request's JSON body. No body counts as an empty object.

    :raises webob.exc.HTTPBadRequest: it is no JSON, too deep, or not of the
        schema
    :raises webob.exc.HTTPRequestEntityTooLarge: it is too large
    """
    raw = wsgi.read_body(request)
    try:
        # Text, because bytes would also do in UTF-16, and after a BOM.
        body = (json.loads(raw.decode(), object_pairs_hook=_object)
                if raw.strip() else {})
    except (ValueError, RecursionError) as exc:
        raise webob.exc.HTTPBadRequest(
            explanation='Malformed JSON in request body.') from exc
    wsgi.require_shallow(body)
    error = next(jsonschema.Draft4Validator(schema).iter_errors(body), None)
    if error is None:
        return dict(body)
    where = '.'.join(map(str, error.absolute_path))
    # Cut, and in ASCII: the caller's own text stands in it, and need not be
    # anything that an answer can be encoded from.
    said = ascii(error.message)[1:-1][:300]
    raise webob.exc.HTTPBadRequest(
        explanation=f"Provided object does not match schema "
                    f"'{schema['name']}': {where + ': ' if where else ''}"
                    f"{said}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. Which of two values of one name counts is unclear."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError('a name stands twice in one object')
    return found
