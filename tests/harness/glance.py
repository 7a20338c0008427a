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
"""A real Glance, as a test speaks to it and looks into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
import time
from typing import Any

from tests.harness import instance
from tests.harness import web
from tests.harness.users import ADMIN
from tests.harness.users import User

# The columns that the images of old clouds lack.
LEGACY = {
    'bare': 'checksum = null, os_hash_algo = null, os_hash_value = null',
    'checksum': 'os_hash_algo = null, os_hash_value = null',
    'half': 'checksum = null, os_hash_value = null',
}


class Glance(instance.Instance):
    """A Glance with its API, its rows, its files and its faults.

    Methods that prepare or wait raise AssertionError with Glance's answer
    when it is not the one they need.
    """

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        user: User | None = ADMIN,
        timeout: float = 30,
    ) -> web.Response:
        """Send a request as ``user``; None sends no token."""
        sent = dict(headers or {})
        if user is not None:
            sent.setdefault('X-Auth-Token', self.token(user))
        url = self.url + path
        return web.request(url, method, body, sent, timeout, json)

    def token(self, user: User) -> str:
        """Return what ``user`` authenticates with here."""
        return self.keystone.token(user) if self.keystone else user.token

    def create(self, user: User | None = ADMIN, **properties: Any) -> Any:
        """Make an image without data; return it."""
        values = {'disk_format': 'raw', 'container_format': 'bare'}
        return self._expect(
            201,
            self.request('POST', '/v2/images', values | properties, user=user),
        ).json

    def upload(
        self,
        data: bytes | Iterable[bytes],
        user: User | None = ADMIN,
        stores: Sequence[str] = (),
        **properties: Any,
    ) -> str:
        """Make an active image; return its id.

        :param stores: where it is to lie, the first by upload and the others
            by Glance's own copy-image; the default store when empty.
        """
        image: str = self.create(user, **properties)['id']
        headers = {'Content-Type': 'application/octet-stream'}
        if stores:
            headers['X-Image-Meta-Store'] = stores[0]
        self._expect(
            204,
            self.request(
                'PUT',
                f'/v2/images/{image}/file',
                body=data,
                headers=headers,
                user=user,
                timeout=300,
            ),
        )
        if stores[1:]:
            self._copy(image, stores[1:])
        return image

    def _copy(self, image: str, stores: Sequence[str]) -> None:
        wanted = {'method': {'name': 'copy-image'}, 'stores': list(stores)}
        path = f'/v2/images/{image}/import'
        self._expect(202, self.request('POST', path, wanted))
        deadline = time.monotonic() + 60
        # The lock goes last, and with it Glance's last write to the image.
        while 'os_glance_import_task' in self.image(image):
            if time.monotonic() > deadline:
                raise AssertionError(self.tasks(image))
            time.sleep(0.05)
        found = self.image(image)['stores'].split(',')
        if not set(stores) <= set(found):
            raise AssertionError(self.tasks(image))

    def legacy(
        self,
        data: bytes | Iterable[bytes],
        shape: str = 'bare',
        user: User | None = ADMIN,
        stores: Sequence[str] = (),
        **properties: Any,
    ) -> str:
        """Make an active image as an old cloud has it; return its id.

        :param shape: ``bare`` has neither checksum nor hash, ``checksum``
            only the MD5, ``half`` an ``os_hash_algo`` without its value.
        """
        image = self.upload(data, user, stores, **properties)
        columns = LEGACY[shape]
        self.sql(f'update images set {columns} where id = ?', (image,))
        return image

    def image(self, image: str, user: User | None = ADMIN) -> Any:
        """Return the image as ``user`` sees it."""
        path = f'/v2/images/{image}'
        return self._expect(200, self.request('GET', path, user=user)).json

    def download(self, image: str, user: User | None = ADMIN) -> bytes:
        """Return the image's data."""
        path = f'/v2/images/{image}/file'
        return self._expect(200, self.request('GET', path, user=user)).body

    def tasks(self, image: str) -> Any:
        """Return the tasks of an image, as Glance shows them."""
        path = f'/v2/images/{image}/tasks'
        return self._expect(200, self.request('GET', path)).json['tasks']

    def action(self, action: str, user: User | None = ADMIN) -> Any:
        """Return one of our actions."""
        path = f'/v2/image-actions/{action}'
        return self._expect(200, self.request('GET', path, user=user)).json

    def wait_action(self, action: str, timeout: float = 30) -> Any:
        """Return an action once it is over, and undone if it failed."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.action(action)
            if found['phase'] == 'ended':
                return found
            if time.monotonic() > deadline:
                raise AssertionError(found)
            time.sleep(0.05)

    @staticmethod
    def _expect(status: int, answer: web.Response) -> web.Response:
        if answer.status != status:
            raise AssertionError(f'{answer.status}: {answer.text}')
        return answer

    # What lies behind the API.

    def sql(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement (``?`` for parameters) and return its rows."""
        return self.database.sql(statement, parameters)

    def store_file(self, store: str | None, image: str) -> Path:
        """Return where a file store keeps an image; None is the only one."""
        return self.directory / (store or 'images') / image

    def fault(self, kind: str, operation: str = 'get', **values: Any) -> str:
        """Make stores misbehave from now on; return the fault's id.

        See ``tests.harness.faults.Fault`` for the values.
        """
        return self.faults.add(kind, operation, **values)

    def fired(self, fault: str) -> int:
        """Return how often a fault has happened."""
        return self.faults.fired(fault)

    def clear_faults(self, *ids: str) -> None:
        """End these faults, or all of them."""
        self.faults.clear(*ids)


_shared: dict[str, Glance] = {}


def shared(**arguments: Any) -> Glance:
    """Return the running Glance of this process with these arguments.

    It is booted by the first call and ends with the process; faults of an
    earlier test are gone.
    """
    key = repr(sorted(arguments.items()))
    if key not in _shared or not _shared[key].answers():
        if key in _shared:
            _shared.pop(key).stop()
        _shared[key] = Glance(**arguments).start()
    _shared[key].clear_faults()
    return _shared[key]
