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

"""What a server of version 1 of the Image API is asked, step by step.

The steps are run against a server that was made for v1 and against ours; what
they are answered is comparable once ``normal`` has had it.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any
import uuid

from tests.harness import web
from tests.harness.users import User

OCTETS = {'Content-Type': 'application/octet-stream'}

#: Stands for the address of a server that has FILE at any path.
WEB = '@web@'
FILE = b'from afar'

_COMPARED = ('etag', 'allow', 'location', 'content-type', 'content-length')
_TIME = re.compile(r'\d{4}-\d\d-\d\dT[\d:.]+')


@dataclasses.dataclass(frozen=True)
class Step:
    """One request. ``group`` and ``name`` say what it is about."""

    group: str
    name: str
    user: User | None
    method: str
    path: str
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    json: Any = None

    @property
    def key(self) -> str:
        return f'{self.group}: {self.name}'

    def run(self, server: Any, far: str) -> web.Response:
        """Ask ``server``; ``far`` replaces WEB."""
        headers = {
            name: value.replace(WEB, far)
            for name, value in self.headers.items()
        }
        answer: web.Response = server.request(
            self.method,
            '/v1' + self.path,
            json=self.json,
            body=self.body,
            headers=headers,
            user=self.user,
        )
        return answer


def normal(answer: web.Response) -> dict[str, Any]:
    """Return what two servers have to agree about.

    Times differ from run to run, hosts from server to server, and the words
    of an error were never promised.
    """
    good = answer.status < 300
    found = {}
    for name, value in answer.headers.items():
        key = name.lower()
        if key == 'allow':
            value = ', '.join(sorted(re.findall('[A-Z]+', value)))
        if key == 'location':
            value = re.sub('^http://[^/]+', '', value)
        if key == 'content-type':
            value = value.partition(';')[0]
        compared = key in _COMPARED and (good or key == 'allow')
        if key == 'content-length' and 'json' in answer.headers.get(
            'Content-Type', ''
        ):
            compared = False  # the spaces of a serializer
        if compared or key.startswith('x-image-meta-'):
            found[key] = _TIME.sub('<time>', value)
    body: Any = None
    if good and 'json' in answer.headers.get('Content-Type', ''):
        body = _timeless(answer.json)
    elif good:
        body = answer.body.decode()
    return {'status': answer.status, 'headers': found, 'body': body}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_timeless(each) for each in value]
    return _TIME.sub('<time>', value) if isinstance(value, str) else value


def ident(name: str) -> str:
    """Return the id of the image that the steps call ``name``."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def meta(name: str = '', **attributes: Any) -> dict[str, str]:
    """Return headers; ``p_x`` is the property x, ``name`` makes the id."""
    found = {'x-image-meta-id': ident(name), 'x-image-meta-name': name}
    if not name:
        found = {}
    for attribute, value in attributes.items():
        key = attribute.replace('p_', 'property-', 1)
        if not attribute.startswith('p_'):
            key = attribute
        found[f'x-image-meta-{key}'] = str(value)
    return found


class Script:
    """Steps, as they are written down."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.group = ''

    def __call__(
        self,
        name: str,
        user: User | None,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
    ) -> None:
        self.steps.append(
            Step(
                self.group, name, user, method, path, headers or {}, body, json
            )
        )

    def post(
        self,
        name: str,
        user: User,
        headers: dict[str, str],
        body: bytes | None = None,
        **more: str,
    ) -> None:
        """Add a creation, with data if there is a body."""
        sent = headers | (OCTETS if body is not None else {}) | more
        self(name, user, 'POST', '/images', sent, body)

    def put(
        self,
        name: str,
        user: User,
        image: str,
        headers: dict[str, str],
        body: bytes | None = None,
        **more: str,
    ) -> None:
        """Add a change."""
        sent = headers | (OCTETS if body is not None else {}) | more
        self(name, user, 'PUT', f'/images/{ident(image)}', sent, body)
