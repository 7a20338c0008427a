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
"""Requests that are Glance's own, and looked at on their way to it."""

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
from glance_ext.api import spellings
from glance_ext.api import tasks
from glance_ext.host import contexts
from glance_ext.host import wsgi

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
#: Called with the application behind, the request and ``start_response``.
Passing = Callable[[Application, Environ, Callable[..., Any]],
                   Iterable[bytes]]

_METHODS = 'openstack-image-import-methods'
_IMPORT = re.compile(r'/v2/images/([^/]+)/import')
#: How the path of an image begins, where its id does, and how long it is.
_IMAGES = '/v2/images/'
_START = len(_IMAGES)
_LENGTH = _START + 36


def poster(added: bool) -> Passing:
    """Return what lets a POST through, unless it is an import of ours.

    :param added: whether there are methods that Glance does not know of
    """
    ours = wsgi.application(imports.begin)
    guarded = cfg.CONF.glance_ext.image_id_reuse_guard

    def post(app: Application, environ: Environ,
             start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ['PATH_INFO']
        if path.rstrip('/') == '/v2/images':
            start = _with_methods(start_response) if added else start_response
            if guarded and contexts.has_identity(
                    context := contexts.of_request(environ)):
                check = functools.partial(ids.require_unused, context=context)
                return _checked(check, app, environ, start)
            return _through(app, environ, start)
        if path.rstrip('/') == '/v2/tasks':
            return _checked(tasks.require_foreign, app, environ,
                            start_response)
        matched = _IMPORT.fullmatch(path)
        if matched is None or not contexts.has_identity(
                contexts.of_request(environ)):
            return _through(app, environ, start_response)
        try:
            if not imports.is_ours(wsgi.take_body(environ)):
                return _through(app, environ, start_response)
        except webob.exc.HTTPException as exc:
            return refuse(exc, environ, start_response)
        environ['wsgiorg.routing_args'] = (
            (), {'action': wsgi.ACTION, 'image_id': matched.group(1)})
        answer: Iterable[bytes] = ours(environ, start_response)
        return answer

    return post


def _checked(check: Callable[[bytes], None], app: Application,
             environ: Environ, start_response: Callable[..., Any]
             ) -> Iterable[bytes]:
    """Let a POST through whose body passes a check."""
    try:
        check(wsgi.take_body(environ))
    except webob.exc.HTTPException as exc:
        return refuse(exc, environ, start_response)
    return _through(app, environ, start_response)


def _through(app: Application, environ: Environ,
             start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Let a POST through, unless its form makes another method of it."""
    try:
        spellings.require_own_method_in_form(environ)
    except webob.exc.HTTPException as exc:
        return refuse(exc, environ, start_response)
    return app(environ, start_response)


def _with_methods(start_response: Callable[..., Any]) -> Callable[..., Any]:
    """Name in a header of Glance's the methods that come from elsewhere."""
    def start(status: str, headers: list[tuple[str, str]], *rest: Any
              ) -> Any:
        offered = imports.offered()
        return start_response(status, [
            (name, ','.join(offered) if name.lower() == _METHODS else value)
            for name, value in headers], *rest)
    return start


def refuse(why: webob.exc.HTTPException, environ: Environ,
           start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request with a refusal, as Glance words it."""
    environ['wsgiorg.routing_args'] = (), {'action': wsgi.ACTION}
    answer: Iterable[bytes] = wsgi.application(
        functools.partial(_raise, why))(environ, start_response)
    return answer


def _raise(why: Exception, request: wsgi.Request) -> wsgi.Answer:
    raise why


def deleter() -> Passing:
    """Return what lets a DELETE through, and watches that of an image.

    A store may have deleted the data and refused the deletion (RBD); the
    action that reads that image then finishes it.
    """
    # Where the data goes with the image, nothing is left to restore.
    restorable = cfg.CONF.delayed_delete

    def delete(app: Application, environ: Environ,
               start_response: Callable[..., Any]) -> Iterable[bytes]:
        # A database may take an id for the same with spaces behind it.
        path = environ['PATH_INFO'].rstrip(' ')
        if len(path) != _LENGTH or path[:_START] != _IMAGES:
            return app(environ, start_response)
        status = ''

        def start(said: str, *rest: Any) -> Any:
            nonlocal status
            status = said
            return start_response(said, *rest)

        if restorable:
            _prepare_delete(path[_START:], environ)
        answer = app(environ, start)
        if status > '4' and status.startswith(('409', '5')):
            _note_failed_delete(path[_START:], environ)
        return answer

    return delete


def _prepare_delete(image_id: str, environ: Environ) -> None:
    context = contexts.of_request(environ)
    try:
        if contexts.has_identity(context):
            node.prepare_delete(image_id, context)
    except Exception:
        LOG.exception('The deletion of image %s goes on; a restoration may '
                      'bring properties back that it did not have', image_id)


def _note_failed_delete(image_id: str, environ: Environ) -> None:
    try:
        node.note_failed_delete(image_id, contexts.of_request(environ))
    except Exception:
        LOG.exception('The failed deletion of image %s could not be noted',
                      image_id)
