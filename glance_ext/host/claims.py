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
"""What actions are about to add to what a project has, within its limits.

Glance asks for a limit before it begins, and what runs at the same time does
not see each other. An action of ours makes a :class:`Claim`: when it is
accepted, when the size of its data is known, and when its copies are
recorded. The claims of a project are asked for one after the other, each in
the transaction that writes what it is for, and unfinished actions count with
what they have claimed.
"""

from collections.abc import Iterator, Mapping
import dataclasses
from typing import Any, NamedTuple
import uuid

from glance.quota import keystone
from oslo_db import exception as db_exception
from oslo_utils import units
from oslo_utils import uuidutils
import sqlalchemy as sa

from glance_ext import errors
from glance_ext.host import database as db
from glance_ext.host import release
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_properties
from glance_ext.host.database import images
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

#: The option that is a limit, and the limits in Keystone.
STORAGE = 'user_storage_quota'
SIZE, STAGE = (keystone.QUOTA_IMAGE_SIZE_TOTAL,
               keystone.QUOTA_IMAGE_STAGING_TOTAL)
IMAGES, UPLOADING = (keystone.QUOTA_IMAGE_COUNT_TOTAL,
                     keystone.QUOTA_IMAGE_COUNT_UPLOADING)
OF_KEYSTONE = SIZE, STAGE, IMAGES, UPLOADING
#: What one of each is.
_UNITS = {SIZE: (units.Mi, 'MiB'), STAGE: (units.Mi, 'MiB'),
          IMAGES: (1, 'images'), UPLOADING: (1, 'images'),
          STORAGE: (1, 'bytes')}
#: The type of the row that a project's claims lock. It is marked as deleted,
#: so that nobody sees it, and has no date of that, so that no purge takes it.
_LOCK = 'glance_ext_quota_lock'
_LOCKS = uuid.UUID('4a0f6f0e-7c55-4f0e-8a53-1f0a3c1f9c66')


class Room(int):
    """A number of bytes, and the option or limit that sets it."""

    limit: str

    def __new__(cls, size: int, name: str) -> 'Room':
        room = super().__new__(cls, max(0, size))
        room.limit = name
        return room


def limit_of(most: int) -> str:
    """Return what messages call the limit that a number of bytes is from."""
    return getattr(most, 'limit', 'the quota, or image_size_cap,')


class _Claimed(NamedTuple):
    """What an unfinished action has claimed, as its row tells it."""

    stored: int
    staged: int
    uploading: bool
    #: The image that the action works on, if it counts as uploading.
    image_id: str
    #: The image that it is to make.
    future_id: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """What an action is about to add to what its project has.

    :ivar limits: of :func:`quotas.limits`
    :ivar size: bytes of one copy, or None: not known yet
    :ivar copies: how many of them are stored; 0 where it is only staged
    :ivar may_exceed: whether it may take the project over image_size_total,
        and has to be below it only when it begins
    :ivar staged: whether the data lies in staging meanwhile
    :ivar uploading: whether it counts as one more image being uploaded
    :ivar future_id: of the image that is to be made, or ''
    :ivar action_id: whose earlier claim this one replaces, or ''
    """

    project: str = ''
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    size: int | None = None
    copies: int = 0
    may_exceed: bool = False
    staged: bool = False
    uploading: bool = False
    future_id: str = ''
    action_id: str = ''

    def kept(self) -> dict[str, Any]:
        """Return what the action's row holds of it: see :func:`_claimed`."""
        return {name: value for name, value in vars(self).items()
                if name not in ('project', 'action_id')}

    def require(self, connection: db.Connection) -> None:
        """See that all of it is within the limits, until the transaction
        ends.

        Nothing else of the project is claimed before that.

        :raises errors.ImageTooLarge: it is not; names the limit
        """
        if not self.limits:
            return
        others = self._others(connection)
        added = (self.size or 0) * self.copies
        used = stored(connection, self.project), sum(
            each.stored for each in others)
        # Glance lets one without a known size begin with nothing left.
        if added:
            self._ask(STORAGE, *used, added)
        self._ask(SIZE, *used, 0 if self.may_exceed else added)
        if self.staged:
            self._ask(STAGE, *self._in_staging(connection, others),
                      self.size or 0)
        if self.uploading:
            mine = {each.image_id for each in others} - {''}
            self._ask(UPLOADING, _in_transit(
                connection, self.project, sa.func.count(), mine, 'saving'),
                sum(each.uploading for each in others), 1)
        if self.future_id:
            futures = {each.future_id for each in others} - {''}
            self._ask(IMAGES, _count(connection, self.project, futures),
                      len(futures), 1)

    def staging(self, connection: db.Connection) -> Room | None:
        """Return how much the project may have in staging for this action.

        None: any size.
        """
        if STAGE not in self.limits:
            return None
        used, claimed = self._in_staging(
            connection, self._others(connection))
        return Room((self.limits[STAGE] + 1) * units.Mi - 1 - used - claimed,
                    STAGE)

    def _ask(self, name: str, used: int, claimed: int, added: int) -> None:
        if name not in self.limits:
            return
        unit, what = _UNITS[name]
        # Rounded down each, as in Glance.
        if (used + claimed) // unit + added // unit > self.limits[name]:
            raise errors.ImageTooLarge(
                f'The project is over its limit {name}: {used // unit} used, '
                f'{claimed // unit} claimed by unfinished actions and '
                f'{added // unit} more are above {self.limits[name]} {what}')

    def _others(self, connection: db.Connection) -> list[_Claimed]:
        """Return what others have claimed, and have all others wait."""
        _lock(connection, self.project)
        return list(_claims(connection, self.project, self.action_id))

    def _in_staging(self, connection: db.Connection,
                    others: list[_Claimed]) -> tuple[int, int]:
        mine = {each.image_id for each in others if each.staged} - {''}
        return (_in_transit(connection, self.project,
                            sa.func.coalesce(sa.func.sum(images.c.size), 0),
                            mine),
                sum(each.staged for each in others))


