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
"""A process that lost its action does nothing more in a store.

It may have been frozen, or cut off from the database, and another process
has gone on with the action since. Three things hold it back: what a driver
reads stops; nothing is deleted before the database has confirmed who owns
the action; and a driver that deletes by name when it fails either gets a name
that nobody else uses, or is asked to confirm, or never learns that it failed.
"""

from collections.abc import Callable, Iterator
import copy
import functools
import secrets
import threading
import time
from typing import Any, Protocol, TypeVar

from glance_ext import errors
from glance_ext.transfer.feed import Feed

_T = TypeVar('_T')

#: Seconds between two looks whether the action is ours again.
_LOOK = 0.25


class NotOwnerError(errors.StoreError):
    """Nothing was deleted: the action is not ours, or nobody can tell."""


class Owner(Protocol):
    """Who writes: :class:`glance_ext.actions.hold.Hold` for an action."""

    def is_ours(self) -> bool:
        """Tell by the clock whether nobody else can have the action."""

    def confirm(self) -> bool:
        """Ask the database whether the action is ours, and renew that."""


def require(may_delete: Callable[[], bool]) -> None:
    """Ask right before one call of a driver that deletes something.

    :raises NotOwnerError: do not make that call
    """
    if not may_delete():
        raise NotOwnerError(
            'Nothing more is deleted by this process: the action has another '
            'owner, or the database does not say')


def draw_name(image_id: str) -> str:
    """Return a name for what one attempt writes, which nobody else uses."""
    return f'{image_id}.{secrets.token_hex(6)}'


def guard_swift(driver: Any, may_delete: Callable[[], bool]) -> Any:
    """Return the driver, asking before it deletes segments of a failed add.

    Their names are the image's, so that they may be somebody else's by then.
    """
    guarded, delete = copy.copy(driver), driver._delete_stale_chunks

    def delete_while_ours(connection: Any, container: str, chunks: list[str]
                          ) -> None:
        for chunk in chunks:
            if not may_delete():
                return
            delete(connection, container, [chunk])
    guarded._delete_stale_chunks = delete_while_ours
    return guarded


class Source:
    """What a driver reads: a feed, for as long as the action is ours.

    A read returns nothing while that is in doubt. It ends in doubt as the
    feed ends, or goes on when the action is confirmed.

    :param parks: have the thread wait for ever, instead of raising, once the
        action is lost: what the driver would do then is not known
    """

    def __init__(self, feed: Feed, owner: Owner, parks: bool) -> None:
        self._feed = feed
        self._owner = owner
        self._parks = parks

    def read(self, size: int = -1) -> bytes:
        """Return what :meth:`Feed.read` does."""
        return self._fenced(functools.partial(self._feed.read, size))

    def __iter__(self) -> Iterator[bytes]:
        following = functools.partial(next, iter(self._feed), None)
        while (chunk := self._fenced(following)) is not None:
            yield chunk

    def _fenced(self, take: Callable[[], _T]) -> _T:
        try:
            taken = take()
            while not self._owner.is_ours():
                self._feed.read(0)  # raises once the pump has given up
                time.sleep(_LOOK)
        except BaseException:
            if self._parks and not self._owner.is_ours():
                # The thread is a daemon's: it ends with the process.
                threading.Event().wait()
            raise
        return taken
