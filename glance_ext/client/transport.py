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

"""How requests get to Glance: through the library that the caller has.

One adapter for each library, and nothing of a library is imported before a
caller brings an object of it.
"""

from collections.abc import Mapping
import dataclasses
import json
from typing import Any, BinaryIO, Protocol

from glance_ext.client import errors
from glance_ext.client import words

Body = Mapping[str, Any]

_NO_JSON = 'The answer is no JSON.'
_DATA = {'Content-Type': 'application/octet-stream'}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: the JSON, None without one, and ``Location``."""

    body: object
    location: str | None = None


class Transport(Protocol):
    """Sends one authenticated request to the Image API."""

    def request(
        self,
        method: str,
        path: str,
        body: Body | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer.

        :param method: ``GET``, ``POST``, ``PUT`` or ``DELETE``
        :param path: below the version, as ``/images/...``
        :param body: goes out as JSON, and a file as it is, piece by piece
        :raises Unreachable: there was no answer
        :raises Refused: the answer is an error
        :raises UnexpectedAnswer: the answer is no JSON
        """


def of(cloud: Any) -> Transport:
    """Return the transport of what the caller has.

    :param cloud: an openstacksdk ``Connection`` or its image proxy, or a
        glanceclient ``Client`` of version 2
    :raises TypeError: for anything else
    """
    if hasattr(cloud, 'http_client'):
        return _Glanceclient(cloud)
    # Of the class: a connection's own attribute already asks the cloud.
    if hasattr(type(cloud), 'image') or hasattr(cloud, 'request'):
        return _Openstacksdk(cloud)
    raise TypeError(
        f'{type(cloud).__name__} is neither an openstacksdk Connection or '
        'image proxy nor a glanceclient Client'
    )


@dataclasses.dataclass(frozen=True)
class _Openstacksdk:
    """Over the image proxy, a keystoneauth adapter that ends in ``/v2``."""

    cloud: Any

    def request(
        self,
        method: str,
        path: str,
        body: Body | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        from keystoneauth1 import exceptions as auth_exceptions
        from openstack import exceptions

        sent = {'Accept': 'application/json', **(headers or {})}
        content: dict[str, Any] = {'json': body}
        if body is not None and not isinstance(body, Mapping):
            content = {'data': body}
            sent |= _DATA
        try:
            proxy = getattr(self.cloud, 'image', self.cloud)
            answer = proxy.request(
                path,
                method,
                **content,
                headers=sent,
                raise_exc=False,
                # A connection may cache; an action is polled to change.
                skip_cache=True,
                # Without it a 503 is tried again for half a minute, unseen.
                status_code_retries=0,
            )
        except (
            auth_exceptions.ClientException,
            exceptions.SDKException,
        ) as error:
            raise errors.Unreachable(words.printable(str(error))) from error
        if not 200 <= answer.status_code < 300:
            raise errors.Refused(
                answer.status_code,
                words.explain(
                    answer.text,
                    answer.headers.get('Content-Type', ''),
                    answer.reason or '',
                ),
                answer.headers.get('X-Openstack-Request-Id'),
                _seconds(answer.headers.get('Retry-After', '')),
            )
        return Answer(_json(answer.text), answer.headers.get('Location'))


@dataclasses.dataclass(frozen=True)
class _Glanceclient:
    """Over a glanceclient's own client, which raises for every error."""

    client: Any

    def request(
        self,
        method: str,
        path: str,
        body: Body | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        from glanceclient import exc
        from keystoneauth1 import exceptions

        send = getattr(self.client.http_client, method.lower())
        # Plain text is the one form of Glance's errors that glanceclient
        # hands on whole: on their JSON it stumbles.
        sent = {'Accept': 'text/plain', **(headers or {})}
        options: dict[str, Any] = {}
        if body is not None:
            options['data'] = body
            if not isinstance(body, Mapping):
                sent |= _DATA
        try:
            answer, found = send(f'/v2{path}', headers=sent, **options)
        except exc.HTTPException as error:
            status = error.code if isinstance(error.code, int) else 0
            raise errors.Refused(
                status, words.explain(str(error.details), 'text/plain', '')
            ) from error
        except (exc.BaseException, exceptions.ClientException) as error:
            raise errors.Unreachable(words.printable(str(error))) from error
        except ValueError as error:
            raise errors.UnexpectedAnswer(_NO_JSON) from error
        return Answer(
            _json(answer.text) if found is None else found,
            answer.headers.get('Location'),
        )


def _seconds(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _json(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise errors.UnexpectedAnswer(_NO_JSON) from error
