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

"""Rows of Glance's tables ``tasks`` and ``task_info`` that hold actions.

A row is ours when its ``input`` has the key ``glance_ext``. The writer of a
row proves that it still owns it by naming the row's ``updated_at``, which
every write moves: :func:`fence`. A write that comes too late changes
nothing.
"""

from collections.abc import Iterator
import datetime
import functools
from typing import Any, NamedTuple

from oslo_config import cfg
from oslo_utils import uuidutils
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host.claims import NOTHING
from glance_ext.host.claims import Claim
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

PENDING, PROCESSING = 'pending', 'processing'
SUCCESS, FAILURE = 'success', 'failure'
STATUSES = PENDING, PROCESSING, SUCCESS, FAILURE

#: How many rows are read or written at once, at the most.
_BATCH = 500
#: How many are looked at for being expired.
_STRETCH = 5000
#: A list looks at what is so old at the most, as long as it lacks some.
_AGES = datetime.timedelta(hours=1), datetime.timedelta(days=2), None
#: A row that was handed back says that it was written so much earlier at the
#: most: the largest ``heartbeat_timeout`` and a second.
_BACKDATED = datetime.timedelta(seconds=3601)


class Task(NamedTuple):
    """One row, both tables together. Times are naive and in UTC."""

    id: str
    type: str
    status: str
    owner: str
    #: None for one that has no image, or none yet.
    image_id: str | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    expires_at: datetime.datetime | None
    input: dict[str, Any]
    result: dict[str, Any]
    message: str
    #: When it was read, or a moment before.
    read_at: datetime.datetime

    @property
    def ours(self) -> dict[str, Any] | None:
        """What the extension keeps in ``input``, or None: not our row."""
        spec = self.input.get('glance_ext')
        return spec if isinstance(spec, dict) else None


_COLUMNS = (tasks.c.id, tasks.c.type, tasks.c.status, tasks.c.owner,
            tasks.c.image_id, tasks.c.created_at, tasks.c.updated_at,
            tasks.c.expires_at, task_info.c.input, task_info.c.result,
            task_info.c.message)
_ROWS = sa.select(*_COLUMNS).select_from(
    tasks.outerjoin(task_info, task_info.c.task_id == tasks.c.id)).where(
        tasks.c.deleted == sa.false())


def _read(query: Any) -> list[Task]:
    moment = db.now()
    return [_task(row, moment) for row in db.read(query)]


def _task(row: Any, read_at: datetime.datetime) -> Task:
    values = row._asdict()
    for name in ('input', 'result'):
        if not isinstance(values[name], dict):
            values[name] = {}
    values['message'] = values['message'] or ''
    return Task(**values, read_at=read_at)


def get(task_id: str) -> Task | None:
    """Return the row, ours or not, or None where there is none."""
    rows = _read(_ROWS.where(tasks.c.id == task_id))
    return rows[0] if rows else None


def ours(*conditions: Any) -> list[Task]:
    """Return the rows of the extension that meet the SQL ``conditions``."""
    text = sa.type_coerce(task_info.c.input, sa.Text)
    query = _ROWS.where(text.like('%"glance_ext"%'), *conditions).order_by(
        tasks.c.created_at)
    return [task for task in _read(query) if task.ours]


def unfinished() -> list[Task]:
    """Return our rows that some process runs, or undoes, or ought to.

    A failed one is undone as long as its ``result`` has not the phase
    ``ended``: also where a node without the extension failed it.
    """
    result = sa.func.coalesce(
        sa.type_coerce(task_info.c.result, sa.Text), '')
    # Two queries, because of one with OR all that failed would be read.
    return ours(tasks.c.status.in_((PENDING, PROCESSING))) + ours(
        tasks.c.status == FAILURE,
        result.not_like('%"phase": "ended"%'), _lives())