#: Of an action that adds nothing, or that no project has asked for.
NOTHING = Claim()


def _lock(connection: db.Connection, project: str) -> None:
    """Have every other claim of the project wait for this transaction.

    With a write, because a cluster of databases compares those and no
    locks; and before anything is read, so that all of it is read as it is
    now.
    """
    id_ = str(uuid.uuid5(_LOCKS, project))
    mark = tasks.update().where(tasks.c.id == id_).values(
        request_id=uuidutils.generate_uuid())
    if connection.execute(mark).rowcount:
        return
    moment = db.now()
    try:
        connection.execute(tasks.insert().values(
            id=id_, type=_LOCK, status='success', owner=project,
            created_at=moment, updated_at=moment, deleted=True))
    except db_exception.DBDuplicateEntry:
        connection.execute(mark)


def _claims(connection: db.Connection, project: str, but: str
            ) -> Iterator[_Claimed]:
    rows = connection.execute(sa.select(
        tasks.c.image_id, task_info.c.input, task_info.c.result).select_from(
            tasks.join(task_info, task_info.c.task_id == tasks.c.id)).where(
        tasks.c.owner == project, tasks.c.id != but,
        tasks.c.status.in_(('pending', 'processing')),
        tasks.c.deleted == sa.false(),
        sa.type_coerce(task_info.c.input, sa.Text).like(
            '%"glance_ext"%'))).all()
    for row in rows:
        try:
            found = _claimed(row)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # No row that we wrote.
        if found is not None:
            yield found


def _claimed(row: Any) -> _Claimed | None:
    claim = row.input['glance_ext'].get('claim')
    if claim is None:
        return None
    result = row.result or {}
    state = result.get('state') or {}
    size = state.get('size', claim['size'])
    recorded = sum(bool(each) for each in state.get('copies', {}).values())
    staged = size if size is not None else result.get('bytes_done', 0)
    return _Claimed(
        int(size or 0) * max(0, int(claim['copies']) - recorded),
        int(staged) if claim['staged'] else 0, bool(claim['uploading']),
        str(row.image_id or '') if claim['uploading'] else '',
        str(claim['future_id']))


def _gone() -> tuple[str, ...]:
    """Return the statuses of images that do not count."""
    if release.counts_pending_delete():
        return 'killed', 'deleted'
    return 'killed', 'deleted', 'pending_delete'


def stored(connection: db.Connection, project: str) -> int:
    """Return the bytes that a project stores, as Glance counts them."""
    return int(connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(images.c.size), 0))
        .select_from(images.join(
            image_locations, image_locations.c.image_id == images.c.id))
        .where(images.c.owner == project, images.c.size > 0,
               images.c.status.not_in(_gone()),
               image_locations.c.status != 'deleted')).scalar_one())


def _in_transit(connection: db.Connection, project: str, what: Any,
                but: set[str], *statuses: str) -> int:
    """Return ``what`` of the images whose data is on its way, for Glance.

    :param but: leave out these images
    :param statuses: that count beside ``uploading`` and ``importing``
    """
    copied = sa.exists().where(
        image_properties.c.image_id == images.c.id,
        image_properties.c.name == 'os_glance_importing_to_stores',
        image_properties.c.value != '')
    return int(connection.execute(
        sa.select(what).select_from(images).where(
            images.c.owner == project, images.c.id.not_in(sorted(but)),
            sa.or_(images.c.status.in_(('uploading', 'importing', *statuses)),
                   sa.and_(images.c.status.not_in(_gone()), copied))
        )).scalar_one())


def _count(connection: db.Connection, project: str, but: set[str]) -> int:
    """Return how many images a project has, without some."""
    return int(connection.execute(
        sa.select(sa.func.count()).select_from(images).where(
            images.c.owner == project, images.c.id.not_in(sorted(but)),
            images.c.status.not_in(_gone()))).scalar_one())
