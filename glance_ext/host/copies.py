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
"""The copies that an action makes of an image, in Glance's rows.

A location is added or taken away alone, so that whatever else changes of
the image meanwhile stays as it is. The two lists of stores are those that
Glance's own imports keep, and its clients show.
"""

from collections.abc import Collection, Iterable, Mapping
import datetime
from typing import Any

from glance.common import crypt
from glance.common import exception
import glance.quota
from oslo_config import cfg
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host import locks
from glance_ext.host import properties
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_properties
from glance_ext.host.database import images
from glance_ext.host.images import Location

_IMPORTING = 'os_glance_importing_to_stores'
_FAILED = 'os_glance_failed_import'
#: The members of a location's metadata that say when its copy was read back
#: and what it was found to be.
VERIFIED_AT, VERDICT = 'glance_ext_verified_at', 'glance_ext_verdict'


def add(connection: db.Connection, image_id: str, task_id: str, *,
        store: str, url: str, metadata: dict[str, Any],
        statuses: Collection[str]) -> int | None:
    """Add a location, while the task holds the image's lock; return its id.

    :param store: the id of the store; '' on a Glance with a single one
    :param metadata: what the driver gave; the store's id is added
    :param statuses: what the image has to be
    :returns: None where it is not, is deleted, or has another owner
    """
    if not _lock_image(connection, image_id, task_id, statuses):
        return None
    moment = db.now()
    added = connection.execute(image_locations.insert().values(
        image_id=image_id, **_values(store, url, metadata), status='active',
        deleted=False, created_at=moment, updated_at=moment))
    _touch(connection, image_id)
    id_: int = added.inserted_primary_key[0]
    return id_


def in_stores(image_id: str, stores: Iterable[str]) -> dict[str, int]:
    """Return ``{store: id}`` of the image's locations in these stores."""
    wanted = set(stores)
    rows = db.read(sa.select(
        image_locations.c.id, image_locations.c.meta_data).where(
            image_locations.c.image_id == image_id,
            image_locations.c.deleted == sa.false()))
    found = {(row.meta_data or {}).get('store', ''): row.id for row in rows}
    return {store: id_ for store, id_ in found.items() if store in wanted}


def remove(connection: db.Connection, location_ids: Iterable[int]) -> None:
    """Take locations away, and nothing of what they lead to."""
    moment = db.now()
    connection.execute(image_locations.update().where(
        image_locations.c.id.in_(list(location_ids)),
        image_locations.c.deleted == sa.false()).values(
            status='deleted', deleted=True, deleted_at=moment,
            updated_at=moment))


def take_away(connection: db.Connection, image_id: str, task_id: str, *,
              location_id: int, others: Collection[int],
              statuses: Collection[str]) -> bool:
    """Take a location away, but only while the image has another.

    :param others: the ids of locations of which one has to be there
    :returns: False where nothing was done, also as with :func:`add`
    """
    if not _lock_image(connection, image_id, task_id, statuses):
        return False
    there = connection.execute(sa.select(image_locations.c.id).where(
        image_locations.c.id.in_([location_id, *others]),
        image_locations.c.deleted == sa.false())).scalars().all()
    if location_id not in there or len(there) < 2:
        return False
    remove(connection, [location_id])
    _touch(connection, image_id)
    return True


def put_back(connection: db.Connection, image_id: str, task_id: str, *,
             location_id: int, statuses: Collection[str],
             **new: Any) -> bool:
    """Undo :func:`take_away`, whether or not somebody did so already.

    :param new: ``store``, ``url`` and ``metadata``, as with :func:`add`,
        where the copy is another one now
    :returns: False where nothing was done, as with :func:`add`
    """
    if not _lock_image(connection, image_id, task_id, statuses):
        return False
    connection.execute(image_locations.update().where(
        image_locations.c.id == location_id).values(
            **(_values(**new) if new else {}), status='active',
            deleted=False, deleted_at=None, updated_at=db.now()))
    _touch(connection, image_id)
    return True


