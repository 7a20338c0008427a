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
"""The lock of an image for a moment, without an action.

Its task is a plain row of Glance's, so that no node takes the lock for
stale before Glance would: an hour after a process died that held it.
"""

from collections.abc import Iterator
import contextlib

from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks


@contextlib.contextmanager
def taken(image_id: str, purpose: str) -> Iterator[bool]:
    """Hold the lock while the block runs.

    :param purpose: what the task's row says that it is for
    :returns: False where the image is gone, or somebody else holds the lock
    """
    image = images.read(image_id)
    if image is None or locks.holder(image_id):
        yield False
        return
    task = tasks.insert(
        type_='api_image_import', owner=image.owner or '', image_id=image_id,
        user_id=None, request_id=None, message=purpose,
        status=tasks.PROCESSING, input_={
            'image_id': image_id, 'backend': [],
            'import_req': {'method': {'name': purpose}}})
    try:
        yield _take(image_id, task.id)
    finally:
        db.transaction(lambda connection: locks.drop(
            connection, image_id, task.id))
        tasks.remove(task.id)


def _take(image_id: str, task_id: str) -> bool:
    try:
        return locks.take(image_id, task_id)
    except locks.ImageGone:
        return False
