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
"""What the database still knows of an id that may once have been used."""

from glance.db.sqlalchemy import models
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host.database import image_locations
from glance_ext.host.database import image_members
from glance_ext.host.database import image_properties
from glance_ext.host.database import image_tags
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

_cached = models.CachedImages.__table__


def trace(image_id: str) -> str | None:
    """Return what refers to an id, in words, or None.

    Rows that are marked as deleted count. Only ids in the table of images
    itself are left to Glance.

    :param image_id: a UUID, in lower case
    """
    text = sa.type_coerce(task_info.c.input, sa.Text)
    for what, table, condition in (
            ('a task', tasks, tasks.c.image_id == image_id),
            ('a row of an image', image_properties,
             image_properties.c.image_id == image_id),
            ('a row of an image', image_members,
             image_members.c.image_id == image_id),
            ('a row of an image', image_tags,
             image_tags.c.image_id == image_id),
            ('a location', image_locations,
             image_locations.c.image_id == image_id),
            ('a cached image', _cached, _cached.c.image_id == image_id),
            ('a property of another image', image_properties,
             image_properties.c.value == image_id),
            ('a location', image_locations,
             image_locations.c.value.like(f'%{image_id}%')),
            ('a task', task_info, text.like(f'%{image_id}%'))):
        if db.read(sa.select(sa.literal(1)).select_from(table).where(
                condition).limit(1)):
            return what
    return None
