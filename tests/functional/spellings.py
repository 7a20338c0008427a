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
"""Requests in any spelling, and what Glance's own routing makes of them."""

import copy
import io
import random
from typing import Any
import urllib.parse

from glance.api.middleware import version_negotiation
from glance.api.v2 import router
from glance.common import config  # noqa: F401
from glance.common import wsgi
from paste import urlmap
import routes.middleware

IMAGE = '71c675ab-d94f-49cd-a114-e12490b328d9'
ID = IMAGE.encode()
#: What the filter guards or answers, and some of what it does not.
PLAIN = (
    ('POST', '/v2/images'), ('POST', '/v2/tasks'),
    ('POST', f'/v2/images/{IMAGE}/import'), ('DELETE', f'/v2/images/{IMAGE}'),
    ('GET', '/v2/info/import'), ('GET', f'/v2/images/{IMAGE}'),
    ('GET', '/v2/images'), ('PUT', f'/v2/images/{IMAGE}/file'),
    ('PUT', f'/v2/images/{IMAGE}/tags/a'), ('GET', '/v2/tasks'),
    ('POST', f'/v2/images/{IMAGE}/hash'), ('GET', '/v2/image-imports'),
    ('POST', f'/v2/images/{IMAGE}/export'), ('POST', f'/v2/images/{IMAGE}'),
)
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post',
           'Post', 'delete', 'FOO')
PIECES = ('/', '//', '///', '%2F', '%2f/', '/./', '/../', '%2e%2e/', '\\',
          '%5C', ';', ';a=b', '%00', '%0A', '%0a', '%0D', '%0d%0a', '%20',
          '%09', '.', '%2E', '?', '%3F', '#', '%23', '%25', '%252F', '%C2%85',
          '%E2%80%A8', '%E2%81%84', '.json', '+', '*')
ENDS = ('/', '//', '%0A', '%0A%0A', '/%0A', '%0A/', '%0D', '%20', '%00', '?',
        '.', '/.', ';')
VERSIONS = ('v2', 'v2.0', 'v2.17', 'V2', '/v2', '%76%32', 'v2%0A', 'v1', '')
OVERRIDES = (
    '_method={}', '%5Fmethod={}', '_method={}&_method=', '_method=&_method={}',
    'a=1;_method={}', 'a=_method&%5Fmethod={}', '_method={}&a=%FF',
    '_METHOD={}',
    'x_method={}', '_method', '_method%00={}', '_method+={}', '+_method={}',
    '_method[]={}', '&;&_method={}', '_%6dethod={}',
    'a=_method&%5fm%65thod={}',
)
FORMS = (
    'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b',
    'Application/X-WWW-Form-Urlencoded', 'multipart/form-data',
    'application/x-www-form-urlencoded;charset=utf-8',
    'application/x-www-form-urlencoded; charset=latin-1',
    'application/x-www-form-urlencoded ;a', 'multipart/FORM-data; boundary=b',
    'application/json', 'text/plain', '',
)
ACCEPTS = ('', '*/*', 'application/json',
           'application/vnd.openstack.images-v2',
           'application/vnd.openstack.images-v2.1')


