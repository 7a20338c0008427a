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
"""Images with copies in stores, and actions on them, in this process."""

from collections.abc import Callable, Sequence
import hashlib
from pathlib import Path
import tempfile
from typing import Any
from unittest import mock
import uuid

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions import run
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import notifications
from glance_ext.host import release
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.stores import fixture
from tests.unit import tables

IMAGE, ACTION = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
DATA = bytes(range(256)) * 1000


def url(store: str) -> str:
    """Return the address that a store gives to a copy of the image."""
    return f'faulty://user:password@{store}.invalid/{IMAGE}'


class StoredCase(tables.TablesCase):
    """A test has stores of its own, and a staging directory."""

    def setUp(self) -> None:
        super().setUp()
        self.options.config(http_retries=1)
        self.staging = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(
            staging, '_directory', lambda: self.staging))
        self.sent = self.enterContext(
            mock.patch.object(notifications, 'send'))
        self.enterContext(mock.patch.object(run, 'DELETION_LAG', 0))
        self.enterContext(mock.patch.object(
            release, 'has_green_threads', lambda: False))

    def install(self, **stores: fixture.Store) -> None:
        """Have these stores, the first of them the default."""
        self.stores = stores
        self.enterContext(fixture.stores(stores))

    def add_stored(self, status: str = 'active', data: bytes = DATA,
                   **columns: Any) -> None:
        """Add the image of this data, with no copy yet."""
        self.add_image(status, id=IMAGE, **{
            'size': len(data), 'checksum': hashlib.md5(
                data, usedforsecurity=False).hexdigest(),
            'os_hash_algo': 'sha512',
            'os_hash_value': hashlib.sha512(data).hexdigest(), **columns})

    def add_copy(self, store: str, data: bytes | None = DATA,
                 **columns: Any) -> int:
        """Add a copy that holds this; None: only what leads there."""
        if data is not None:
            self.stores[store].objects[IMAGE] = bytearray(data)
        moment = database.now()
        key: int = self.add(database.image_locations, **{
            'image_id': IMAGE, 'value': url(store),
            'meta_data': {'store': store}, 'status': 'active',
            'deleted': False, 'created_at': moment, 'updated_at': moment,
            **columns})
        return key

    def recorded(self) -> dict[str, int]:
        """Return the locations that the image has, by store."""
        return copies.in_stores(IMAGE, self.stores)

    def held(self) -> dict[str, bytes | None]:
        """Return what lies in each store under the image's id."""
        return {name: bytes(store.objects[IMAGE])
                if IMAGE in store.objects else None
                for name, store in self.stores.items()}

    def add_action(self, action_type: str, *, image_id: str | None = IMAGE,
                   result: dict[str, Any] | None = None, **spec: Any
                   ) -> record.Action:
        """Add a row that waits; it has the image's lock."""
        kept = record.new_spec(action_type, **{
            'caller': contexts.caller(contexts.admin()), 'sealed': {},
            **spec})
        task = tasks.insert(
            type_='api_image_import', owner=tables.PROJECT,
            image_id=image_id, user_id=None, request_id=None,
            message='Waiting', task_id=ACTION, input_={
                'image_id': image_id, 'backend': kept.get('stores', []),
                'glance_ext': kept})
        if image_id and kept.get('locks_image', True):
            locks.take(image_id, ACTION)
        return record.Action.of(task._replace(result=result or {}))

    def start(self, action: record.Action,
              statuses: Sequence[str] = ('active',)) -> run.Run:
        """Become the action's owner; its waits are cut short."""
        begun = run.Run(action, contexts.admin())
        begun.sleep = lambda seconds: begun.check()
        begun.start()
        begun.statuses = statuses
        return begun

    def refuses(self, kind: type[errors.ActionError], message: str,
                call: Callable[[], Any]) -> None:
        """See that a call fails with this error, and says so."""
        with self.assertRaises(errors.ActionError) as failure:
            call()
        self.assertEqual((kind, message), (
            type(failure.exception), failure.exception.message))
