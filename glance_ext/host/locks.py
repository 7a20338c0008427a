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
"""The lock of an image: Glance's property ``os_glance_import_task``.

Its value is the id of the task that works on the image. Glance's imports
and copies take the same lock, so that neither side works on an image that
the other holds.
"""

from collections.abc import Callable
import datetime
from types import SimpleNamespace
from typing import Any

from glance.api.v2 import images as images_api
from glance.common import exception
from oslo_db import exception as db_exception
import sqlalchemy as sa

from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host.database import image_properties
from glance_ext.host.database import images

_NAME = 'os_glance_import_task'
#: Glance sets its lock a moment before it writes the task's row, and calls a
#: lock without a row stale at once. We give that row time to appear.
_ROW_GRACE = datetime.timedelta(seconds=60)


class ImageGone(Exception):
    """The image was deleted."""


def take(image_id: str, task_id: str,
         prepare: Callable[[db.Connection], bool] = lambda _: True) -> bool:
    """Take the lock. False where another task holds it.

    As Glance does, but with the image's row locked first, which is the
    order of its DELETE: in the other order one of the two would be chosen
    to fail, and Glance answers 500 for that.

    :param prepare: writes to the image in the same transaction; where it
        returns False, the lock is not taken and nothing was written
    :raises ImageGone: there is no image any more
    """
    def work(connection: db.Connection) -> bool:
        there = connection.execute(sa.select(images.c.id).where(
            images.c.id == image_id, images.c.deleted == sa.false()
        ).with_for_update()).one_or_none()
        if there is None:
            raise ImageGone
        taken = connection.execute(image_properties.update().where(
            image_properties.c.image_id == image_id,
            image_properties.c.name == _NAME,
            image_properties.c.deleted == sa.true()).values(
                value=task_id, deleted=False))
        if taken.rowcount == 0:
            try:
                insert(connection, image_id, task_id)
            except db_exception.DBDuplicateEntry:
                return False
        if not prepare(connection):
            raise _Refused
        return True

    try:
        return bool(db.transaction(work))
    except _Refused:
        return False


def insert(connection: db.Connection, image_id: str, task_id: str) -> None:
    """Lock an image, or an id, that has never been locked.

    :raises oslo_db.exception.DBDuplicateEntry: it has
    """
    connection.execute(image_properties.insert().values(
        image_id=image_id, name=_NAME, value=task_id, deleted=False))


class _Refused(Exception):
    """Rolls back the transaction in which a lock was taken."""


def ensure(image_id: str, task_id: str) -> bool:
    """Make sure of the lock. False where another task holds it.

    An image that is gone needs no lock, and gets none.
    """
    now = holder(image_id)
    if now is not None:
        return now == task_id
    try:
        return take(image_id, task_id)
    except ImageGone:
        return True


def drop(connection: db.Connection, image_id: str, task_id: str) -> None:
    """Let go of the lock if ``task_id`` holds it."""
    connection.execute(image_properties.delete().where(
        *_mine(image_id, task_id)))


def holder(image_id: str) -> str | None:
    """Return the id of the task that holds the lock, if any."""
    rows = db.read(sa.select(image_properties.c.value).where(
        *_of(image_id)))
    return rows[0].value if rows else None


def is_held(image_id: str) -> Any:
    """Return the SQL condition that some task holds the lock."""
    return sa.exists().where(*_of(image_id))


def held(image_id: str, task_id: str) -> Any:
    """Return the SQL condition that ``task_id`` holds the lock."""
    return sa.exists().where(*_mine(image_id, task_id))


@db.retried
def release_stale_of_host(image: Any, context: contexts.Context) -> bool:
    """Break a lock that is not ours, by Glance's own rule and code.

    :param image: Glance's image object, as the caller sees it
    :returns: True if the lock is free now; False while the rule says that
        its task may still be at work
    """
    rows = db.read(sa.select(
        image_properties.c.created_at, image_properties.c.updated_at).where(
            *_of(image.image_id)))
    if not rows:
        return True
    written = max(filter(None, rows[0]))
    controller = images_api.ImagesController()
    task_id = image.extra_properties.get(_NAME)
    if not _has_row(controller, context, task_id) and (
            db.now() - written < _ROW_GRACE):
        return False
    try:
        controller._enforce_import_lock(
            SimpleNamespace(context=context), image)
    except exception.Conflict:
        return False
    return True


def _has_row(controller: Any, context: contexts.Context,
             task_id: str) -> bool:
    repo = controller.gateway.get_task_repo(context.elevated())
    try:
        repo.get(task_id)
    except exception.NotFound:
        return False
    return True


def _of(image_id: str) -> tuple[Any, ...]:
    return (image_properties.c.image_id == image_id,
            image_properties.c.name == _NAME,
            image_properties.c.deleted == sa.false())


def _mine(image_id: str, task_id: str) -> tuple[Any, ...]:
    return (*_of(image_id), image_properties.c.value == task_id)
