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
"""Walks over the whole table of images, a stretch at a time.

The stretches follow the primary key, so that the last one of a million rows
costs what the first does. Nothing is counted or sorted beforehand.
"""

from collections.abc import Collection, Iterator
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host.database import image_locations
from glance_ext.host.database import images
from glance_ext.host.images import ACTIVE
from glance_ext.host.images import DEACTIVATED
from glance_ext.host.images import Location

#: Rows looked at by one statement: some milliseconds of the database.
_STRETCH = 5000
#: Ids in one ``IN``: fewer than any database's limit of parameters.
_AT_ONCE = 500


class Candidate(NamedTuple):
    """An active image whose hash is missing, or is to be replaced."""

    id: str
    size: int | None
    os_hash_algo: str | None


class Verified(NamedTuple):
    """An image whose copies can be read, and when they last were.

    ``at`` is '' where one never was.
    """

    image_id: str
    at: str
    size: int | None
    copies: int


class Count(NamedTuple):
    """How many active images of a stretch are alike, and their bytes."""

    os_hash_algo: str | None
    has_hash: bool
    images: int
    bytes: int


def candidates(after: str = '', having: str | None = None,
               created_before: datetime.datetime | None = None
               ) -> Iterator[list[Candidate]]:
    """Yield the active images without a hash, a list for each stretch.

    :param after: begin behind this id
    :param having: instead, those whose hash is of this algorithm
    :param created_before: only images that are older, in UTC
    """
    wanted = [sa.func.coalesce(images.c.os_hash_value, '') == ''
              if having is None else sa.and_(
                  sa.func.coalesce(images.c.os_hash_value, '') != '',
                  images.c.os_hash_algo == having)]
    if created_before is not None:
        # Wrapped, as the other columns with an index: see _within.
        wanted.append(sa.func.coalesce(images.c.created_at, None)
                      < created_before)
    columns = [getattr(images.c, name) for name in Candidate._fields]
    for within in _stretches(after):
        yield [Candidate(*row) for row in db.read(
            sa.select(*columns).where(*within, *wanted)
            .order_by(images.c.id))]


def counts() -> Iterator[list[Count]]:
    """Yield how many active images there are, for each stretch."""
    has_hash = sa.func.coalesce(images.c.os_hash_value, '') != ''
    for within in _stretches(''):
        rows = db.read(sa.select(
            images.c.os_hash_algo, has_hash.label('has_hash'),
            sa.func.count(images.c.id),
            sa.func.coalesce(sa.func.sum(images.c.size), 0)
        ).where(*within).group_by(images.c.os_hash_algo, has_hash))
        yield [Count(row[0], bool(row[1]), int(row[2]), int(row[3]))
               for row in rows]


def stores(image_ids: list[str]) -> dict[str, set[str]]:
    """Return ``{image: stores}`` for the images that have a location.

    A location that names no store has the id ``''``.
    """
    found: dict[str, set[str]] = {}
    for start in range(0, len(image_ids), _AT_ONCE):
        for row in db.read(sa.select(
                image_locations.c.image_id,
                image_locations.c.meta_data).where(
                    image_locations.c.image_id.in_(
                        image_ids[start:start + _AT_ONCE]),
                    image_locations.c.deleted == sa.false())):
            found.setdefault(row.image_id, set()).add(
                (row.meta_data or {}).get('store', ''))
    return found


def least_recently_verified(stores: Collection[str] = (),
                            before: datetime.datetime | None = None
                            ) -> list[Verified]:
    """Return the images with copies, by when these were verified last.

    :param stores: only copies in these; empty: all
    :param before: leave out images whose copies were all good after this
    """
    limit = before and copies.isotime(before)
    found: dict[str, Verified] = {}
    due = set()
    last = 0
    while rows := db.read(sa.select(
            image_locations.c.id, image_locations.c.image_id,
            image_locations.c.meta_data, images.c.size).select_from(
                image_locations.join(
                    images, images.c.id == image_locations.c.image_id)).where(
            image_locations.c.id > last,
            image_locations.c.deleted == sa.false(),
            images.c.deleted == sa.false(),
            images.c.status.in_((ACTIVE, DEACTIVATED))).order_by(
                image_locations.c.id).limit(_STRETCH)):
        last = rows[-1].id
        for row in rows:
            metadata = row.meta_data or {}
            if not copies.concerns(metadata, stores):
                continue
            at = metadata.get(copies.VERIFIED_AT, '')
            if (limit is None or at < limit
                    or metadata.get(copies.VERDICT) != 'good'):
                due.add(row.image_id)
            so_far = found.get(row.image_id)
            found[row.image_id] = Verified(
                row.image_id, min(at, so_far.at) if so_far else at, row.size,
                so_far.copies + 1 if so_far else 1)
    return sorted((each for each in found.values() if each.image_id in due),
                  key=lambda each: each.at)


def in_store(store: str) -> list[Verified]:
    """Return the images that have data in a store, by id.

    Also where a location is marked, and its data is not deleted yet. Deleted
    images do not count. ``copies`` counts those of all stores.
    """
    found: dict[str, list[Any]] = {}
    here = set()
    last = 0
    while rows := db.read(sa.select(
            image_locations.c.id, image_locations.c.image_id,
            image_locations.c.meta_data, image_locations.c.deleted,
            images.c.size).select_from(
                image_locations.join(
                    images, images.c.id == image_locations.c.image_id)).where(
            image_locations.c.id > last,
            image_locations.c.status.in_((ACTIVE, 'pending_delete')),
            images.c.deleted == sa.false()).order_by(
                image_locations.c.id).limit(_STRETCH)):
        last = rows[-1].id
        for row in rows:
            if (row.meta_data or {}).get('store', '') == store:
                here.add(row.image_id)
            found.setdefault(row.image_id, [row.size, 0])[1] += (
                not row.deleted)
    return [Verified(image_id, '', *found[image_id])
            for image_id in sorted(here)]


def newest(but: str) -> Iterator[tuple[str, Location]]:
    """Yield images and their locations, those recorded last first.

    :param but: leave out this image
    """
    first = None
    while rows := db.read(sa.select(image_locations).select_from(
            image_locations.join(
                images, images.c.id == image_locations.c.image_id)).where(
            *([] if first is None else [image_locations.c.id < first]),
            image_locations.c.deleted == sa.false(),
            images.c.deleted == sa.false(), images.c.id != but,
            images.c.status.in_((ACTIVE, DEACTIVATED))).order_by(
                image_locations.c.id.desc()).limit(_AT_ONCE)):
        first = rows[-1].id
        for row in rows:
            yield row.image_id, copies.of_row(row)


def _stretches(after: str) -> Iterator[list[Any]]:
    """Yield the SQL conditions of one stretch after the other."""
    while True:
        stretch = sa.select(images.c.id).where(
            images.c.id > after).order_by(images.c.id).limit(
                _STRETCH).subquery()
        ((last,),) = db.read(sa.select(sa.func.max(stretch.c.id)))
        if last is None:
            return
        yield _within(after, last)
        after = last


def _within(after: str, last: str) -> list[Any]:
    """Return the conditions for active images in a stretch.

    The columns that have an index of their own are wrapped, so that no
    planner prefers that index to the stretch of the primary key.
    """
    return [images.c.id > after, images.c.id <= last,
            sa.func.coalesce(images.c.deleted, sa.true()) == sa.false(),
            images.c.status == ACTIVE]
