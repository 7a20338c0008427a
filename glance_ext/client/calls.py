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

"""The calls of the Image API that glance-ext adds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from glance_ext.client import action
from glance_ext.client import connection
from glance_ext.client import errors
from glance_ext.client import images
from glance_ext.client import requests
from glance_ext.client import targets
from glance_ext.client import transport
from glance_ext.client import waiting


class Client:
    """Talks to a Glance that runs glance-ext.

    Every method may raise :class:`Unreachable`, :class:`Refused`,
    :class:`ExtensionAbsent`, :class:`NotOffered` and
    :class:`UnexpectedAnswer`.

    :param cloud: an openstacksdk ``Connection`` or its image proxy, or a
        glanceclient ``Client`` of version 2
    :raises TypeError: for anything else
    """

    def __init__(self, cloud: Any) -> None:
        self._server = connection.Connection(transport.of(cloud))
        #: The imports of images, an :class:`Imports`.
        self.imports = requests.Imports(self._server)
        #: The exports of images, an :class:`Exports`.
        self.exports = requests.Exports(self._server)

    @property
    def info(self) -> Mapping[str, Any]:
        """What the server offers: ``GET /v2/info/glance-ext``."""
        return self._server.info

    def require(self, what: str, among: str = 'action_types') -> None:
        """Make sure that the server takes this on.

        :param what: a kind of action, or an import method
        :param among: ``action_types`` or ``import_methods``
        :raises NotOffered: it does not
        """
        self._server.require(what, among)

    def find_image(self, name_or_id: str) -> images.Image:
        """Return the one image with the id, or else with the name.

        Hidden and community images are found by their names as well.

        :raises glance_ext.client.errors.ImageNotFound:
            there is none that the caller may see
        :raises AmbiguousName: several have the name
        """
        return images.find(self._server.transport, name_or_id)

    def images(
        self,
        project_id: str | None = None,
        tags: Iterable[str] = (),
        properties: Mapping[str, str] | None = None,
        status: str | None = 'active',
    ) -> Iterator[images.Image]:
        """Yield the images that the caller may see, page by page.

        Hidden and community images are among them.

        :param project_id: only those of this project
        :param tags: only those with all of these
        :param properties: only those with all of these values
        :param status: only those; None for any
        """
        filters = [*(properties or {}).items(), *(('tag', t) for t in tags)]
        if project_id is not None:
            filters.append(('owner', project_id))
        if status is not None:
            filters.append(('status', status))
        return images.select(self._server.transport, filters)

    def stores(self) -> tuple[str, ...]:
        """Return the ids of the stores that images can be written to.

        It is empty for a Glance with a single store.
        """
        try:
            answer = self._server.transport.request('GET', '/info/stores')
        except errors.Refused as error:
            if error.status == 404:
                return ()
            raise
        body = answer.body
        found = body.get('stores') if isinstance(body, Mapping) else None
        if not isinstance(found, list):
            raise errors.UnexpectedAnswer('The answer has no stores.')
        return tuple(
            each['id'] for each in found if each.get('read-only') != 'true'
        )

    def calculate_hash(
        self,
        image_id: str,
        algorithm: str | None = None,
        rehash: bool = False,
    ) -> action.Action:
        """Start to calculate the hash of an image's data.

        :param algorithm: a name that hashlib knows; without it the one that
            the server is configured for
        :param rehash: also where the image has a hash; the action then fails
            with ``hash_mismatch`` if the data does not have that hash
        """
        body: dict[str, Any] = {}
        if algorithm is not None:
            body['os_hash_algo'] = algorithm
        if rehash:
            body['rehash'] = True
        path = f'/images/{connection.quoted(image_id)}/hash'
        return action.parse(self._server.request('POST', path, body).body)

    def copy(
        self,
        image_id: str,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        allow_failure: bool = False,
    ) -> action.Action | None:
        """Start to copy an image's data to more stores.

        None is returned where there is nothing to copy, since all stores
        have it.

        :param stores: the targets
        :param all_stores: all that do not have it, instead of naming them
        :param allow_failure: keep the copies that succeeded where others
            fail; without it nothing new stays unless everything succeeded
        """
        try:
            return self._import(
                image_id,
                {'name': 'copy-image'},
                targets.body(stores, all_stores, allow_failure),
            )
        except errors.UnexpectedAnswer:
            if all_stores and self._is_everywhere(image_id):
                return None
            raise

    def plan_copy(
        self,
        image_id: str,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        allow_failure: bool = False,
    ) -> Mapping[str, Any]:
        """Return what :meth:`copy` would do; nothing is done."""
        return self._plan(
            image_id,
            {'name': 'copy-image'},
            targets.body(stores, all_stores, allow_failure),
        )

    def web_download(
        self,
        image_id: str,
        uri: str,
        digest: Mapping[str, str] | None = None,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        allow_failure: bool = False,
    ) -> action.Action:
        """Start to fetch the data of an image that has none yet.

        :param uri: where it lies
        :param digest: what is expected of it: ``os_hash_algo`` and
            ``os_hash_value``, or the ``hash_uri`` of a list of digests; the
            image only becomes active if the data is right
        """
        return self._import(
            image_id,
            {'name': 'web-download', 'uri': uri, **(digest or {})},
            targets.body(stores, all_stores, allow_failure),
        )

    def plan_web_download(
        self,
        image_id: str,
        uri: str,
        digest: Mapping[str, str] | None = None,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        allow_failure: bool = False,
    ) -> Mapping[str, Any]:
        """Return what :meth:`web_download` would do; nothing is done."""
        return self._plan(
            image_id,
            {'name': 'web-download', 'uri': uri, **(digest or {})},
            targets.body(stores, all_stores, allow_failure),
        )

    def verify(
        self,
        image_id: str,
        stores: Sequence[str] = (),
        repair: bool = False,
    ) -> action.Action:
        """Start to read copies back and to compare them with the hash.

        :param stores: those copies only
        :param repair: replace bad copies from a good one
        """
        self._server.require('verify')
        body: dict[str, Any] = {'repair': True} if repair else {}
        if stores:
            body['stores'] = list(stores)
        path = f'/images/{connection.quoted(image_id)}/verify'
        answer = self._server.request('POST', path, body)
        return self.show_action(connection.named(answer))

    def remove_copy(self, image_id: str, store: str) -> None:
        """Remove an image from a store; Glance keeps the last copy."""
        self._server.transport.request('DELETE', (
            f'/stores/{connection.quoted(store)}'
            f'/{connection.quoted(image_id)}'))

    def actions(
        self,
        action_type: str | None = None,
        status: str | None = None,
        image_id: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
    ) -> Iterator[action.Action]:
        """Yield actions, page by page: one's own, or all for an admin.

        :param limit: so many in one page
        :param marker: begin after the action with this id
        """
        found = self._server.pages(
            '/image-actions',
            'image_actions',
            action_type=action_type,
            status=status,
            image_id=image_id,
            limit=limit,
            marker=marker,
        )
        return map(action.parse, found)

    def show_action(self, action_id: str) -> action.Action:
        """Return the action as it is now."""
        path = f'/image-actions/{connection.quoted(action_id)}'
        return action.parse(self._server.request('GET', path).body)

    def cancel_action(self, action_id: str) -> None:
        """Stop an action, and have what it has written removed.

        It has failed at once, with the code ``cancelled``, and ended when
        everything is removed: :meth:`wait` tells when.

        :raises Refused: with status 409, when it had ended
        """
        path = f'/image-actions/{connection.quoted(action_id)}'
        self._server.request('DELETE', path)

    def follow(
        self,
        action_ids: Iterable[str],
        timeout: float | None = None,
        parallel: int | None = None,
    ) -> Iterator[tuple[str, waiting.Outcome]]:
        """Yield ids and what is seen of the actions, until all have ended.

        What is seen is an :class:`Action`, or the :class:`ClientError` for
        which one is followed no longer. It is asked for every 0.1 s at
        first, and then less and less often, up to every 5 s. A server that
        restarts meanwhile is given a minute.

        :param action_ids: may be an iterator that starts each action when
            its turn has come
        :param timeout: seconds; None follows for ever
        :param parallel: take another id only while fewer than so many are
            followed; None takes them all at once
        :raises WaitTimeout: some had not ended by then
        """
        return waiting.follow(self.show_action, action_ids, timeout, parallel)

    def wait(
        self,
        action_id: str,
        callback: Callable[[action.Action], object] | None = None,
        timeout: float | None = None,
    ) -> action.Action:
        """Return the action once it has ended, be it well or not.

        :param callback: is called with the action each time it is seen
        :param timeout: seconds; None waits for ever
        :raises WaitTimeout: it had not ended by then
        """
        last: action.Action
        for _, seen in self.follow([action_id], timeout):
            if isinstance(seen, errors.ClientError):
                raise seen
            last = seen
            if callback:
                callback(last)
        return last

    def _is_everywhere(self, image_id: str) -> bool:
        return set(self.stores()) <= set(self.find_image(image_id).stores)

    def _import(
        self,
        image_id: str,
        method: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> action.Action:
        self._server.require(method['name'], 'import_methods')
        path = f'/images/{connection.quoted(image_id)}/import'
        body = {'method': method, **options}
        answer = self._server.request('POST', path, body)
        return self.show_action(connection.named(answer))

    def _plan(
        self,
        image_id: str,
        method: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        self._server.require(method['name'], 'import_methods')
        path = f'/images/{connection.quoted(image_id)}/import'
        body = {'method': method, **options, 'dry_run': True}
        answer = self._server.request('POST', path, body)
        if not isinstance(answer.body, Mapping):
            raise errors.UnexpectedAnswer('The answer is no plan.')
        return answer.body