def location(location_id: int) -> Location:
    """Return a location, whether or not it was taken away."""
    (row,) = db.read(sa.select(image_locations).where(
        image_locations.c.id == location_id))
    return of_row(row)


def of_row(row: Any) -> Location:
    """Return the location of a row of ``image_locations``."""
    key = cfg.CONF.metadata_encryption_key
    return Location(row.id, (row.meta_data or {}).get('store', ''),
                    crypt.urlsafe_decrypt(key, row.value) if key
                    else row.value)


def mark_verified(connection: db.Connection, found: Mapping[int, str]
                  ) -> None:
    """Note in locations what their copies were found to be just now.

    In their metadata, which Glance keeps whenever it saves the image. A save
    of what was read before takes the note back, and then the copy is
    verified again sooner than it had to be.

    :param found: ``{location: verdict}``
    """
    rows = connection.execute(sa.select(
        image_locations.c.id, image_locations.c.meta_data).where(
            image_locations.c.id.in_(list(found)))).all()
    for row in rows:
        connection.execute(image_locations.update().where(
            image_locations.c.id == row.id).values(meta_data={
                **(row.meta_data or {}), VERDICT: found[row.id],
                VERIFIED_AT: isotime(db.now())}))


def verified_at(image_id: str, stores: Collection[str] = ()) -> str:
    """Return when the copy was verified that was not for the longest time.

    :param stores: only copies in these; empty: all
    :returns: '' where one never was
    """
    rows = db.read(sa.select(image_locations.c.meta_data).where(
        image_locations.c.image_id == image_id,
        image_locations.c.deleted == sa.false()))
    return min((metadata.get(VERIFIED_AT, '') for metadata in (
        row.meta_data or {} for row in rows)
        if concerns(metadata, stores)), default='')


def concerns(metadata: dict[str, Any], stores: Collection[str]) -> bool:
    """Tell whether a location may belong to one of the stores, or any.

    One that names no store may belong to any.
    """
    return not stores or metadata.get('store', '') in ('', *stores)


def isotime(moment: datetime.datetime) -> str:
    """Return a time as the metadata of a location has it."""
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def retire(connection: db.Connection, image_id: str, location_id: int,
           verified_id: int) -> bool:
    """Mark a location whose data is about to be deleted.

    As Glance marks one with ``delayed_delete``. Nobody is led there any more.

    :param verified_id: the location of a copy that was found good
    :returns: False where nothing was done: one of the two is not there any
        more, or a task holds the image's lock
    """
    there = connection.execute(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.deleted == sa.false(),
        ~locks.is_held(image_id)).with_for_update()).one_or_none()
    found = connection.execute(sa.select(image_locations.c.id).where(
        image_locations.c.id.in_([location_id, verified_id]),
        image_locations.c.image_id == image_id,
        image_locations.c.deleted == sa.false())).all()
    if there is None or len(found) != 2:
        return False
    moment = db.now()
    connection.execute(image_locations.update().where(
        image_locations.c.id == location_id).values(
            status='pending_delete', deleted=True, deleted_at=moment,
            updated_at=moment))
    _touch(connection, image_id)
    return True


def retired(image_id: str, store: str) -> list[Location]:
    """Return an image's locations of a store that are marked, and no more.

    None where the image has another location in that store: it leads to the
    same data.
    """
    if in_stores(image_id, [store]):
        return []
    rows = db.read(sa.select(
        image_locations.c.id, image_locations.c.meta_data).where(
            image_locations.c.image_id == image_id,
            image_locations.c.status == 'pending_delete'))
    return [location(row.id) for row in rows
            if (row.meta_data or {}).get('store', '') in ('', store)]


