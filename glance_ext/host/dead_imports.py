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
"""What Glance's own jobs leave in its tables when their process dies.

A job of Glance's shows no sign of life while it stages or hashes, so only
its own rule tells that it is dead: nothing for an hour, or for two where it
had not begun. Whoever heals holds the image's lock with a task whose row it
has just written, so that any number may try.
"""

import datetime
from typing import Any, NamedTuple

from glance import housekeeping
from oslo_db import exception as db_exception
from oslo_utils import uuidutils
import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import locks
from glance_ext.host import setup
from glance_ext.host import tasks
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_properties
from glance_ext.host.database import images

_LOCK, _LIST = 'os_glance_import_task', 'os_glance_importing_to_stores'
_HASH_HOST, _STAGE_HOST = 'os_glance_hash_op_host', 'os_glance_stage_host'
_NO_DATA_YET = ('importing', 'uploading')
#: A lock is written before its task's row by some releases.
_ROW_GRACE = datetime.timedelta(seconds=60)
_MESSAGE = 'The process that ran it died; glance-ext-manage reap ended it'


class Dead(NamedTuple):
    """An image that a dead job of Glance's holds, or left half done."""

    image_id: str
    status: str
    owner: str
    #: The task of the lock; '' where there is no lock.
    task_id: str
    task: tasks.Task | None
    #: Stores that the job was to write to.
    stores: frozenset[str]
    #: What is wrong with it: ``lock``, ``status``, ``stores``, ``hash``,
    #: ``staging``.
    signs: tuple[str, ...]


def find(staged: dict[str, datetime.datetime], after: datetime.timedelta
         ) -> list[Dead]:
    """Return what dead jobs left.

    :param staged: see :func:`staged_images`
    :param after: without a sign of life for so long, a job is dead
    """
    names = (_LOCK, _LIST, _HASH_HOST)
    marked: dict[str, dict[str, Any]] = {}
    for row in db.read(sa.select(
            image_properties.c.image_id, image_properties.c.name,
            image_properties.c.value, image_properties.c.created_at,
            image_properties.c.updated_at).where(
                image_properties.c.name.in_(names),
                image_properties.c.deleted == sa.false())):
        if row.value:
            marked.setdefault(row.image_id, {})[row.name] = row
    columns = (images.c.id, images.c.status, images.c.owner,
               images.c.updated_at, images.c.os_hash_algo,
               images.c.os_hash_value)
    there = images.c.deleted == sa.false()
    half = sa.and_(images.c.os_hash_value.is_(None),
                   images.c.os_hash_algo.is_not(None))
    rows = {row.id: row for row in db.read(sa.select(*columns).where(
        there, sa.or_(images.c.status.in_(_NO_DATA_YET), half)))}
    others = [image_id for image_id in {*marked, *staged}
              if image_id not in rows]
    for start in range(0, len(others), 500):
        rows |= {row.id: row for row in db.read(sa.select(*columns).where(
            there, images.c.id.in_(others[start:start + 500])))}
    found = (_judge(row, marked.get(image_id, {}), staged.get(image_id),
                    after) for image_id, row in sorted(rows.items()))
    return [dead for dead in found if dead]


def claim(dead: Dead) -> str | None:
    """Get hold of the image's lock for good; None: somebody was faster.

    :returns: the id of the task that holds it now
    """
    task = dead.task
    if task is not None:
        ended = task.status in (tasks.SUCCESS, tasks.FAILURE)
        moment = db.transaction(lambda connection: tasks.fence(
            connection, task.id, status=task.status, stamp=task.updated_at,
            new_status=None if ended else tasks.FAILURE,
            message=None if ended else _MESSAGE, expires=True))
        return task.id if moment else None
    task_id = dead.task_id or uuidutils.generate_uuid()
    try:
        tasks.insert(
            type_='api_image_import', owner=dead.owner,
            image_id=dead.image_id, user_id=None, request_id=None,
            message=_MESSAGE, task_id=task_id, status=tasks.FAILURE,
            input_={'image_id': dead.image_id, 'import_req': {
                'method': {'name': 'reap'}}, 'backend': []})
    except db_exception.DBDuplicateEntry:
        return None
    try:
        if dead.task_id or locks.take(dead.image_id, task_id):
            return task_id
    except locks.ImageGone:
        pass
    tasks.remove(task_id)
    return None


