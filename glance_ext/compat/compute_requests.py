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


"""What a request to Nova's Images API says."""

from collections.abc import Mapping
import dataclasses
import json
import re
from typing import Any

import jsonschema
import webob
import webob.exc

from glance_ext.compat import compute_views
from glance_ext.compat import documents

_FILTERS = {
    'name': 'name',
    'changes-since': 'changes-since',
    'server': 'property-instance_uuid',
    'type': 'property-image_type',
    'minRam': 'min_ram',
    'minDisk': 'min_disk',
}
_METADATA = {
    'type': 'object',
    'patternProperties': {
        '^[a-zA-Z0-9-_:. ]{1,255}$': {'type': 'string', 'maxLength': 255}
    },
    'additionalProperties': False,
}


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks: what keystonemiddleware found out about a token."""

    auth_token: str
    project_id: str | None
    user_id: str | None
    is_admin: bool
    service_catalog: list[Any]


def caller(request: webob.Request) -> Caller:
    """Return who asks.

    :raises webob.exc.HTTPUnauthorized: nobody that Keystone knows
    """
    headers = request.headers
    token = headers.get('X-Auth-Token')
    if not token or headers.get('X-Identity-Status') != 'Confirmed':
        raise webob.exc.HTTPUnauthorized()
    try:
        catalog = json.loads(headers.get('X-Service-Catalog', ''))
    except ValueError:
        catalog = []
    return Caller(
        token,
        headers.get('X-Project-Id'),
        headers.get('X-User-Id'),
        'admin' in headers.get('X-Roles', '').lower().split(','),
        catalog,
    )


def version(request: webob.Request) -> tuple[float, str]:
    """Return the minor version that a request is about, and its name.

    :raises webob.exc.HTTPBadRequest: there is no such version
    """
    name = request.headers.get('X-OpenStack-Nova-API-Version', '2.1')
    wanted = request.headers.get('OpenStack-API-Version', '')
    if match := re.search(r'compute\s+([^\s,]+)', wanted):
        name = match[1]
    if name == 'latest':
        return float('inf'), name
    if not (match := re.fullmatch(r'2\.([1-9][0-9]{0,8})', name)):
        raise webob.exc.HTTPBadRequest(
            f'API version {name[:80]} is not known'
        )
    return int(match[1]), name


def body(request: webob.Request, key: str) -> dict[str, str]:
    """Return the metadata in a request's body.

    :raises webob.exc.HTTPBadRequest: it is none
    :raises webob.exc.HTTPRequestEntityTooLarge: it is too large
    """
    one = {'minProperties': 1, 'maxProperties': 1} if key == 'meta' else {}
    schema = {
        'type': 'object',
        'properties': {key: _METADATA | one},
        'required': [key],
        'additionalProperties': False,
    }
    try:
        given = documents.read(request)
        jsonschema.validate(given, schema, jsonschema.Draft4Validator)
    except (ValueError, jsonschema.ValidationError) as error:
        raise webob.exc.HTTPBadRequest('Malformed request body') from error
    found: dict[str, str] = given[key]
    return found


def params(request: webob.Request) -> dict[str, Any]:
    """Return which images a request is about, in the words of a service.

    :raises webob.exc.HTTPBadRequest: a number is none
    """
    found: dict[str, Any] = {}
    for name in ('limit', 'page_size', 'offset'):
        for value in request.GET.getall(name):
            # Python makes no number of thousands of digits.
            if not re.fullmatch('0{0,99}[1-9][0-9]{0,99}', value):
                raise webob.exc.HTTPBadRequest(f'{name}: {value[:80]}')
            found[name] = int(value)
    if 'marker' in request.GET:
        found['marker'] = request.GET['marker']
    filters: dict[str, Any] = {}
    for name, value in request.GET.items():
        if name == 'status':
            filters['status'] = compute_views.states(value)
        elif name in _FILTERS or name.startswith('property-'):
            filters[_FILTERS.get(name, name)] = value
    server = filters.get('property-instance_uuid')
    if server:
        filters['property-instance_uuid'] = server.rpartition('/')[2]
    return found | {'filters': filters}


def is_satisfiable(filters: Mapping[str, Any]) -> bool:
    """Whether any image can be what the filters want.

    Version 1 of the Image API refuses what version 2 finds no image for.
    """
    return all(
        re.fullmatch('[0-9]+', filters.get(name, '0'))
        for name in ('min_ram', 'min_disk')
    )