def remove_retired(connection: db.Connection, location_id: int) -> None:
    """Note that the data of a marked location is deleted."""
    connection.execute(image_locations.update().where(
        image_locations.c.id == location_id,
        image_locations.c.status == 'pending_delete').values(
            status='deleted', updated_at=db.now()))


def bring_back_retired(connection: db.Connection, image_id: str,
                       location_id: int) -> None:
    """Undo :func:`retire`, while the image is there."""
    connection.execute(image_locations.update().where(
        image_locations.c.id == location_id,
        image_locations.c.status == 'pending_delete',
        sa.exists().where(images.c.id == image_id,
                          images.c.deleted == sa.false())).values(
            status='active', deleted=False, deleted_at=None,
            updated_at=db.now()))


def still_there(location_ids: Collection[int]) -> set[int]:
    """Return those locations that were not taken away."""
    return {row.id for row in db.read(sa.select(image_locations.c.id).where(
        image_locations.c.id.in_(location_ids),
        image_locations.c.deleted == sa.false()))}


def is_removed(location_id: int) -> bool:
    """Tell whether a location was taken away, its data aside."""
    rows = db.read(sa.select(image_locations.c.deleted).where(
        image_locations.c.id == location_id))
    return bool(rows and rows[0].deleted)


def bring_back(connection: db.Connection, image_id: str, location_id: int
               ) -> None:
    """Undo the removal of a location, while its image is active.

    And while no task holds the image, which may have removed it on purpose.
    """
    connection.execute(image_locations.update().where(
        image_locations.c.id == location_id,
        image_locations.c.status == 'deleted',
        sa.exists().where(images.c.id == image_id,
                          images.c.deleted == sa.false(),
                          images.c.status == 'active'),
            ~locks.is_held(image_id)).values(
            status='active', deleted=False, deleted_at=None,
            updated_at=db.now()))


def set_lists(connection: db.Connection, image_id: str, *,
              importing: Iterable[str], failed: Iterable[str] | None = None
              ) -> None:
    """Write which stores are still to come, and which have failed.

    Not for an image that is deleted: its purge would stumble over them.

    :param failed: None leaves that list alone
    """
    there = connection.execute(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.deleted == sa.false()
    ).with_for_update()).one_or_none()
    if there is None:
        return
    properties.write(connection, image_id, _IMPORTING, ','.join(importing))
    if failed is not None:
        properties.write(connection, image_id, _FAILED, ','.join(failed))
    _touch(connection, image_id)


def importing(image_id: str) -> str:
    """Return the list of the stores that are still to come, with commas."""
    rows = db.read(sa.select(image_properties.c.value).where(
        image_properties.c.image_id == image_id,
        image_properties.c.name == _IMPORTING,
        image_properties.c.deleted == sa.false()))
    return rows[0].value or '' if rows else ''


def exceeds_location_quota(image: Any, count: int) -> str | None:
    """Return why ``count`` more locations are too many, if they are.

    :param image: Glance's image object
    """
    try:
        glance.quota._enforce_image_location_quota(image, [None] * count)
    except exception.ImageLocationLimitExceeded as exc:
        return str(exc)
    return None


def _lock_image(connection: db.Connection, image_id: str, task_id: str,
                statuses: Collection[str]) -> bool:
    """Lock the image's row, if the image is what it has to be."""
    return connection.execute(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.deleted == sa.false(),
        images.c.status.in_(statuses), locks.held(image_id, task_id)
    ).with_for_update()).one_or_none() is not None


def _values(store: str, url: str, metadata: dict[str, Any]
            ) -> dict[str, Any]:
    key = cfg.CONF.metadata_encryption_key
    return {'value': crypt.urlsafe_encrypt(key, url) if key else url,
            'meta_data': {**metadata, 'store': store} if store
            else metadata}


def _touch(connection: db.Connection, image_id: str) -> None:
    connection.execute(images.update().where(
        images.c.id == image_id, images.c.deleted == sa.false()).values(
            updated_at=db.now()))
