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
"""Single properties of an image, written past all others."""

from glance_ext.host import database as db
from glance_ext.host.database import image_properties


def write(connection: db.Connection, image_id: str, name: str, value: str
          ) -> None:
    """Set a property, whether or not it is there."""
    moment = db.now()
    done = connection.execute(image_properties.update().where(
        image_properties.c.image_id == image_id,
        image_properties.c.name == name).values(
            value=value, deleted=False, deleted_at=None, updated_at=moment))
    if done.rowcount == 0:
        connection.execute(image_properties.insert().values(
            image_id=image_id, name=name, value=value, deleted=False,
            created_at=moment, updated_at=moment))


def remove(connection: db.Connection, image_id: str, name: str) -> None:
    """Take a property away, if it is there."""
    connection.execute(image_properties.delete().where(
        image_properties.c.image_id == image_id,
        image_properties.c.name == name))
