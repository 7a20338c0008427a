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

"""Imports and exports of images, which have addresses of their own.

An import's image does not exist before the data has been fetched and
verified; an export sends an image's data away. Both are image actions too,
under the same id.
"""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
from typing import Any, BinaryIO

from glance_ext.client import connection
from glance_ext.client import errors
from glance_ext.client import targets


@dataclasses.dataclass(frozen=True)
class Request:
    """An import or export as the server describes it.

    ``status`` is ``waiting``, ``uploading``, ``verifying``, ``success`` or
    ``failure``; servers may have others.
    """

    id: str
    status: str
    #: The image that an import has made, or that an export sends.
    image_id: str | None
    #: Why it failed.
    message: str
    #: When an ended one disappears, as the server wrote it.
    expires_by: str | None
    #: What the image of an import is to be like.
    image_properties: Mapping[str, Any]
    body: Mapping[str, Any] = dataclasses.field(repr=False, compare=False)


class _Requests:
    """What imports and exports have in common."""

    path: str
    kind: str

    def __init__(self, server: connection.Connection) -> None:
        self._server = server

    def list(self) -> Iterator[Request]:
        """Yield those that the caller may see, page by page."""
        self._server.require(self.kind)
        for body in self._server.pages(self.path, self._members):
            yield _parse(body, None)

    def show(self, request_id: str) -> Request:
        """Return it as it is now."""
        self._server.require(self.kind)
        answer = self._server.request(
            'GET', f'{self.path}/{connection.quoted(request_id)}'
        )
        return _parse(answer.body, request_id)

    def delete(self, request_id: str) -> None:
        """Cancel it, and leave nothing of it.

        :raises Refused: with status 409, when it had ended
        """
        self._server.require(self.kind)
        self._server.request(
            'DELETE', f'{self.path}/{connection.quoted(request_id)}'
        )

    @property
    def _members(self) -> str:
        return self.path.lstrip('/').replace('-', '_')

    def _create(
        self, path: str, body: Mapping[str, Any], key: str | None
    ) -> Request:
        self._server.require(self.kind)
        headers = {'Idempotency-Key': key} if key is not None else {}
        answer = self._server.request('POST', path, body, headers)
        return self.show(connection.named(answer))


class Imports(_Requests):
    """Bits that are to become images."""

    path = '/image-imports'
    kind = 'import'

    def create(
        self,
        location: str | None = None,
        image_properties: Mapping[str, Any] | None = None,
        digest: Mapping[str, str] | None = None,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        allow_failure: bool = False,
        idempotency_key: str | None = None,
    ) -> Request:
        """Ask for an image that is made of what lies at ``location``.

        :param location: an ``https`` or ``swift`` URL; without one the
            import waits for :meth:`upload`
        :param image_properties: what the image is to be like, as for
            ``POST /v2/images``
        :param digest: what is expected of the data: ``os_hash_algo`` and
            ``os_hash_value``, or the ``hash_uri`` of a list of digests
        :param stores: where the image's data is written to
        :param all_stores: to all of them, instead of naming them
        :param allow_failure: have an image also where a store fails
        :param idempotency_key: the same request with the same key is the
            same import
        """
        body = {
            'image_properties': dict(image_properties or {}),
            **(digest or {}),
            **targets.body(stores, all_stores, allow_failure),
        }
        if location is not None:
            body['location'] = location
        return self._create(self.path, body, idempotency_key)

    def upload(self, request_id: str, data: BinaryIO) -> None:
        """Send the data of an import that has no location."""
        self._server.request(
            'PUT', f'{self.path}/{connection.quoted(request_id)}/file', data
        )


class Exports(_Requests):
    """Images whose data is sent away."""

    path = '/image-exports'
    kind = 'export'

    def create(
        self,
        image_id: str,
        location: str,
        disk_format: str | None = None,
        idempotency_key: str | None = None,
    ) -> Request:
        """Ask for the image's data to be ``PUT`` to ``location``.

        :param disk_format: converted to this on the way
        """
        body = {'location': location}
        if disk_format is not None:
            body['disk_format'] = disk_format
        path = f'/images/{connection.quoted(image_id)}/export'
        return self._create(path, body, idempotency_key)


def _parse(body: object, request_id: str | None) -> Request:
    """Return the request; where its body does not tell the id, the caller."""
    if not isinstance(body, Mapping) or not isinstance(
        body.get('status'), str
    ):
        raise errors.UnexpectedAnswer('The answer is no import or export.')
    properties = body.get('image_properties')
    return Request(
        id=_text(body.get('id')) or request_id or _last(body.get('self')),
        status=body['status'],
        image_id=_last(body.get('image_ref')) or _text(body.get('image_id')),
        message=_text(body.get('message')) or '',
        expires_by=_text(body.get('expires-by')),
        image_properties=properties if isinstance(properties, Mapping) else {},
        body=body,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _last(path: object) -> str:
    return path.rpartition('/')[2] if isinstance(path, str) else ''
