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
"""What a Keystone v3 answers to those who look for Swift.

glance_store's swift driver logs in by Keystone v3 only. This hands one
token and a catalog of one service to whoever knows the password.
"""

from __future__ import annotations

import http.server
import json
from typing import Any

from tests.harness.backends import listener

FOR_EVER = '2099-12-31T23:59:59.000000Z'
DOMAIN = {'id': 'default', 'name': 'Default'}


class Identity:
    """A server at ``url`` (it ends in ``/v3``) until ``stop``.

    It is no part of Swift, so it stays when Swift is killed.

    :param user: ``PROJECT:NAME``, as the driver writes it.
    """

    def __init__(self, user: str, password: str) -> None:
        self.project, self.name = user.split(':')
        self.password = password
        self.storage = ''
        self.token = ''
        handler = type('Handler', (_Handler,), {'identity': self})
        self._listener = listener.Listener('identity', handler)
        self.url = f'{self._listener.url}/v3'

    def offer(self, storage: str, token: str) -> None:
        """Set what those who log in are given: Swift's URL and a token."""
        self.storage, self.token = storage, token

    def stop(self) -> None:
        """End it."""
        self._listener.stop()

    def accepts(self, auth: dict[str, Any]) -> bool:
        """Whether the body of a login has the right names and password."""
        try:
            user = auth['identity']['password']['user']
            scope = auth['scope']['project']['name']
            said = (scope, user['name'], user['password'])
        except KeyError:
            return False
        return said == (self.project, self.name, self.password)

    def version(self) -> dict[str, Any]:
        """Return the body that tells of version 3."""
        links = [{'rel': 'self', 'href': f'{self.url}/'}]
        return {'version': {'id': 'v3.14', 'status': 'stable', 'links': links}}

    def granted(self) -> dict[str, Any]:
        """Return the body that goes with the token."""
        endpoints = [
            {
                'id': interface,
                'interface': interface,
                'region': 'RegionOne',
                'region_id': 'RegionOne',
                'url': self.storage,
            }
            for interface in ('public', 'internal', 'admin')
        ]
        service = {
            'id': 'swift',
            'type': 'object-store',
            'name': 'swift',
            'endpoints': endpoints,
        }
        names = {'user': self.name, 'project': self.project}
        return {
            'token': {
                'methods': ['password'],
                'audit_ids': ['audit'],
                'issued_at': '2020-01-01T00:00:00.000000Z',
                'expires_at': FOR_EVER,
                'roles': [{'id': 'admin', 'name': 'admin'}],
                'catalog': [service],
            }
            | {
                kind: {'id': name, 'name': name, 'domain': DOMAIN}
                for kind, name in names.items()
            }
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    identity: Identity

    def do_GET(self) -> None:
        if self.path.rstrip('/') == '/v3':
            self._answer(200, self.identity.version())
        else:
            self._answer(404, _error(404))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path != '/v3/auth/tokens':
            self._answer(404, _error(404))
        elif self.identity.accepts(json.loads(body)['auth']):
            token = {'X-Subject-Token': self.identity.token}
            self._answer(201, self.identity.granted(), token)
        else:
            self._answer(401, _error(401))

    def _answer(
        self, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the log of the tests clean."""


def _error(code: int) -> dict[str, Any]:
    title = http.HTTPStatus(code).phrase
    return {'error': {'code': code, 'title': title, 'message': title}}
