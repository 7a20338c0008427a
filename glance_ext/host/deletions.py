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
"""What the deletion of an image took, as the rows tell it, and back.

Glance deletes nothing from its tables: it marks the rows. It marks the
locations first, one after the other; then the properties; then the image and
at the same moment its members and tags. Rows that were marked long before
belong to changes of the image while it was there, and not to its deletion.
But a property that was removed before is marked again with the others, so
that nobody could tell it from them: :func:`forget_removed` takes such rows
away before a deletion.
"""

from collections.abc import Collection
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_members
from glance_ext.host.database import image_properties
from glance_ext.host.database import image_tags
from glance_ext.host.database import images

#: Between two rows of one deletion passes no more time than this.
_GAP = datetime.timedelta(seconds=1)
#: With a value, they tell of work that ended with the image.
_NOT_KEPT = 'os_glance_import_task', 'os_glance_importing_to_stores'


class Deletion(NamedTuple):
    """One deleted image. ``since`` is when its deletion began, in UTC.

    The rows of ``locations`` are ids, those of the others the ids with their
    names.
    """

    image_id: str
    status: str
    since: datetime.datetime
    deleted_at: datetime.datetime
    locations: list[int]
    properties: dict[int, str]
    values: dict[str, str]
    members: dict[int, str]
    tags: dict[int, str]


def forget_removed(image_id: str) -> None:
    """Take the rows away of properties that an image does not have.

    Nobody sees them; ``glance-manage db purge`` would take them later.
    """
    db.transaction(lambda connection: connection.execute(
        image_properties.delete().where(
            image_properties.c.image_id == image_id,
            image_properties.c.deleted == sa.true())))


def find(image_id: str) -> Deletion | None:
    """Return what the deletion of an image took; None: it is not deleted."""
    rows = db.read(sa.select(images.c.status, images.c.deleted_at).where(
        images.c.id == image_id, images.c.deleted == sa.true(),
        images.c.deleted_at.is_not(None)))
    if not rows:
        return None
    status, deleted_at = rows[0]
    locations = _marked(image_locations, image_id)
    properties = _marked(image_properties, image_id)
    since = deleted_at
    for row in sorted([*locations, *properties], reverse=True,
                      key=lambda row: row.deleted_at):
        if row.deleted_at < since - _GAP:
            break
        since = min(since, row.deleted_at)
    taken = [row for row in properties if since <= row.deleted_at
             and row.deleted_at <= deleted_at + _GAP
             and not (row.name in _NOT_KEPT and row.value)]
    tags = {row.value: row.id for row in _marked(image_tags, image_id)
            if row.deleted_at == deleted_at}
    return Deletion(
        image_id, status, since, deleted_at,
        [row.id for row in locations if since <= row.deleted_at],
        {row.id: row.name for row in taken},
        {row.name: row.value for row in taken},
        {row.id: row.member for row in _marked(image_members, image_id)
         if row.deleted_at == deleted_at},
        {id_: value for value, id_ in tags.items()})


def undo(connection: db.Connection, deletion: Deletion,
         locations: Collection[int], status: str) -> bool:
    """Bring an image back, with what was taken and these locations.

    :param status: what it is afterwards
    :returns: False where nothing was done: it, or a location, is not any
        more as ``deletion`` says, since the scrubber works on it
    """
    there = connection.execute(sa.select(images.c.id).where(
        images.c.id == deletion.image_id, images.c.deleted == sa.true(),
        images.c.deleted_at == deletion.deleted_at,
        images.c.status == deletion.status).with_for_update()).one_or_none()
    if there is None:
        return False
    as_before = sa.and_(image_locations.c.deleted == sa.true(),
                        image_locations.c.deleted_at >= deletion.since)
    if deletion.status == 'pending_delete':
        as_before = sa.and_(as_before,
                            image_locations.c.status == 'pending_delete')
    done = connection.execute(image_locations.update().where(
        image_locations.c.id.in_(list(locations)), as_before).values(
            status='active', **_BACK))
    if done.rowcount != len(locations):
        raise Changed
    for table, ids in ((image_properties, deletion.properties),
                       (image_members, deletion.members),
                       (image_tags, deletion.tags)):
        connection.execute(table.update().where(
            table.c.id.in_(list(ids))).values(**_BACK))
    connection.execute(images.update().where(
        images.c.id == deletion.image_id).values(
            status=status, updated_at=db.now(), **_BACK))
    return True


class Changed(Exception):
    """A location is not any more what it was. Rolls back everything."""


_BACK: dict[str, Any] = {'deleted': False, 'deleted_at': None}


def _marked(table: Any, image_id: str) -> list[Any]:
    return db.read(sa.select(table).where(
        table.c.image_id == image_id, table.c.deleted == sa.true(),
        table.c.deleted_at.is_not(None)))
