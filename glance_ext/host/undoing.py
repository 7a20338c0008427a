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
"""Locations as the undo of an action has to see them."""

from collections.abc import Collection

import sqlalchemy as sa

from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host.database import image_locations
from glance_ext.host.database import images
from glance_ext.host.images import Location


def with_data(image_id: str) -> list[Location]:
    """Return an image's locations whose data is there, or still to delete.

    Of a deleted image only the latter: a deletion may have overlooked others.
    """
    rows = db.read(sa.select(image_locations.c.id).select_from(
        image_locations.join(
            images, images.c.id == image_locations.c.image_id)).where(
        image_locations.c.image_id == image_id,
        sa.or_(image_locations.c.status == 'pending_delete', sa.and_(
            image_locations.c.deleted == sa.false(),
            images.c.deleted == sa.false()))))
    return [copies.location(row.id) for row in rows]


def take_back(connection: db.Connection, image_id: str,
              location_ids: Collection[int]) -> bool:
    """Take locations away that an action added, but never the last ones.

    :returns: False where nothing was done: the others that an image with
        data had were taken away meanwhile
    """
    has_data = connection.execute(sa.select(images.c.id).where(
        images.c.id == image_id, images.c.deleted == sa.false(),
        images.c.status.in_(('active', 'deactivated'))).with_for_update()
    ).one_or_none()
    if has_data is not None and location_ids and not connection.execute(
            sa.select(image_locations.c.id).where(
                image_locations.c.image_id == image_id,
                image_locations.c.id.not_in(location_ids),
                image_locations.c.deleted == sa.false()).limit(1)).all():
        return False
    copies.remove(connection, location_ids)
    return True
