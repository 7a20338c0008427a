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
"""Images: read as a caller sees them, written a few columns at a time.

Nothing here saves a whole image. Glance's own ``save`` rewrites every
column, property, location and tag with what was read long before, and so
undoes what others did meanwhile.
"""

from collections.abc import Iterable
import functools
from typing import Any, NamedTuple

from glance import notifier
import glance.api.v2.images
from glance.common import exception
import glance.db
import glance.gateway
from oslo_log import log as logging
import sqlalchemy as sa

from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import locks
from glance_ext.host import notifications
from glance_ext.host.database import image_locations
from glance_ext.host.database import images

LOG = logging.getLogger(__name__)

ACTIVE, QUEUED, IMPORTING = 'active', 'queued', 'importing'
DEACTIVATED = 'deactivated'


class Location(NamedTuple):
    """Where one copy of an image lies.

    ``store`` is the id of the store in ``enabled_backends``, or ``''`` on a
    Glance with a single store. ``url`` and what it holds stay inside the
    process: they go into no answer, task or log.
    """

    id: int
    store: str
    url: str

    def __str__(self) -> str:
        return f"store '{self.store}'" if self.store else 'the store'

    def __repr__(self) -> str:
        return str(self)


class Image(NamedTuple):
    """The columns of an image that decide about its hash."""

    id: str
    owner: str | None
    status: str
    deleted: bool
    protected: bool
    size: int | None
    checksum: str | None
    os_hash_algo: str | None
    os_hash_value: str | None

    @property
    def is_gone(self) -> bool:
        """Deleted, or about to be by the scrubber."""
        return self.deleted or self.status in ('deleted', 'pending_delete')


@functools.cache
def gateway() -> Any:
    """Return Glance's own way to images, with all of its layers."""
    # Once a process: each one opens a notification transport of its own.
    return glance.gateway.Gateway()


def seen_by(context: contexts.Context, image_id: str) -> Any | None:
    """Return Glance's own image object, or None: not for this caller."""
    try:
        return gateway().get_repo(context).get(image_id)
    except (exception.NotFound, exception.Forbidden):
        return None


def seen_among(context: contexts.Context,
               image_ids: Iterable[str]) -> dict[str, Any]:
    """Return those that the caller sees, by id, in one query.

    As :func:`seen_by`, but for private images that nobody owns.
    """
    wanted = set(image_ids)
    found = gateway().get_repo(context).list(
        filters={'id': 'in:' + ','.join(wanted), 'visibility': 'all',
                 'deleted': False}, member_status='all') if wanted else ()
    return {image.image_id: image for image in found}


def read(image_id: str) -> Image | None:
    """Return the image's row as it is now, deleted or not."""
    found = read_many([image_id])
    return found[0] if found else None


def read_many(image_ids: list[str]) -> list[Image]:
    """Return the rows of these images, in no order; absent ones are absent.
    """
    columns = [getattr(images.c, name) for name in Image._fields]
    query = sa.select(*columns)
    return [Image(*row) for start in range(0, len(image_ids), 500)
            for row in db.read(query.where(
                images.c.id.in_(image_ids[start:start + 500])))]


def locations(image_id: str, default_store: str | None) -> list[Location]:
    """Return where the image's copies lie, the default store's first.

    An image that is gone has none.
    """
    try:
        # The bare repository decrypts the URLs and adds no layer to them.
        image = glance.db.ImageRepo(
            contexts.admin(), glance.db.get_api()).get(image_id)
    except exception.NotFound:
        return []
    found = [Location(entry['id'], entry['metadata'].get('store', ''),
                      entry['url'])
             for entry in image.locations if entry['status'] == ACTIVE]
    return sorted(found, key=lambda each: each.store != default_store)


def set_hash_algo(connection: db.Connection, image_id: str, task_id: str,
                  algorithm: str) -> bool:
    """Say which hash is coming, while there is none. True if written."""
    return _update(connection, image_id, images.c.status == ACTIVE,
                   images.c.os_hash_value.is_(None),
                   locks.held(image_id, task_id),
                   os_hash_algo=algorithm)


