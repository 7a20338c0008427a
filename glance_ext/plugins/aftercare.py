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
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
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
    """Delete copies of a deleted image that its deletion did not know of."""
    def is_deleted() -> bool:
        image = images.read(image_id)
        return image is None or image.deleted

    for store in stores:
        try:
            clearing.clear(store, image_id, None, is_deleted)
        except errors.StoreError as exc:
            LOG.info('Image %s is deleted: %s', image_id, exc.message)


def clear_left(image_id: str, stores: Iterable[str],
               names: Mapping[str, str]) -> None:
    """Delete what an import that did without these stores left there.

    :param names: ``{store: name}`` of what it began to write
    """
    def is_free(store: str) -> bool:
        # Somebody may have begun to write there again.
        return not locks.holder(image_id) and not copies.in_stores(
            image_id, [store])

    for store in stores:
        with contextlib.suppress(errors.StoreError):
            clearing.clear(store, image_id, None,
                           functools.partial(is_free, store),
                           patience=cfg.CONF.glance_ext.stall_timeout,
                           name=names.get(store, ''))


def clear(run: Run, store: str, image_id: str) -> None:
    """Delete what is in a store of a copy that is not recorded.

    :raises errors.StoreError: not now
    """
    try:
        if run.lacks_token and drivers.needs_token(store):
            raise clearing.LeftoversUnknown(
                f'What may be left in {drivers.name(store)} is reached only '
                f'with the token of the caller')
        clearing.clear(store, image_id, run.context, run.confirm,
                       name=run.action.state.get('names', {}).get(store, ''))
    except clearing.LeftoversUnknown as exc:
        LOG.error('Action %s of image %s: %s. Nobody looks for it again.',
                  run.action.id, image_id, exc.message)


def clear_names(run: Run, image_id: str) -> None:
    """Delete what an action began to write and did not finish.

    It has names of its own: nobody else's data can be among it.

    :raises errors.StoreError: not now
    """
    for store, name in run.action.state.get('names', {}).items():
        with contextlib.suppress(clearing.LeftoversUnknown):
            clearing.clear_name(store, image_id, name, run.context,
                                run.confirm)
