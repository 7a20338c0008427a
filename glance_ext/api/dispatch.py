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
"""What is ours is answered here; the rest goes through."""

from collections.abc import Callable, Iterable
from typing import Any

import webob.exc

from glance_ext.actions import node
from glance_ext.api import imports
from glance_ext.api import passing
from glance_ext.api import routes
from glance_ext.api import spellings
from glance_ext.api.passing import Application
from glance_ext.api.passing import Environ
from glance_ext.host import contexts
from glance_ext.host import wsgi

_INFO = '/v2/info/import'


def mount(app: Application,
          start: Callable[[], Any] = node.start) -> Application:
    """Return ``app`` with the extension before it.

    :param start: called with the first request, since servers fork between
        loading the application and that

    A bare function that looks at the path and the query: what is not ours
    costs three looks for a few characters and a match of one pattern.
    """
    is_ours = routes.pattern().fullmatch
    # Glance's own list is right, unless there are methods from elsewhere.
    added = imports.adds_methods()
    info = wsgi.application(imports.info) if added else None
    answer, post = _dispatcher(), passing.poster(added)
    delete = passing.deleter()
    through = app

    def first(environ: Environ, start_response: Callable[..., Any]
              ) -> Iterable[bytes]:
        nonlocal through
        through = app
        start()
        return app(environ, start_response)

    through = first

    def application(environ: Environ, start_response: Callable[..., Any]
                    ) -> Iterable[bytes]:
        path = environ['PATH_INFO']
        if '//' in path or path[-1:] == '\n':
            path = environ['PATH_INFO'] = spellings.plain(path)
        if '_method' in environ.get('QUERY_STRING', ''):
            try:
                spellings.require_own_method(environ)
            except webob.exc.HTTPException as exc:
                return passing.refuse(exc, environ, start_response)
        if is_ours(path):
            start()
            return answer(environ, start_response)
        method = environ['REQUEST_METHOD']
        if info and method == 'GET' and path == _INFO:
            environ['wsgiorg.routing_args'] = (), {'action': wsgi.ACTION}
            listed: Iterable[bytes] = info(environ, start_response)
            return listed
        if method == 'DELETE':
            return delete(through, environ, start_response)
        if method == 'POST':
            return post(through, environ, start_response)
        return through(environ, start_response)

    return application


def _dispatcher() -> Application:
    """Return the application that answers the routes of the table."""
    mapper = routes.mapper()
    methods = routes.methods()
    applications = {route.handler: wsgi.application(route.handler)
                    for route in routes.ROUTES}
    unknown = wsgi.application(_refuse_unknown)
    wrong = wsgi.application(_refuse_method)

    def dispatch(environ: Environ, start_response: Callable[..., Any]
                 ) -> Iterable[bytes]:
        matched = dict(mapper.match(environ['PATH_INFO'], environ))
        handlers = methods[matched.pop('route')]
        handler = handlers.get(environ['REQUEST_METHOD'])
        context = contexts.of_request(environ)
        if isinstance(context, webob.exc.HTTPException):
            # Glance's filter refuses an overlong request id, and leaves the
            # refusal where the context belongs.
            chosen, matched = context, {}
        elif not contexts.has_identity(context):
            chosen, matched = unknown, {}
        elif handler is None:
            chosen, matched = wrong, {'allowed': ', '.join(sorted(handlers))}
        else:
            chosen = applications[handler]
        environ['wsgiorg.routing_args'] = (
            (), {'action': wsgi.ACTION, **matched})
        answer: Iterable[bytes] = chosen(environ, start_response)
        return answer

    return dispatch


def _refuse_unknown(request: wsgi.Request) -> wsgi.Answer:
    raise webob.exc.HTTPUnauthorized()


def _refuse_method(request: wsgi.Request, allowed: str) -> wsgi.Answer:
    raise webob.exc.HTTPMethodNotAllowed(headers=[('Allow', allowed)])
