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
"""What one process asks and writes about the rows of all actions.

Any number of rows may wait or have ended. So nothing here reads the large
columns of a row that is in order, everything comes some rows at a time, and
what waits in a process is kept alive by one statement.
"""

from collections.abc import Iterator, Sequence
import datetime
import functools
from typing import Any, NamedTuple

import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host import tasks as rows
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

#: How many rows are read or written at once, at the most.
_BATCH = 500
#: How many are looked at for being expired.
_STRETCH = 5000

#: A row that was handed back says that it was written so much earlier at the
#: most: the largest ``heartbeat_timeout``, and a minute for the clocks.
_BACKDATED = datetime.timedelta(seconds=3660)

_INPUT = sa.type_coerce(task_info.c.input, sa.Text)
_RESULT = sa.func.coalesce(sa.type_coerce(task_info.c.result, sa.Text), '')
_BOTH = tasks.join(task_info, task_info.c.task_id == tasks.c.id)


class Waiting(NamedTuple):
    """A row that a process keeps while its action waits there.

    :ivar stamp: the row's updated_at, as its owner knows it
    :ivar message: what the row is to say now; None where it says so
    """

    id: str
    stamp: datetime.datetime
    message: str | None = None


def silent(heartbeat_timeout: int, upload_timeout: int,
           looked: datetime.datetime | None = None
           ) -> Iterator[list[rows.Task]]:
    """Yield the unfinished rows that may have no living owner.

    They were not written to for ``heartbeat_timeout`` seconds. An action has
    a timeout of its own, so the caller asks each. A failed one is undone as
    long as its result has not the phase ``ended``: also where a node without
    the extension failed it.

    :param upload_timeout: leave out what has been waiting for an upload for
        less
    :param looked: when all that this yielded was last dealt with. Of what
        failed, only rows that were written to since then are looked at
    """
    now = db.now()
    before = tasks.c.updated_at < now - datetime.timedelta(
        seconds=heartbeat_timeout)
    awaited = sa.and_(
        tasks.c.updated_at > now - datetime.timedelta(seconds=upload_timeout),
        _INPUT.like(f'%"upload_timeout": {upload_timeout},%'),
        sa.not_(_is_uploaded()))
    for status, more in ((rows.PENDING, sa.not_(awaited)),
                         (rows.PROCESSING, sa.true()),
                         (rows.FAILURE, _undone(looked))):
        yield from _in_batches(tasks.c.status == status, before, more)


def waiting(before: datetime.datetime, count: int) -> list[rows.Task]:
    """Return rows that wait, and were not written to since ``before``."""
    return next(_in_batches(*_is_left(before), count=count), [])


def touch(before: datetime.datetime) -> Iterator[list[str]]:
    """Write to all rows that wait without an owner, unless somebody else did.

    :param before: when they had been written to last
    :returns: their ids
    """
    for found in _narrow(*_is_left(before)):
        ids = [row.id for row in found]
        db.transaction(functools.partial(_touch, ids=ids, before=before))
        yield ids


def ended_since(moment: datetime.datetime) -> Iterator[list[rows.Task]]:
    """Yield our rows that ended at ``moment`` or later."""
    # Wrapped, so that of the indexes that of the time is used.
    status = sa.func.coalesce(tasks.c.status, '')
    yield from _in_batches(status.in_((rows.SUCCESS, rows.FAILURE)),
                           tasks.c.updated_at >= moment, by_time=True)


def unfinished() -> Iterator[list[rows.Task]]:
    """Yield the rows that wait, run or are undone."""
    yield from _in_batches(
        tasks.c.status.in_((rows.PENDING, rows.PROCESSING)))
    yield from _in_batches(tasks.c.status == rows.FAILURE, _undone(db.now()))


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
    expired = [row.id for row in db.read(
        sa.select(tasks.c.id).select_from(_BOTH).where(
            *_ours(), tasks.c.id > after, tasks.c.id <= stretch[-1],
            sa.not_(rows.lives())))]
    for start in range(0, len(expired), _BATCH):
        db.transaction(functools.partial(
            _mark_deleted, ids=expired[start:start + _BATCH]))
    last = stretch[-1] if len(stretch) == _STRETCH else ''
    return last, len(expired)


def keep(waiting: Sequence[Waiting]
         ) -> tuple[datetime.datetime, list[str]]:
    """Write to rows of one owner that wait, each as a fence does.

    One statement for up to 500 rows, and one for each new message. Where a
    row is not as its owner knows it, the statement is taken back, and each
    half is tried, so that what is lost costs a few statements more.

    :returns: the new updated_at of those that were written to; and the ids
        of the others
    """
    moment, lost = db.now(), []
    todo = [waiting[start:start + _BATCH]
            for start in range(0, len(waiting), _BATCH)]
    while todo:
        some = todo.pop()
        try:
            db.transaction(functools.partial(
                _keep_all, some=some, moment=moment))
        except _NotAll:
            if len(some) == 1:
                lost.append(some[0].id)
            else:
                middle = len(some) // 2
                todo += [some[:middle], some[middle:]]
    return moment, lost