def ended_since(moment: datetime.datetime) -> list[Task]:
    """Return our rows that ended at ``moment`` or later."""
    # Wrapped, so that of the indexes that of the time is used.
    status = sa.func.coalesce(tasks.c.status, '')
    return ours(status.in_((SUCCESS, FAILURE)), tasks.c.updated_at >= moment)


def expire(after: str) -> tuple[str, int]:
    """Mark our rows of one stretch of the table as deleted that expired.

    Glance does so with those of a project when the project lists its tasks;
    ``glance-manage db purge`` takes away what is marked.

    :param after: the id behind which the stretch begins
    :returns: the last id of the stretch, '' at the end of the table; and
        how many rows were marked
    """
    stretch = [row.id for row in db.read(
        sa.select(tasks.c.id).where(tasks.c.id > after)
        .order_by(tasks.c.id).limit(_STRETCH))]
    if not stretch:
        return '', 0
    expired = [task.id for task in ours(
        tasks.c.id > after, tasks.c.id <= stretch[-1], sa.not_(_lives()))]
    for start in range(0, len(expired), _BATCH):
        db.transaction(functools.partial(
            _mark_deleted, ids=expired[start:start + _BATCH]))
    last = stretch[-1] if len(stretch) == _STRETCH else ''
    return last, len(expired)


def _mark_deleted(connection: db.Connection, ids: list[str]) -> None:
    connection.execute(tasks.update().where(tasks.c.id.in_(ids)).values(
        deleted=True, deleted_at=db.now()))


def _lives() -> Any:
    """Return the SQL condition that a row has not expired."""
    return sa.or_(tasks.c.expires_at.is_(None),
                  tasks.c.expires_at > db.now())


def newest_first(*, owner: str | None = None, status: str | None = None,
                 image_id: str | None = None, after: str | None = None,
                 count: int) -> Iterator[list[Task]]:
    """Yield our rows that have not expired, some at a time.

    Which rows come is decided by ``tasks`` alone, where the columns are
    small and have indexes; of the large ``task_info`` only those are read.

    :param after: the id of the row before the first one
    :param count: how many are wanted, which says how many to begin with
    """
    wanted = [tasks.c.deleted == sa.false(), _lives()]
    # Wrapped, because of a status the index has all that ever ended so.
    wanted += [column == value for column, value in (
        (tasks.c.owner, owner), (tasks.c.image_id, image_id),
        (sa.func.coalesce(tasks.c.status, ''), status)) if value is not None]
    order = tasks.c.created_at.desc(), tasks.c.id.desc()
    # Those of one image are few, and found by its index.
    for age in _AGES if image_id is None else (None,):
        full = True
        while full:
            chosen = sa.select(tasks.c.id).where(
                *wanted, *_beyond(after), *_within(age)).order_by(
                *order).limit(count).subquery()
            found = _read(_ROWS.join(
                chosen, chosen.c.id == tasks.c.id).order_by(*order))
            yield [task for task in found if task.ours]
            if found:
                after = found[-1].id
            full = len(found) == count
            if full:
                count = min(2 * count, _BATCH)


def _beyond(after: str | None) -> list[Any]:
    """Return the SQL conditions that a row comes behind the one ``after``."""
    if not after:
        return []
    last = sa.select(tasks.c.created_at).where(
        tasks.c.id == after).scalar_subquery()
    return [sa.or_(
        tasks.c.created_at < last,
        sa.and_(tasks.c.created_at == last, tasks.c.id < after))]


def _within(age: datetime.timedelta | None) -> list[Any]:
    """Return the SQL conditions that a row is no older.

    For the time when it was written there is an index, for that when it was
    created there is none; and it is written when it is created.
    """
    if age is None:
        return []
    since = db.now() - age
    return [tasks.c.created_at >= since,
            tasks.c.updated_at >= since - _BACKDATED]


