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

"""Images made whole: by Glance's own code, and with their data at once."""

import copy
import functools
import json
from types import SimpleNamespace
from typing import Any

from glance.api.v2 import images as images_api
from glance.common import exception
from glance.common import wsgi
import glance.quota
import sqlalchemy as sa
import webob.exc

from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import reservations

#: What Glance asks of whoever sends the data of an image, and of whoever has
#: it fetched: methods of Glance's ``ImageAPIPolicy``.
UPLOAD = 'upload_image',
FETCH = 'upload_image', 'modify_image'


def preview(context: contexts.Context, properties: dict[str, Any],
            rules: tuple[str, ...] = UPLOAD) -> Any:
    """Return the image that ``POST /v2/images`` would make, and add none.

    Glance's schema, policies, property protections and quotas decide, for
    the caller whom ``context`` tells of.

    :param properties: the body of that call
    :param rules: what the caller may besides do to that image
    :raises webob.exc.HTTPException: as that call answers, or the calls that
        give an image its data
    """
    built = []

    def keep(image: Any) -> None:
        # Glance counts the properties when it adds an image.
        glance.quota.ImageRepoProxy._enforce_image_property_quota(
            None, image.extra_properties)
        built.append(image)

    _create(context, properties, rules, keep)
    return built[0]


def build(context: contexts.Context, properties: dict[str, Any],
          rules: tuple[str, ...] = UPLOAD) -> Any:
    """As :func:`preview`, for an action. :raises errors.ImageRefused:"""
    try:
        return preview(context, properties, rules)
    except webob.exc.HTTPException as exc:
        raise _refused(exc) from exc


def add(context: contexts.Context, properties: dict[str, Any],
        task_id: str, rules: tuple[str, ...] = UPLOAD) -> None:
    """Make an image of a reserved id, with Glance's notification.

    It has the status ``importing``, and the task has its lock.

    :raises errors.ImageExists: the id is not reserved for the task
    :raises errors.ImageRefused: it is against a policy or a quota by now
    """
    def insert(image: Any) -> None:
        image.status = images.IMPORTING
        gateway = copy.copy(images.gateway())
        gateway.db_api = _Reserved(gateway.db_api, task_id)
        gateway.get_repo(context).add(image)

    try:
        _create(context, properties, rules, insert)
    except webob.exc.HTTPConflict as exc:
        raise errors.ImageExists(
            'An image with this id was made meanwhile') from exc
    except webob.exc.HTTPException as exc:
        raise _refused(exc) from exc


def _refused(cause: webob.exc.HTTPException) -> errors.ImageRefused:
    return errors.ImageRefused(
        f'The image cannot be made: {cause.explanation}')


class _Reserved:
    """Glance's database, where the row of a new image is there already."""

    def __init__(self, api: Any, task_id: str) -> None:
        self._api = api
        self._task_id = task_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def image_create(self, context: contexts.Context,
                     values: dict[str, Any]) -> Any:
        """Write the image into its row, and have it be seen then.

        :raises exception.Duplicate: the row is not one for this task
        """
        admin, image_id = contexts.admin(), values['id']
        if locks.holder(image_id) != self._task_id:
            raise exception.Duplicate
        try:
            self._api.image_update(admin, image_id, values,
                                   from_state=reservations.RESERVED)
        except (exception.NotFound, exception.Conflict) as exc:
            raise exception.Duplicate from exc
        if not db.transaction(lambda connection: reservations.become_image(
                connection, image_id, self._task_id)):
            raise exception.Duplicate
        return self._api.image_get(admin, image_id)


def discard(image_id: str, task_id: str) -> None:
    """Take away what :func:`add` made for a task; the id stays reserved."""
    def work(connection: db.Connection) -> None:
        there = connection.execute(sa.select(db.images.c.id).where(
            db.images.c.id == image_id,
            db.images.c.status == images.IMPORTING,
            locks.held(image_id, task_id)).with_for_update()).one_or_none()
        if there is not None:
            reservations.restore(connection, image_id, task_id)
    if locks.holder(image_id) == task_id:
        images.announce('image.delete', image_id)
    db.transaction(work)


def _create(context: contexts.Context, properties: dict[str, Any],
            rules: tuple[str, ...], then: Any) -> None:
    request = wsgi.Request.blank(
        '/v2/images', method='POST', body=json.dumps(properties).encode(),
        content_type='application/json')
    asked = _deserializer().create(request)

    def allow(image: Any) -> None:
        allowed = policy.ImagePolicy(context, image)
        for rule in rules:
            getattr(allowed, rule)()
        then(image)

    controller = copy.copy(_controller())
    controller.gateway = SimpleNamespace(
        get_image_factory=images.gateway().get_image_factory,
        get_repo=lambda context: SimpleNamespace(add=allow))
    controller.create(SimpleNamespace(context=context), **asked)


@functools.cache
def _controller() -> Any:
    return images_api.ImagesController()


@functools.cache
def _deserializer() -> Any:
    return images_api.RequestDeserializer(images_api.get_schema(
        images_api.load_custom_properties()))