def no_longer_waiting(ids: Sequence[str]) -> list[str]:
    """Return those that are not pending any more. No row is written to."""
    found: list[str] = []
    for start in range(0, len(ids), _BATCH):
        some = ids[start:start + _BATCH]
        there = {row.id for row in db.read(sa.select(tasks.c.id).where(
            tasks.c.id.in_(some), tasks.c.status == rows.PENDING,
            tasks.c.deleted == sa.false()))}
        found += [each for each in some if each not in there]
    return found


def owners(ids: list[str]) -> dict[str, str]:
    """Return whose each action is, for those that there are."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _BATCH):
        found |= {row.id: row.owner for row in db.read(
            sa.select(tasks.c.id, tasks.c.owner).where(
                tasks.c.id.in_(ids[start:start + _BATCH])))}
    return found


class _NotAll(Exception):
    """Rolls back a statement that met fewer rows than it was to."""


def _keep_all(connection: db.Connection, some: Sequence[Waiting],
              moment: datetime.datetime) -> None:
    by_stamp: dict[datetime.datetime, list[str]] = {}
    by_message: dict[str, list[str]] = {}
    for each in some:
        by_stamp.setdefault(each.stamp, []).append(each.id)
        if each.message is not None:
            by_message.setdefault(each.message, []).append(each.id)
    done = connection.execute(tasks.update().where(
        tasks.c.status == rows.PENDING, tasks.c.deleted == sa.false(),
        sa.or_(*(sa.and_(tasks.c.id.in_(ids), tasks.c.updated_at == stamp)
                 for stamp, ids in by_stamp.items()))
    ).values(updated_at=moment))
    if done.rowcount != len(some):
        raise _NotAll
    for message, ids in by_message.items():
        connection.execute(task_info.update().where(
            task_info.c.task_id.in_(ids)).values(message=message))


def _mark_deleted(connection: db.Connection, ids: list[str]) -> None:
    connection.execute(tasks.update().where(tasks.c.id.in_(ids)).values(
        deleted=True, deleted_at=db.now()))


def _ours() -> list[Any]:
    return [tasks.c.deleted == sa.false(), rows.is_ours()]


def _undone(since: datetime.datetime | None) -> Any:
    """Return the SQL condition that a failed action is not all undone.

    :param since: leave out rows that were last written to before
    """
    written = sa.true() if since is None else (
        tasks.c.updated_at >= since - _BACKDATED)
    return sa.and_(written, _RESULT.not_like('%"phase": "ended"%'),
                   rows.lives())


def _is_uploaded() -> Any:
    return _RESULT.like('%"uploaded": true%')


def _is_left(before: datetime.datetime) -> list[Any]:
    """Return the SQL conditions for what waits and has nobody's attention."""
    return [tasks.c.status == rows.PENDING, tasks.c.updated_at < before,
            sa.or_(_INPUT.not_like('%"upload_timeout": %'), _is_uploaded())]


def _touch(connection: db.Connection, ids: list[str],
           before: datetime.datetime) -> None:
    connection.execute(tasks.update().where(
        tasks.c.id.in_(ids), tasks.c.status == rows.PENDING,
        tasks.c.updated_at < before, tasks.c.deleted == sa.false()
    ).values(updated_at=db.now()))


def _in_batches(*conditions: Any, by_time: bool = False, count: int = _BATCH
                ) -> Iterator[list[rows.Task]]:
    """Yield whole rows. Which ones they are is decided by narrow reads."""
    for found in _narrow(*conditions, by_time=by_time, count=count):
        yield [task for task in rows.read(rows.ROWS.where(
            tasks.c.id.in_([row.id for row in found])).order_by(
            tasks.c.created_at)) if task.ours]


def _narrow(*conditions: Any, by_time: bool = False, count: int = _BATCH
            ) -> Iterator[list[Any]]:
    """Yield the ids of rows, some at a time, with when they were written.

    Each goes on behind the last row of the one before, in the order of the
    index that the conditions use.
    """
    order = [tasks.c.updated_at, tasks.c.id] if by_time else [tasks.c.id]
    beyond: list[Any] = []
    while True:
        found = db.read(
            sa.select(tasks.c.id, tasks.c.updated_at).select_from(
                _BOTH).where(*_ours(), *conditions, *beyond).order_by(
                *order).limit(count))
        if found:
            yield found
        if len(found) < count:
            return
        last = found[-1]
        beyond = [tasks.c.id > last.id]
        if by_time:
            beyond = [tasks.c.updated_at >= last.updated_at, sa.or_(
                tasks.c.updated_at > last.updated_at, *beyond)]