def insert(*, type_: str, owner: str, image_id: str | None,
           input_: dict[str, Any], user_id: str | None, request_id: str | None,
           message: str, task_id: str | None = None,
           status: str = PENDING, claim: Claim = NOTHING) -> Task:
    """Add a row, pending unless told otherwise, and return it.

    :param claim: what its action is to add to what the project has
    :raises errors.ImageTooLarge: that is over a limit; there is no row
    :raises oslo_db.exception.DBDuplicateEntry: there is a ``task_id``
    """
    moment = db.now()
    task_id = task_id or uuidutils.generate_uuid()

    def work(connection: db.Connection) -> None:
        claim.require(connection)
        connection.execute(tasks.insert().values(
            id=task_id, type=type_, status=status, owner=owner,
            image_id=image_id, user_id=user_id, request_id=request_id,
            created_at=moment, updated_at=moment, deleted=False))
        connection.execute(task_info.insert().values(
            task_id=task_id, input=input_, message=message))

    db.transaction(work)
    return Task(task_id, type_, status, owner, image_id, moment, moment,
                None, input_, {}, message, moment)


def remove(task_id: str) -> None:
    """Take away a row whose action never began."""
    def work(connection: db.Connection) -> None:
        connection.execute(task_info.delete().where(
            task_info.c.task_id == task_id))
        connection.execute(tasks.delete().where(tasks.c.id == task_id))
    db.transaction(work)


def name_image(connection: db.Connection, task_id: str, image_id: str
               ) -> None:
    """Write which image a row is about, once there is one."""
    connection.execute(tasks.update().where(
        tasks.c.id == task_id).values(image_id=image_id))


def fence(connection: db.Connection, task_id: str, *, status: str,
          stamp: datetime.datetime, new_status: str | None = None,
          new_stamp: datetime.datetime | None = None,
          result: dict[str, Any] | None = None,
          message: str | None = None,
          expires: bool = False) -> datetime.datetime | None:
    """Write to a row if it is still in ``status`` and written at ``stamp``.

    :param expires: set ``expires_at``, because the row is over
    :param new_stamp: the default is now, and never before ``stamp``
    :returns: the new ``updated_at``, or None where the row has another
        owner by now, or has ended: then nothing was written
    """
    moment = new_stamp or max(db.now(), stamp)
    values: dict[str, Any] = {'updated_at': moment}
    if new_status:
        values['status'] = new_status
    if expires:
        values['expires_at'] = moment + datetime.timedelta(
            hours=cfg.CONF.task.task_time_to_live)
    done = connection.execute(tasks.update().where(
        tasks.c.id == task_id, tasks.c.status == status,
        tasks.c.updated_at == stamp,
        tasks.c.deleted == sa.false()).values(**values))
    if done.rowcount != 1:
        return None
    info = {name: value for name, value in
            (('result', result), ('message', message)) if value is not None}
    if info:
        connection.execute(task_info.update().where(
            task_info.c.task_id == task_id).values(**info))
    return moment


def keep(connection: db.Connection, task_id: str, result: dict[str, Any]
         ) -> None:
    """Write ``result`` once more, in the transaction of a fence."""
    connection.execute(task_info.update().where(
        task_info.c.task_id == task_id).values(result=result))


def alter(connection: db.Connection, task_id: str, **changes: Any) -> None:
    """Change some of ``result``, as it is now, after a fence."""
    kept = connection.execute(sa.select(task_info.c.result).where(
        task_info.c.task_id == task_id).with_for_update()).scalar_one()
    keep(connection, task_id, {**(kept or {}), **changes})


def note(task_id: str, **notes: Any) -> None:
    """Add ``notes`` to what the extension keeps in the row's ``input``.

    The runner of an action writes ``result`` and never ``input``, so that
    others can leave word for it here.
    """
    def work(connection: db.Connection) -> None:
        row = connection.execute(
            sa.select(task_info.c.input)
            .where(task_info.c.task_id == task_id)
            .with_for_update()).one_or_none()
        if row is None:
            return
        input_ = dict(row.input)
        input_['glance_ext'] = {**input_['glance_ext'], **notes}
        connection.execute(task_info.update().where(
            task_info.c.task_id == task_id).values(input=input_))
    db.transaction(work)
