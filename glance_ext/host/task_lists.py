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
"""Lists of our rows, the newest first, however many there are.

There is no index of the time when a row was created. There is one of the
time when it was written to last, and that is never earlier: so the newest
rows are among those that were written to last, and few of these are looked
at. Only a row that waits may say that it was written earlier, because its
owner handed it back; those that wait have an index of their own.
"""

from collections.abc import Iterator
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host import tasks as rows
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

#: How many rows are read at once, at the most.
_BATCH = 500
#: How many rows are read at least where few of them may be wanted.
_TYPED = 200
#: So few rows are sorted whole.
_FEW = 1000
#: How many of those written to last are looked at; then all.
_LATEST = 500, 5000, 50000

_KEYS = sa.select(tasks.c.id, tasks.c.created_at)


class Stretch(NamedTuple):
    """Some rows in the order of a list.

    :ivar tasks: those of them that are wanted
    :ivar looked_at: how many there were
    :ivar last: the id of the last one that was looked at
    """

    tasks: list[rows.Task]
    looked_at: int
    last: str


def newest_first(*, owner: str | None = None, status: str | None = None,
                 image_id: str | None = None, action_type: str | None = None,
                 after: str | None = None, count: int) -> Iterator[Stretch]:
    """Yield our rows that have not expired, some at a time.

    Which rows are looked at is decided by ``tasks`` alone, where the columns
    are small and have indexes; of the large ``task_info`` only those are
    read. No index knows the type of an action, so that whoever wants a rare
    one stops after a while, and goes on behind the last row that was looked
    at.

    :param after: the id of the row before the first one
    :param count: how many are wanted, which says how many to begin with
    """
    wanted = {column: value for column, value in (
        (tasks.c.owner, owner), (tasks.c.image_id, image_id),
        (tasks.c.status, status)) if value is not None}
    if action_type is not None:
        # The first look finds what there is, or that it is rare.
        count = max(count, _TYPED)
    last = None
    if after:
        found = db.read(_KEYS.where(tasks.c.id == after))
        if not found:
            return
        (last,) = found
    for since in _beginnings(wanted, last):
        full = True
        while full:
            keys = _next(wanted, last, since, count)
            if keys:
                last = keys[-1]
                yield Stretch(_read([key.id for key in keys], action_type),
                              len(keys), last.id)
            full = len(keys) == count
            if full:
                count = min(2 * count, _BATCH)


def _beginnings(wanted: dict[Any, str], last: Any
                ) -> Iterator[datetime.datetime | None]:
    """Yield how far back to look, farther each time; None is to the end."""
    if any(_is_few(column == value) for column, value in wanted.items()):
        yield None
        return
    until = [] if last is None else [tasks.c.updated_at <= last.created_at]
    for count in _LATEST:
        found = db.read(sa.select(tasks.c.updated_at).where(*until).order_by(
            tasks.c.updated_at.desc()).offset(count).limit(1))
        if not found:
            break
        yield found[0].updated_at
    yield None


def _is_few(condition: Any) -> bool:
    found = sa.select(tasks.c.id).where(condition).limit(
        _FEW + 1).subquery()
    ((count,),) = db.read(sa.select(sa.func.count()).select_from(found))
    return bool(count <= _FEW)


def _next(wanted: dict[Any, str], last: Any,
          since: datetime.datetime | None, count: int) -> list[Any]:
    """Return the next keys behind ``last`` that were created since then."""
    query = _KEYS.where(
        tasks.c.deleted == sa.false(), rows.lives(),
        *(column == value for column, value in wanted.items())).order_by(
        tasks.c.created_at.desc(), tasks.c.id.desc()).limit(count)
    if last is not None:
        # Compared as it is stored.
        created_at = sa.select(tasks.c.created_at).where(
            tasks.c.id == last.id).scalar_subquery()
        query = query.where(sa.or_(
            tasks.c.created_at < created_at,
            sa.and_(tasks.c.created_at == created_at,
                    tasks.c.id < last.id)))
    if since is None:
        return db.read(query)
    query = query.where(tasks.c.created_at >= since)
    found = db.read(query.where(tasks.c.updated_at >= since)) + db.read(
        query.where(tasks.c.updated_at < since,
                    tasks.c.status == rows.PENDING))
    return sorted(found, key=lambda key: (key.created_at, key.id),
                  reverse=True)[:count]


def _read(ids: list[str], action_type: str | None) -> list[rows.Task]:
    query = rows.ROWS.where(tasks.c.id.in_(ids), rows.is_ours())
    if action_type is not None:
        query = query.where(sa.type_coerce(
            task_info.c.input, sa.Text).contains(
                f'"action_type": "{action_type}"', autoescape=True))
    return [task for task in rows.read(query.order_by(
        tasks.c.created_at.desc(), tasks.c.id.desc())) if task.ours]
