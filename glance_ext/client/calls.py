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

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import re
from typing import Any
from urllib import parse

from glance_ext.client import action
from glance_ext.client import errors
from glance_ext.client import transport
from glance_ext.client import waiting

#: What can be an image's id. Anything else is looked for as a name only.
_ID = re.compile(r'[0-9A-Za-z_-]+')


@dataclasses.dataclass(frozen=True)
class Image:
    """What this library needs to know of an image."""

    id: str
    name: str | None


class Client:
    """Talks to a Glance that runs glance-ext.

    Every method may raise :class:`Unreachable`, :class:`Refused`,
    :class:`ExtensionAbsent` and :class:`UnexpectedAnswer`.

    :param cloud: an openstacksdk ``Connection`` or its image proxy, or a
        glanceclient ``Client`` of version 2
    :raises TypeError: for anything else
    """

    def __init__(self, cloud: Any) -> None:
        self._transport = transport.of(cloud)

    def find_image(self, name_or_id: str) -> Image:
        """Return the one image with the id, or else with the name.

        Hidden and community images are found by their names as well.

        :raises ImageNotFound: there is none that the caller may see
        :raises AmbiguousName: several have the name
        """
        if _ID.fullmatch(name_or_id):
            try:
                found = self._transport.request('GET', f'/images/{name_or_id}')
                return _image(found)
            except errors.Refused as error:
                if error.status != 404:
                    raise
        images = [
            image
            for hidden in ('false', 'true')
            for image in self._named(name_or_id, hidden)
        ]
        if not images:
            raise errors.ImageNotFound(name_or_id)
        if len(images) > 1:
            raise errors.AmbiguousName(
                name_or_id, [image.id for image in images]
            )
        return images[0]

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
        return self._action('POST', f'/images/{_quoted(image_id)}/hash', body)

    def show_action(self, action_id: str) -> action.Action:
        """Return the action as it is now."""
        return self._action('GET', f'/image-actions/{_quoted(action_id)}')

    def follow(
        self, action_ids: Sequence[str], timeout: float | None = None
    ) -> Iterator[tuple[str, waiting.Outcome]]:
        """Yield ids and what is seen of the actions, until all have ended.

        What is seen is an :class:`Action`, or the :class:`ClientError` for
        which one is followed no longer. It is asked for every 0.1 s at
        first, and then less and less often, up to every 5 s. A server that
        restarts meanwhile is given a minute.

        :param timeout: seconds; None follows for ever
        :raises WaitTimeout: some had not ended by then
        """
        return waiting.follow(self.show_action, action_ids, timeout)

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

    def _action(
        self, method: str, path: str, body: transport.Body | None = None
    ) -> action.Action:
        try:
            return action.parse(self._transport.request(method, path, body))
        except errors.Refused as error:
            if error.status == 404 and self._extension_is_absent():
                raise errors.ExtensionAbsent(
                    404, 'This Glance does not run glance-ext'
                ) from error
            raise

    def _extension_is_absent(self) -> bool:
        try:
            self._transport.request('GET', '/info/glance-ext')
        except errors.Refused as error:
            return error.status == 404
        except errors.ClientError:
            return False
        return False

    def _named(self, name: str, hidden: str) -> list[Image]:
        query = parse.urlencode(
            {'name': name, 'visibility': 'all', 'os_hidden': hidden}
        )
        found = self._transport.request('GET', f'/images?{query}')
        images = found.get('images') if isinstance(found, dict) else None
        if not isinstance(images, list):
            raise errors.UnexpectedAnswer('The answer is no list of images.')
        return [_image(each) for each in images]


def _image(body: object) -> Image:
    if not isinstance(body, dict) or not isinstance(body.get('id'), str):
        raise errors.UnexpectedAnswer('The answer is no image.')
    name = body.get('name')
    return Image(body['id'], name if isinstance(name, str) else None)


def _quoted(name: str) -> str:
    return parse.quote(name, safe='')
