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

A row is ours when its ``input`` has the key ``glance_ext`` and a node signed
it: :mod:`glance_ext.host.signatures`. The writer of a row proves that it still
owns it by naming the row's ``updated_at``, which every write moves:
:func:`fence`. A write that comes too late changes nothing.
"""

import datetime
import functools
from typing import Any, NamedTuple

from oslo_config import cfg
from oslo_utils import uuidutils
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host import reservations
from glance_ext.host import signatures
from glance_ext.host.claims import NOTHING
from glance_ext.host.claims import Claim
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

PENDING, PROCESSING = 'pending', 'processing'
SUCCESS, FAILURE = 'success', 'failure'
STATUSES = PENDING, PROCESSING, SUCCESS, FAILURE


class TooManyWaiting(Exception):
    """As many actions of a project wait as may."""


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
    #: What the extension keeps in ``input``, or None: not our row, or not
    #: signed by a node of this Glance.
    ours: dict[str, Any] | None = None

    @property
    def has_expired(self) -> bool:
        """Whether it is only waiting to be purged."""
        return self.expires_at is not None and self.expires_at <= db.now()


# As text, because a value that cannot be decoded would fail the whole query.
_COLUMNS = (tasks.c.id, tasks.c.type, tasks.c.status, tasks.c.owner,
            tasks.c.image_id, tasks.c.created_at, tasks.c.updated_at,
            tasks.c.expires_at, *(
                sa.type_coerce(column, sa.Text).label(column.name)
                for column in (task_info.c.input, task_info.c.result)),
            task_info.c.message)
#: How many rows that pass for actions are told of, at the most.
_MOST_TOLD = 500
#: Selects whole rows.
ROWS = sa.select(*_COLUMNS).select_from(
    tasks.outerjoin(task_info, task_info.c.task_id == tasks.c.id)).where(
        tasks.c.deleted == sa.false())


def read(query: Any) -> list[Task]:
    """Return what a query made of :data:`ROWS` finds."""
    moment = db.now()
    return [_task(row, moment) for row in db.read(query)]


def _task(row: Any, read_at: datetime.datetime) -> Task:
    values = row._asdict()
    input_, result, spec = signatures.read(row)
    values |= {'input': input_, 'result': result,
               'message': row.message or ''}
    return Task(**values, read_at=read_at, ours=spec)


def get(task_id: str) -> Task | None:
    """Return the row, ours or not, or None where there is none."""
    rows = read(ROWS.where(tasks.c.id == task_id))
    return rows[0] if rows else None


def ours(*conditions: Any) -> list[Task]:
    """Return the rows of the extension that meet the SQL ``conditions``."""
    query = ROWS.where(is_ours(), *conditions).order_by(tasks.c.created_at)
    return [task for task in read(query) if task.ours]


def unverified() -> list[str]:
    """Return the ids of tasks that pass for actions of ours, and are none.

    Some of those that have not ended, if there are many.
    """
    text = sa.type_coerce(task_info.c.input, sa.Text)
    found = read(ROWS.where(
        text.like('%"glance_ext"%'),
        tasks.c.status.in_((PENDING, PROCESSING))).limit(_MOST_TOLD))
    return [task.id for task in found
            if signatures.action(task.input) and not task.ours]


def unfinished(owner: str | None = None) -> list[Task]:
    """Return whole rows that wait or run, of one project or of all.

    Those of all are many where many wait: see
    :mod:`glance_ext.host.task_sweeps`.
    """
    mine = [] if owner is None else [tasks.c.owner == owner]
    return ours(tasks.c.status.in_((PENDING, PROCESSING)), *mine)


def is_ours() -> Any:
    """Return the SQL condition that a row may be one of the extension.

    It is when :attr:`Task.ours` says so, too.
    """
    text = sa.type_coerce(task_info.c.input, sa.Text)
    if cfg.CONF.glance_ext.trust_actions_before:
        return text.like('%"glance_ext"%')
    return sa.and_(text.like('%"glance_ext"%'), text.like('%"signature"%'))


def lives() -> Any:
    """Return the SQL condition that a row has not expired."""
    return sa.or_(tasks.c.expires_at.is_(None),
                  tasks.c.expires_at > db.now())


def insert(*, type_: str, owner: str, image_id: str | None,
           input_: dict[str, Any], user_id: str | None, request_id: str | None,
           message: str, task_id: str | None = None,
           status: str = PENDING, future_id: str | None = None,
           most: int = 0, claim: Claim = NOTHING) -> Task:
    """Add a row, pending unless told otherwise, and return it.

    An action in ``input_`` is signed.

    :param future_id: of an image that is to be: reserved for the task
    :param most: how many rows of the owner may wait, with this one; 0 is
        without limit
    :param claim: what its action is to add to what the project has
    :raises reservations.IdTakenError: nothing was added
    :raises errors.ImageTooLarge: that is over a limit; there is no row
    :raises oslo_db.exception.DBDuplicateEntry: there is a ``task_id``
    :raises TooManyWaiting: so many wait already
    """
    moment = db.now()
    task_id = task_id or uuidutils.generate_uuid()
    input_ = signatures.sign(task_id, owner, input_)

    def work(connection: db.Connection) -> None:
        # First, because its lock has to come before anything is read.
        claim.require(connection)
        if most and _waiting(connection, owner, most) >= most:
            raise TooManyWaiting
        connection.execute(tasks.insert().values(
            id=task_id, type=type_, status=status, owner=owner,
            image_id=image_id, user_id=user_id, request_id=request_id,
            created_at=moment, updated_at=moment, deleted=False))
        connection.execute(task_info.insert().values(
            task_id=task_id, input=input_, message=message))
        if future_id:
            reservations.take(connection, future_id, task_id)

    db.transaction(work)
    # Others may have been added at the same time. All of them are seen now
    # by whoever was last, so that there are never more.
    if most and db.transaction(functools.partial(
            _waiting, owner=owner, most=most)) > most:
        remove(task_id, future_id)
        raise TooManyWaiting
    return Task(task_id, type_, status, owner, image_id, moment, moment,
                None, input_, {}, message, moment, signatures.action(input_))


def _waiting(connection: db.Connection, owner: str, most: int) -> int:
    """Return how many of our rows wait; beyond ``most`` it is no matter."""
    return len(connection.execute(sa.select(tasks.c.id).select_from(
        tasks.join(task_info, task_info.c.task_id == tasks.c.id)).where(
            tasks.c.owner == owner, tasks.c.status == PENDING,
            tasks.c.deleted == sa.false(), is_ours()).limit(
                most + 1)).all())


def remove(task_id: str, future_id: str | None = None) -> None:
    """Take away a row whose action never began.

    :param future_id: which was reserved for it
    """
    def work(connection: db.Connection) -> None:
        if future_id:
            reservations.release(connection, future_id, task_id)
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
        owner = connection.execute(sa.select(tasks.c.owner).where(
            tasks.c.id == task_id)).scalar_one()
        input_ = signatures.alter(task_id, owner, row.input, notes)
        connection.execute(task_info.update().where(
            task_info.c.task_id == task_id).values(input=input_))
    db.transaction(work)