def withdraw_locations(dead: Dead) -> None:
    """Take away the locations of an image that never became active."""
    if dead.status not in _NO_DATA_YET:
        return
    rows = db.read(sa.select(image_locations.c.id).where(
        image_locations.c.image_id == dead.image_id,
        image_locations.c.deleted == sa.false()))
    db.transaction(lambda connection: copies.remove(
        connection, [row.id for row in rows]))


def finish(dead: Dead, task_id: str) -> bool:
    """Put the image's row right and drop the lock.

    False where ``task_id`` did not hold it any more.
    """
    def work(connection: db.Connection) -> bool:
        held = connection.execute(sa.select(images.c.status).where(
            images.c.id == dead.image_id, locks.held(dead.image_id, task_id)
        ).with_for_update()).one_or_none()
        if held is None:
            return False
        values: dict[str, Any] = {'updated_at': db.now()}
        if held.status in _NO_DATA_YET:
            values |= dict.fromkeys(
                ('size', 'virtual_size', 'checksum', 'os_hash_algo',
                 'os_hash_value'))
            values['status'] = 'queued'
        connection.execute(images.update().where(
            images.c.id == dead.image_id).values(**values))
        connection.execute(images.update().where(
            images.c.id == dead.image_id,
            images.c.os_hash_value.is_(None)).values(os_hash_algo=None))
        connection.execute(image_properties.delete().where(
            image_properties.c.image_id == dead.image_id,
            image_properties.c.name.in_((_HASH_HOST, _STAGE_HOST))))
        if 'stores' in dead.signs:
            copies.set_lists(connection, dead.image_id, importing=[],
                             failed=[])
        locks.drop(connection, dead.image_id, task_id)
        return True
    return bool(db.transaction(work))


def staged_images() -> dict[str, datetime.datetime]:
    """Return the images with staged data here, and how old that is."""
    found: dict[str, datetime.datetime] = {}
    for path in setup.staging().glob('*'):
        image_id = housekeeping.StagingStoreCleaner.get_image_id(path.name)
        if image_id and path.is_file():
            moment = datetime.datetime.fromtimestamp(
                path.stat().st_mtime, datetime.UTC).replace(tzinfo=None)
            found[image_id] = max(moment, found.get(image_id, moment))
    return found


def remove_staged(image_id: str) -> None:
    """Delete what is staged here of an image."""
    where = setup.staging()
    for path in (where / image_id, *where.glob(f'{image_id}.*')):
        path.unlink(missing_ok=True)


def _judge(row: Any, marks: dict[str, Any],
           staged: datetime.datetime | None,
           after: datetime.timedelta) -> Dead | None:
    now = db.now()
    lock = marks.get(_LOCK)
    task = tasks.get(lock.value) if lock else None
    signs = [sign for sign, there in (
        ('lock', lock),
        ('status', row.status == 'importing' or (
            lock and row.status == 'uploading')),
        ('stores', marks.get(_LIST)),
        ('hash', marks.get(_HASH_HOST) or (
            row.os_hash_algo and not row.os_hash_value)),
        ('staging', staged and row.status != 'uploading'
         and now - staged > after)) if there]
    if not signs or (task and task.ours):
        return None
    if task is not None:
        waits = 2 if task.status == tasks.PENDING else 1
        if now - task.updated_at < waits * after:
            return None
    elif lock is not None:
        if now - max(filter(None, (lock.created_at, lock.updated_at))
                     ) < _ROW_GRACE:
            return None
    elif _is_at_work(row.id) or now - row.updated_at < after:
        return None
    backend = task.input.get('backend') if task else None
    stores = {store for store in backend if isinstance(store, str)} if (
        isinstance(backend, list)) else set()
    if _LIST in marks:
        stores |= set(marks[_LIST].value.split(','))
    return Dead(row.id, row.status, row.owner or '',
                lock.value if lock else '', task,
                frozenset(filter(None, stores)), tuple(signs))


def _is_at_work(image_id: str) -> bool:
    """Tell whether any task of the image may go on, lock or not."""
    rows = db.read(sa.select(db.tasks.c.id).where(
        db.tasks.c.image_id == image_id, db.tasks.c.deleted == sa.false(),
        db.tasks.c.status.in_((tasks.PENDING, tasks.PROCESSING))).limit(1))
    return bool(rows)
