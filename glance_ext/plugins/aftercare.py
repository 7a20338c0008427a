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
"""What actions leave in stores, and what Glance undoes of them.

A save or a deletion of an image goes by what was loaded before it, which may
be from before a copy was recorded.
"""

from collections.abc import Iterable, Mapping
import contextlib
import functools

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import reservations
from glance_ext.host import short_locks
from glance_ext.host import tasks
from glance_ext.host import undoing
from glance_ext.stores import clearing
from glance_ext.stores import drivers

LOG = logging.getLogger(__name__)


def bring_back(image_id: str, recorded: Mapping[str, int]) -> None:
    """Bring back locations whose data is still where it was.

    :param recorded: ``{store: location}``, as the action had recorded them
    """
    for store, location_id in recorded.items():
        if (copies.is_removed(location_id)
                and not copies.in_stores(image_id, [store])
                and clearing.is_occupied(
                    store, image_id, None,
                    cfg.CONF.glance_ext.stall_timeout)):
            db.transaction(functools.partial(
                copies.bring_back, image_id=image_id,
                location_id=location_id))
            LOG.warning('The copy of image %s in %s, which a concurrent '
                        'save of the image had taken away, is back',
                        image_id, drivers.name(store))


def clear_deleted(image_id: str, stores: Iterable[str]) -> None:
    """Delete copies of a deleted image that its deletion did not know of.

    Not those that it has left to Glance's scrubber, which can be restored.
    """
    for store in stores:
        is_nobodys = functools.partial(_is_nobodys, image_id, store)
        try:
            if is_nobodys():
                clearing.clear(store, image_id, None, is_nobodys)
        except errors.StoreError as exc:
            LOG.info('Image %s is deleted: %s', image_id, exc.message)


def clear_left(action: record.Action) -> None:
    """Delete what an import that did without some stores left in them."""
    def clear_one(store: str) -> None:
        # In the thread that waits for the store: for as long as it does,
        # nobody else may begin to write there.
        with short_locks.taken(action.image_id, 'clean-up') as is_ours:
            if not is_ours:
                raise errors.StoreBusy('another operation has the image')
            if not is_located(action.image_id, store):
                clearing.clear_now(
                    store, action.image_id, None,
                    lambda: not is_located(action.image_id, store),
                    action.state.get('names', {}).get(store, ''))

    for store in action.state.get('left', ()):
        with contextlib.suppress(errors.StoreError):
            clearing.in_turn(
                store, action.image_id, cfg.CONF.glance_ext.stall_timeout,
                functools.partial(clear_one, store))
            forget_left(action, store)


def forget_left(action: record.Action, store: str) -> None:
    """Note that nothing is left any more of what an ended action left."""
    state = {**action.state, 'left': [
        each for each in action.state['left'] if each != store]}
    db.transaction(lambda connection: tasks.alter(
        connection, action.id, state=state))
    action.state = state


def is_located(image_id: str, store: str) -> bool:
    """Tell whether a location of an image leads, or may, into a store.

    Also one whose data Glance's scrubber or a drain is still to delete. A
    location that names no store that is known counts if it has the id.
    """
    return any(
        (named := drivers.store_of(each)) == store
        or not named and image_id in each.url
        for each in undoing.with_data(image_id))


def clear(run: Run, store: str, image_id: str) -> bool:
    """Delete what an action has written to a store and not recorded.

    What has the name of the attempt, and what has the image's id where nobody
    else can have written it: while the action holds the image, or its id, or
    while the image is deleted, and no location leads there.

    :returns: False where what has the image's id is somebody else's, or is
        recorded
    :raises errors.StoreError: not now
    """
    name = run.action.state.get('names', {}).get(store, '')
    try:
        if run.lacks_token and drivers.needs_token(store):
            raise clearing.LeftoversUnknown(
                f'What may be left in {drivers.name(store)} is reached only '
                f'with the token of the caller')
        if name:
            clearing.clear_name(store, image_id, name, run.context,
                                run.confirm)
        if not _may_clear(run, store, image_id):
            return False
        clearing.clear(store, image_id, run.context, run.confirm)
    except clearing.LeftoversUnknown as exc:
        LOG.error('Action %s of image %s: %s. Nobody looks for it again.',
                  run.action.id, image_id, exc.message)
    return True


def _may_clear(run: Run, store: str, image_id: str) -> bool:
    holder = locks.holder(image_id)
    if holder != run.action.id and not (
            holder is None and _is_deleted(image_id)):
        LOG.error('Action %s of image %s: what it may have written to %s is '
                  'left there, because the image id is not its own any more',
                  run.action.id, image_id, drivers.name(store))
        return False
    return not is_located(image_id, store)


def _is_nobodys(image_id: str, store: str) -> bool:
    """Tell whether an image is gone, and no location leads into a store."""
    return _is_deleted(image_id) and not is_located(image_id, store)


def _is_deleted(image_id: str) -> bool:
    """Tell whether there was an image, and nobody can have its id now."""
    image = images.read(image_id)
    return (image is not None and image.is_gone
            and image.status != reservations.RESERVED)