class Speller:
    """Makes the same requests again for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def request(self) -> dict[str, Any]:
        """Return the ``environ`` of a request, in one spelling or another."""
        pick, chance = self._random.choice, self._random.random
        method, path = pick(PLAIN)
        query, kind, headers = '', pick(FORMS) if chance() < .5 else '', {}
        # One oddity most of the time; some that cancel each other out.
        for _ in range(self._random.choices((0, 1, 2, 3), (1, 6, 2, 1))[0]):
            turn = self._random.randrange(8)
            if turn == 0:
                path = path.replace('/', pick(('//', '///', '/')),
                                    self._random.randint(1, 5))
            elif turn == 1:
                at = self._random.randrange(len(path))
                path = path[:at] + pick(PIECES) + path[at:]
            elif turn == 2:
                path += pick(ENDS)
            elif turn == 3:
                at = self._random.randrange(len(path))
                path = f'{path[:at]}%{ord(path[at]):02X}{path[at + 1:]}'
            elif turn == 4:
                path = path.replace('v2', pick(VERSIONS), 1)
            elif turn == 5:
                query = pick(OVERRIDES).format(pick((*METHODS, method)))
                method = pick((method, *METHODS))
            elif turn == 6:
                kind = pick(FORMS)
                method = pick(('POST', method))
            else:
                headers = {'HTTP_ACCEPT': pick(ACCEPTS),
                           'HTTP_X_HTTP_METHOD_OVERRIDE': pick(METHODS)}
        body = pick((b'{"a": 1}', self._form(kind), b''))
        path, _, more = path.partition('?')
        return environ(method, path, more or query, body, kind, headers)

    def _form(self, kind: str) -> bytes:
        wanted = self._random.choice(METHODS)
        if 'multipart' in kind.lower():
            return (f'--b\r\nContent-Disposition: form-data; name="_method"'
                    f'\r\n\r\n{wanted}\r\n--b--\r\n').encode()
        pattern = self._random.choice(OVERRIDES)
        return pattern.format(wanted).encode()


def environ(method: str, path: str, query: str = '', body: bytes = b'',
            kind: str = '', headers: dict[str, str] | None = None
            ) -> dict[str, Any]:
    """Return what a server makes of a request.

    :param path: as it stands in the request's first line
    """
    return {
        'REQUEST_METHOD': method, 'SCRIPT_NAME': '',
        'PATH_INFO': urllib.parse.unquote_to_bytes(path).decode('latin-1'),
        'QUERY_STRING': query, 'CONTENT_TYPE': kind,
        'CONTENT_LENGTH': str(len(body)), 'wsgi.input': io.BytesIO(body),
        'wsgi.url_scheme': 'http', 'wsgi.errors': io.StringIO(),
        'SERVER_NAME': 'h', 'SERVER_PORT': '80', 'HTTP_HOST': 'h:80',
        'SERVER_PROTOCOL': 'HTTP/1.1', **(headers or {})}


def copied(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the same request once more."""
    body = asked['wsgi.input'].getvalue()
    return {**copy.copy(asked), 'wsgi.input': io.BytesIO(body),
            'webob.adhoc_attrs': dict(asked.get('webob.adhoc_attrs', {}))}


def _none(asked: dict[str, Any], respond: Any) -> list[bytes]:
    respond('300 Versions', [])
    return []


class Routing:
    """Glance's pipelines, which call no controller.

    :param mount: put a filter before the application that it is given
    :param outer: whether a map of prefixes stands before all, as in the ini
        of Glance and not in its older form
    """

    def __init__(self, mount: Any, outer: bool) -> None:
        self._found: tuple[str, str, dict[str, Any]] | None = None
        api = router.API(wsgi.APIMapper())
        api._router = routes.middleware.RoutesMiddleware(self._end, api.map)
        root = urlmap.URLMap()
        root['/'] = _none
        root['/v2'] = api
        app = version_negotiation.VersionNegotiationFilter(mount(root))
        if outer:
            whole = urlmap.URLMap()
            whole['/'] = app
            app = whole
        self._app = app

    def ask(self, asked: dict[str, Any]
            ) -> tuple[int, tuple[str, str, dict[str, Any]] | None]:
        """Return a status, and what of Glance would have been called.

        That is a controller, an action and its arguments.
        """
        self._found = None
        said: list[str] = []

        def respond(status: str, headers: Any, exc_info: Any = None) -> None:
            said.append(status)

        b''.join(self._app(asked, respond))
        return int(said[-1][:3]), self._found

    def _end(self, asked: dict[str, Any], respond: Any) -> list[bytes]:
        _, matched = asked['wsgiorg.routing_args']
        matched = dict(matched)
        if not matched:
            respond('404 Not Found', [])
            return []
        controller = matched.pop('controller').controller
        action = matched.pop('action')
        if action != 'reject':
            self._found = type(controller).__name__, action, matched
        respond('405 No' if action == 'reject' else '200 OK', [])
        return []
