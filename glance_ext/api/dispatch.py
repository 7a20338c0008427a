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
import functools
import re
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
import webob.exc

from glance_ext.actions import node
from glance_ext.api import ids
from glance_ext.api import imports
from glance_ext.api import routes
from glance_ext.api import tasks
from glance_ext.host import contexts
from glance_ext.host import wsgi

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_INFO = '/v2/info/import'
_METHODS = 'openstack-image-import-methods'
_IMPORT = re.compile(r'/v2/images/([^/]+)/import')
_IMAGE = re.compile(r'/v2/images/([0-9a-fA-F-]{36})')


def mount(app: Application,
          start: Callable[[], Any] = node.start) -> Application:
    """Return ``app`` with the extension before it.

    :param start: called with the first request, since servers fork between
        loading the application and that

    A bare function that looks at the path: what is not ours costs a match
    of one pattern and nothing else.
    """
    is_ours = routes.pattern().fullmatch
    # Glance's own list is right, unless there are methods from elsewhere.
    added = imports.adds_methods()
    info = wsgi.application(imports.info) if added else None
    answer, post = _dispatcher(), _importer(added)
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
        if is_ours(environ['PATH_INFO']):
            start()
            return answer(environ, start_response)
        method = environ['REQUEST_METHOD']
        if info and method == 'GET' and environ['PATH_INFO'] == _INFO:
            environ['wsgiorg.routing_args'] = (), {'action': wsgi.ACTION}
            listed: Iterable[bytes] = info(environ, start_response)
            return listed
        if method == 'DELETE':
            return _watch_delete(through, environ, start_response)
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


def _importer(added: bool) -> Callable[..., Iterable[bytes]]:
    """Return what lets a POST through, unless it is an import of ours.

    :param added: whether there are methods that Glance does not know of
    """
    ours = wsgi.application(imports.begin)

    def post(app: Application, environ: Environ,
             start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ['PATH_INFO']
        if path.rstrip('/') == '/v2/images':
            return _create(app, environ, _with_methods(start_response)
                           if added else start_response)
        if path.rstrip('/') == '/v2/tasks':
            return _create_task(app, environ, start_response)
        matched = _IMPORT.fullmatch(path)
        if matched is None or not contexts.has_identity(
                contexts.of_request(environ)):
            return app(environ, start_response)
        routed: dict[str, str] = {}
        try:
            if not imports.is_ours(wsgi.take_body(environ)):
                return app(environ, start_response)
            chosen, routed = ours, {'image_id': matched.group(1)}
        except webob.exc.HTTPException as exc:
            chosen = wsgi.application(functools.partial(_refuse, exc))
        environ['wsgiorg.routing_args'] = (
            (), {'action': wsgi.ACTION, **routed})
        answer: Iterable[bytes] = chosen(environ, start_response)
        return answer

    return post


def _create_task(app: Application, environ: Environ,
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Let a task through, unless it would look like an action of ours."""
    chosen = app
    try:
        tasks.require_foreign(wsgi.take_body(environ))
    except webob.exc.HTTPException as exc:
        chosen = wsgi.application(functools.partial(_refuse, exc))
        environ['wsgiorg.routing_args'] = (), {'action': wsgi.ACTION}
    return chosen(environ, start_response)


def _create(app: Application, environ: Environ,
            start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Let a new image through, unless its id was used before."""
    context = contexts.of_request(environ)
    chosen = app
    if (cfg.CONF.glance_ext.image_id_reuse_guard
            and contexts.has_identity(context)):
        try:
            ids.require_unused(wsgi.take_body(environ), context)
        except webob.exc.HTTPException as exc:
            chosen = wsgi.application(functools.partial(_refuse, exc))
            environ['wsgiorg.routing_args'] = (), {'action': wsgi.ACTION}
    return chosen(environ, start_response)


def _with_methods(start_response: Callable[..., Any]) -> Callable[..., Any]:
    """Name in a header of Glance's the methods that come from elsewhere."""
    def start(status: str, headers: list[tuple[str, str]], *rest: Any
              ) -> Any:
        offered = imports.offered()
        return start_response(status, [
            (name, ','.join(offered) if name.lower() == _METHODS else value)
            for name, value in headers], *rest)
    return start


def _refuse(why: Exception, request: wsgi.Request) -> wsgi.Answer:
    raise why


def _refuse_unknown(request: wsgi.Request) -> wsgi.Answer:
    raise webob.exc.HTTPUnauthorized()


def _refuse_method(request: wsgi.Request, allowed: str) -> wsgi.Answer:
    raise webob.exc.HTTPMethodNotAllowed(headers=[('Allow', allowed)])


def _watch_delete(app: Application, environ: Environ,
                  start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Let a DELETE through, and remember one of an image that failed.

    A store may have deleted the data and refused the deletion (RBD); the
    action that reads that image then finishes it.
    """
    matched = _IMAGE.fullmatch(environ['PATH_INFO'])
    if not matched:
        return app(environ, start_response)
    status = ''

    def start(said: str, *rest: Any) -> Any:
        nonlocal status
        status = said
        return start_response(said, *rest)

    try:
        # Where the data goes with the image, nothing is left to restore.
        if cfg.CONF.delayed_delete and contexts.has_identity(
                context := contexts.of_request(environ)):
            node.prepare_delete(matched.group(1), context)
    except Exception:
        LOG.exception('The deletion of image %s goes on; a restoration may '
                      'bring properties back that it did not have',
                      matched.group(1))
    answer = app(environ, start)
    if status.startswith(('409', '5')):
        try:
            node.note_failed_delete(
                matched.group(1), contexts.of_request(environ))
        except Exception:
            LOG.exception('The failed deletion of image %s could not be '
                          'noted', matched.group(1))
    return answer