def record_hash(connection: db.Connection, before: Image, *,
                location_id: int, checksum: str, algorithm: str,
                value: str, task_id: str | None) -> bool:
    """Write the three columns, together, and nothing else.

    Only while the image is active, its hash still is what ``before`` says,
    and the copy that was read is one of its copies still.

    :param task_id: the task that must hold the image's lock, or None where
        a finished action's hash is put back
    :returns: True if written
    """
    conditions = [
        images.c.status == ACTIVE,
        _same(images.c.os_hash_value, before.os_hash_value),
        _same(images.c.checksum, before.checksum),
        sa.exists().where(image_locations.c.id == location_id,
                          image_locations.c.image_id == before.id,
                          image_locations.c.deleted == sa.false())]
    if task_id:
        conditions.append(locks.held(before.id, task_id))
    return _update(connection, before.id, *conditions, checksum=checksum,
                   os_hash_algo=algorithm, os_hash_value=value)


def change_status(connection: db.Connection, image_id: str, before: str,
                  after: str) -> bool:
    """Move an image from one status to another. True if it was there."""
    return _update(connection, image_id, images.c.status == before,
                   status=after)


def activate(connection: db.Connection, image_id: str,
             task_id: str | None, *,
             size: int, virtual_size: int | None, checksum: str,
             algorithm: str, value: str) -> bool:
    """Say what an image that was imported is, and that it is there.

    :param task_id: the task that must hold the image's lock, or None
    :returns: True if written: it is ``importing``
    """
    conditions = [locks.held(image_id, task_id)] if task_id else []
    return _update(
        connection, image_id, images.c.status == IMPORTING, *conditions,
        status=ACTIVE, size=size,
        virtual_size=virtual_size, checksum=checksum,
        os_hash_algo=algorithm, os_hash_value=value)


def set_facts(connection: db.Connection, image_id: str, **facts: Any
              ) -> bool:
    """Write what an import found out about an image before it is there."""
    return _update(connection, image_id, images.c.status == IMPORTING,
                   **facts)


def clear_half_hash(connection: db.Connection, image_id: str) -> bool:
    """Take an ``os_hash_algo`` away that has no value. True if there was.

    From a deleted image as well: the scrubber can restore one.
    """
    done = connection.execute(images.update().where(
        images.c.id == image_id,
        images.c.os_hash_value.is_(None),
        images.c.os_hash_algo.is_not(None)).values(
            updated_at=db.now(), os_hash_algo=None))
    return bool(done.rowcount == 1)


def announce(event: str, image_id: str) -> None:
    """Send an event of Glance's own about an image as it is now.

    Those about its data tell the two lists of stores as well. What is
    announced has happened: that it could not be sent is only logged.
    """
    try:
        image = seen_by(contexts.admin(), image_id)
        if image is None:
            return
        payload = notifier.format_image_notification(image)
        if event in ('image.prepare', 'image.upload'):
            for name in ('os_glance_importing_to_stores',
                         'os_glance_failed_import'):
                stores = image.extra_properties.get(name) or ''
                payload[name] = stores.split(',') if stores else []
        notifications.send(event, payload)
    except Exception as exc:
        LOG.warning('The event %s of image %s was not sent: %s', event,
                    image_id, type(exc).__name__)


def announce_update(image_id: str) -> None:
    """Send ``image.update`` as Glance does after every change."""
    announce('image.update', image_id)


def finish_delete(image_id: str, context: contexts.Context) -> bool:
    """Delete an image whose deletion a store left half done.

    Through all of Glance's layers, as ``DELETE /v2/images/{id}`` goes.

    :returns: True if the image is gone now
    """
    repo = gateway().get_repo(contexts.admin())
    try:
        image = repo.get(image_id)
        image.delete()
        # Also takes a Cinder volume's key, where the image says so.
        glance.api.v2.images.ImagesController()._delete_encryption_key(
            context, image)
        repo.remove(image)
    except exception.NotFound:
        return True
    except Exception as exc:
        cause = type(exc).__name__
    else:
        return True
    # Not above: to a warning, oslo.log adds what is being handled, and what
    # a driver says may hold a URL.
    LOG.warning('The deletion of image %s that its store left half done '
                'could not be finished: %s', image_id, cause)
    return False


def _same(column: Any, value: str | None) -> Any:
    return column.is_(None) if value is None else column == value


def _update(connection: db.Connection, image_id: str, *conditions: Any,
            **values: Any) -> bool:
    done = connection.execute(images.update().where(
        images.c.id == image_id, images.c.deleted == sa.false(),
        *conditions).values(updated_at=db.now(), **values))
    return bool(done.rowcount == 1)
