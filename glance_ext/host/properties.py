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
"""Properties of an image: written one by one, shown to whom Glance does."""

import functools
from typing import Any

from glance.api.v2 import images as images_api
from glance.common import property_utils

from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import policy
from glance_ext.host.database import image_properties


def readable(context: contexts.Context, properties: dict[str, Any]
             ) -> dict[str, Any]:
    """Return what a caller may read of the properties of an image.

    :param properties: as ``POST /v2/images`` takes them. Glance's property
        protections are about those that are none of its own.
    """
    if not property_utils.is_property_protection_enabled():
        return properties
    own = images_api.get_base_properties()
    return {name: value for name, value in properties.items()
            if name in own or _rules().check_property_rules(
                name, 'read', context)}


@functools.cache
def _rules() -> Any:
    return property_utils.PropertyRules(policy.enforcer())


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
