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
"""Glance's own way to run a handler, to word an error and to read a body."""

from collections.abc import Callable, Iterator
import io
import json
from typing import Any, NamedTuple

from glance.common import wsgi
from oslo_config import cfg
import webob
import webob.exc

from glance_ext.host import tasks

#: ``glance.common.wsgi.Request``: webob's, with ``context`` set.
Request = Any

#: What a JSON body may have, in bytes. Glance has no limit of its own.
BODY_LIMIT = 64 * 1024
#: How many values of a JSON body may be in one another.
DEPTH_LIMIT = 32
_PIECE = 256 * 1024
#: When to try again what a limit on waiting actions has refused, in seconds.
_RETRY_AFTER = 30

#: The method that ``Resource`` calls, on each of the three objects below.
ACTION = 'default'


class TooDeep(webob.exc.HTTPBadRequest):
    """The values of a JSON body are too deep in one another."""

    def __init__(self) -> None:
        super().__init__(explanation='The JSON in the request body is '
                                     'nested too deeply.')


class Answer(NamedTuple):
    """What a handler returns: a JSON object, and how to send it.

    An answer without a body has None there; bytes are sent as they are.
    """

    body: Any = None
    status: int = 200
    location: str | None = None
    content_type: str = 'application/json'


def application(handler: Callable[..., Answer]) -> Callable[..., Any]:
    """Return a WSGI application that calls ``handler(request, **matched)``.

    It runs under Glance's ``Resource``, which words faults, translates
    them, logs what nobody foresaw and answers 500 for it.
    """
    resource: Callable[..., Any] = wsgi.Resource(
        _Controller(handler), _NoDeserializer(), _Serializer())
    return resource


def read_body(request: Request) -> bytes:
    """Read a request's body, chunked ones too.

    :raises webob.exc.HTTPRequestEntityTooLarge: more than ``BODY_LIMIT``
    :raises webob.exc.HTTPBadRequest: the client cut it off
    """
    deserializer = wsgi.JSONRequestDeserializer()
    if not deserializer.has_body(request):
        return b''
    length = request.content_length
    if length is None or length <= BODY_LIMIT:
        parts, count = [], 0
        try:
            while count <= BODY_LIMIT and (
                    part := request.body_file.read(
                        min(BODY_LIMIT + 1, length or BODY_LIMIT + 1)
                        - count)):
                parts.append(part)
                count += len(part)
        except OSError as exc:
            raise webob.exc.HTTPBadRequest(
                explanation='The request body was cut off.') from exc
        if count <= BODY_LIMIT:
            return b''.join(parts)
    raise webob.exc.HTTPRequestEntityTooLarge(
        explanation=f'The request body is larger than {BODY_LIMIT} bytes.')


def read_chunks(request: Request) -> Iterator[bytes]:
    """Yield the body of a request, chunked ones too, however large.

    :raises webob.exc.HTTPBadRequest: the client cut it off
    """
    length, count = request.content_length, 0
    if not wsgi.JSONRequestDeserializer().has_body(request):
        return
    try:
        while length is None or count < length:
            part = request.body_file.read(
                _PIECE if length is None else min(_PIECE, length - count))
            if not part:
                break
            count += len(part)
            yield part
    except OSError as exc:
        raise webob.exc.HTTPBadRequest(
            explanation='The request body was cut off.') from exc
    if length is not None and count < length:
        raise webob.exc.HTTPBadRequest(
            explanation='The request body was cut off.')


def take_body(environ: dict[str, Any]) -> bytes:
    """Read the body of a request that may go on to Glance afterwards.

    :raises webob.exc.HTTPException: as :func:`read_body`
    """
    raw = read_body(wsgi.Request(environ))
    environ['wsgi.input'] = io.BytesIO(raw)
    environ['CONTENT_LENGTH'] = str(len(raw))
    environ.pop('HTTP_TRANSFER_ENCODING', None)
    return raw


def parse(raw: bytes) -> Any:
    """Return a JSON body, which Glance's own code reads.

    :raises TooDeep:
    :raises webob.exc.HTTPBadRequest: it is neither an object nor a list, and
        Glance refuses it as well
    """
    try:
        body = wsgi.JSONRequestDeserializer().from_json(raw)
    except RecursionError as exc:
        raise TooDeep from exc
    require_shallow(body)
    return body


def require_shallow(body: Any) -> None:
    """Refuse JSON that is deeper than any that is asked for.

    Whoever looks at it later may call a function for every level.

    :raises TooDeep:
    """
    level = [body]
    for _ in range(DEPTH_LIMIT):
        level = [inner for each in level if isinstance(each, list | dict)
                 for inner in (each.values() if isinstance(each, dict)
                               else each)]
    if level:
        raise TooDeep


def absolute(request: Request, path: str) -> str:
    """Return the URL of ``path`` as the caller can reach it."""
    base = cfg.CONF.public_endpoint or request.application_url
    return f'{base.rstrip("/")}{path}'


class _Controller:
    def __init__(self, handler: Callable[..., Answer]) -> None:
        self._handler = handler

    def default(self, request: Request, **matched: str) -> Answer:
        try:
            return self._handler(request, **matched)
        except tasks.TooManyWaiting as exc:
            # As Glance answers for its limits; that it will pass, says the
            # header (RFC 9110, 15.5.14).
            most = cfg.CONF.glance_ext.max_waiting_actions_per_project
            raise webob.exc.HTTPRequestEntityTooLarge(
                explanation=f'The project has {most} waiting image actions, '
                            f'and may not have more. Try again when some of '
                            f'them have started.',
                headers=[('Retry-After', str(_RETRY_AFTER))]) from exc


class _NoDeserializer:
    """A handler reads the body itself, once the policy has let it."""

    def default(self, request: Request) -> dict[str, Any]:
        return {}


class _Serializer:
    def default(self, response: webob.Response, answer: Answer) -> None:
        response.status_int = answer.status
        if answer.location:
            response.headers['Location'] = answer.location
        if answer.body is None:
            del response.content_type
            return
        response.headers['Content-Type'] = answer.content_type
        response.body = (answer.body if isinstance(answer.body, bytes)
                         else json.dumps(answer.body).encode())
