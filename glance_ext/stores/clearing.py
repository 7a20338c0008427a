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
"""What lies under an image's id in a store: asked for, and cleared."""

from collections.abc import Callable
import functools
import threading
from typing import Any

from glance_ext import errors
from glance_ext.stores import drivers
from glance_ext.stores import fencing
from glance_ext.stores import traits

#: The stores, each with an image's id, that a thread of any transaction is
#: writing to or clearing at the moment. One that hangs there may have been
#: given up long ago; what it does when its driver returns, it does to that
#: id, so nobody else may have put something there.
busy: set[tuple[str, str]] = set()
changed = threading.Condition()


class LeftoversUnknown(errors.StoreError):
    """A driver whose habits nobody has written down: see ``traits``."""

    passing = False


def clear(store: str, image_id: str, context: Any,
          may_delete: Callable[[], bool], *, patience: float = 60,
          name: str = '') -> None:
    """Delete whatever a process that died has left of an image in a store.

    Only where no location of the image is in that store. Nothing there is as
    good.

    :param context: as for :class:`writing.Transaction`
    :param may_delete: asked before each single deletion
    :param patience: seconds to wait for the store
    :param name: under which it wrote before it gave the copy the image's id
    :raises LeftoversUnknown: nobody knows how to find it
    :raises fencing.NotOwnerError: ``may_delete`` said no
    :raises errors.StoreError: something may be left
    """
    in_turn(store, image_id, patience, functools.partial(
        clear_now, store, image_id, context, may_delete, name))


def clear_now(store: str, image_id: str, context: Any,
              may_delete: Callable[[], bool], name: str = '') -> None:
    """As :func:`clear`, by who has the turn: see :func:`in_turn`."""
    # In this order: what is gone under its own name cannot be given the
    # image's id by a process that comes back.
    if name and _writes_by_name(store):
        remove_leftovers(store, name, context, may_delete)
    remove_leftovers(store, image_id, context, may_delete, must_know=True)


def clear_name(store: str, image_id: str, name: str, context: Any,
               may_delete: Callable[[], bool]) -> None:
    """As :func:`clear`, and leave alone what has the image's id."""
    def work() -> None:
        if _writes_by_name(store):
            remove_leftovers(store, name, context, may_delete)
    in_turn(store, image_id, 60, work)


def can_clear(store: str) -> bool:
    """Tell whether :func:`clear` knows what may be left in a store."""
    return traits.of_store(store).leftovers is not None


def is_occupied(store: str, image_id: str, context: Any,
                patience: float) -> bool:
    """Tell whether a store has something under the image's id.

    :param patience: seconds to wait for the store
    :raises errors.StoreError: it does not say
    """
    where = drivers.name(store)

    def ask() -> bool:
        with drivers.translated(where):
            driver = drivers.of_store(store)
            found = traits.of(driver).occupied
            return found is not None and found(driver, image_id, context)
    return drivers.in_time(ask, patience, where)


def remove_leftovers(store: str, name: str, context: Any,
                     may_delete: Callable[[], bool],
                     must_know: bool = False) -> None:
    """Delete what an unfinished write left under a name, piece by piece.

    :param name: the image's id, or that of one attempt
    """
    where = drivers.name(store)
    with drivers.translated(where):
        driver = drivers.of_store(store)
        habits = traits.of(driver)
        if habits.leftovers is not None:
            fencing.require(may_delete)
            for _each in habits.leftovers(driver, name, context) or ():
                fencing.require(may_delete)
        elif must_know and not habits.read_only:
            raise LeftoversUnknown(
                f'Nobody knows what may be left in {where}')


def _writes_by_name(store: str) -> bool:
    return traits.of_store(store).publish is not None


def in_turn(store: str, image_id: str, patience: float,
             work: Callable[[], None]) -> None:
    """Do ``work`` when nobody else is at this image in this store."""
    with changed:
        if not changed.wait_for(lambda: (store, image_id) not in busy,
                                 patience):
            raise has_not_ended(store)
        busy.add((store, image_id))

    def run() -> None:
        try:
            work()
        finally:
            give_back(store, image_id)
    drivers.in_time(run, patience, drivers.name(store))


def give_back(store: str, image_id: str) -> None:
    with changed:
        busy.discard((store, image_id))
        changed.notify_all()


def has_not_ended(store: str) -> errors.StoreStalled:
    return errors.StoreStalled(
        f'{drivers.name(store)} has not ended what it was asked to do for '
        f'this image before')
