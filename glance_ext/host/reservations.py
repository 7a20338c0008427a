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
"""Ids of images that are to be, kept for the actions that make them.

A reservation is a row in Glance's table of images that is marked as deleted
without a time, and the lock of the image (:mod:`glance_ext.host.locks`),
which names the action. Glance shows no such row, counts and purges none, and
makes no image with its id: the primary key decides, on every node.
"""

from oslo_db import exception as db_exception
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host import locks
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_members
from glance_ext.host.database import image_properties
from glance_ext.host.database import image_tags
from glance_ext.host.database import images

#: The status of such a row; no image has it.
RESERVED = 'reserved'

_CHILDREN = (image_tags, image_properties, image_locations, image_members)


class IdTakenError(Exception):
    """An image has the id, or had it, or another action has reserved it."""


def take(connection: db.Connection, image_id: str, task_id: str) -> None:
    """Reserve an id for a task.

    :raises IdTakenError: nothing was reserved
    """
    moment = db.now()
    try:
        # Without an owner, because Glance counts an owner's rows by status.
        connection.execute(images.insert().values(
            id=image_id, status=RESERVED, visibility='private', owner=None,
            min_disk=0, min_ram=0, protected=False, os_hidden=False,
            created_at=moment, updated_at=moment, deleted=True))
    except db_exception.DBDuplicateEntry as exc:
        raise IdTakenError from exc
    locks.insert(connection, image_id, task_id)


def ensure(image_id: str, task_id: str) -> bool:
    """Make sure that a task holds an id, by a reservation or an image.

    :returns: False where the id is in use, or is held by another task
    """
    if locks.holder(image_id) == task_id:
        return True
    try:
        db.transaction(lambda connection: take(
            connection, image_id, task_id))
    except IdTakenError:
        return False
    return True


def is_reserved(image_id: str) -> bool:
    """Tell whether some action has reserved an id."""
    return bool(db.read(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.status == RESERVED)))


def become_image(connection: db.Connection, image_id: str, task_id: str
                 ) -> bool:
    """Have the reserved row be seen as the image that it is by now.

    :returns: False where the task does not hold the id
    """
    moment = db.now()
    return bool(connection.execute(images.update().where(
        images.c.id == image_id, images.c.deleted == sa.true(),
        images.c.deleted_at.is_(None), locks.held(image_id, task_id)
    ).values(deleted=False, created_at=moment, updated_at=moment)
    ).rowcount)


def restore(connection: db.Connection, image_id: str, task_id: str) -> None:
    """Make an image that never came to be a mere reservation again."""
    for table in _CHILDREN:
        connection.execute(table.delete().where(
            table.c.image_id == image_id))
    connection.execute(images.delete().where(images.c.id == image_id))
    take(connection, image_id, task_id)


def release(connection: db.Connection, image_id: str, task_id: str) -> None:
    """Let go of an id, if the task has reserved it."""
    there = connection.execute(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.status == RESERVED,
        locks.held(image_id, task_id)).with_for_update()).one_or_none()
    if there is not None:
        locks.drop(connection, image_id, task_id)
        connection.execute(images.delete().where(
            images.c.id == image_id, images.c.status == RESERVED))
