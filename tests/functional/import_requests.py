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
"""What the tests of image imports and exports have in common."""

import json
from typing import Any

import jsonschema

from tests.functional import cases
from tests.functional import disks
from tests.harness import web
from tests.harness.backends import http
from tests.harness.users import MEMBER

IMPORTS = '/v2/image-imports'
EXPIRES = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$'


class RequestCase(cases.HashCase):
    """A Glance, and a server to import from."""

    arguments: dict[str, Any] = {'config': {
        'DEFAULT': {'http_retries': 0, 'image_size_cap': 64 * disks.MIB},
        # What is written to this store can be watched.
        'glance_ext': {'download_read_timeout': 2,
                       'store_bytes_per_second': 'cold:200000'}}}

    def setUp(self) -> None:
        super().setUp()
        self.server = http.shared()

    def serve(self, data: bytes | int, **behaviour: Any) -> str:
        return self.server.serve(f'/{self.id()}', data, **behaviour)

    def ask(self, body: Any, user: Any = MEMBER, **headers: str
            ) -> web.Response:
        """Send a request for an import."""
        return self.glance.request(
            'POST', IMPORTS, body, user=user, headers={
                name.replace('_', '-'): value
                for name, value in headers.items()})

    def begin(self, location: str | None = None, user: Any = MEMBER,
              headers: dict[str, str] | None = None, **body: Any) -> str:
        """Have an import accepted; return its path."""
        asked = body | ({} if location is None else {'location': location})
        answer = self.expect(201, self.glance.request(
            'POST', IMPORTS, asked, user=user, headers=headers))
        self.assertEqual(b'', answer.body)
        place = answer.headers['Location']
        self.assertRegex(place, rf'^{self.glance.url}{IMPORTS}/[\w-]{{36}}$')
        return place.removeprefix(self.glance.url)

    def show(self, path: str, user: Any = MEMBER) -> Any:
        """Return an import or export, which is as its schema says."""
        found = self.expect(200, self.get(path, user=user)).json
        schema = self.schema(
            'image-import' if IMPORTS in path else 'image-export')
        jsonschema.validate(found, schema, jsonschema.Draft4Validator)
        return found

    def wait(self, path: str, user: Any = MEMBER, timeout: float = 30) -> Any:
        """Return it when it has ended, and is undone if it failed."""
        self.glance.wait_action(path.rpartition('/')[2], timeout)
        return self.show(path, user)

    def make(self, location: str, **body: Any) -> Any:
        """Import; return the image, as its owner sees it."""
        found = self.wait(self.begin(location, **body))
        self.assertEqual('success', found['status'], found)
        image = found['image_ref'].removeprefix('/v2/images/')
        return self.glance.image(image, MEMBER)

    def refused(self, path: str) -> str:
        """See that it failed and left nothing; return the message."""
        found = self.wait(path)
        self.assertEqual('failure', found['status'], found)
        self.assertRegex(found['expires-by'], EXPIRES)
        self.assert_nothing_left(path)
        return found['message']

    def assert_nothing_left(self, path: str) -> None:
        """See that neither an image nor a file of an import is there."""
        action = path.rpartition('/')[2]
        image = self.future(action)
        self.assertEqual([], self.glance.sql(
            'select id from images where id = ?', (image,)))
        staged = self.glance.directory / 'staging' / f'glance-ext-{action}'
        self.assertFalse(staged.exists(), staged)
        for store in self.glance.stores:
            self.assertFalse(self.glance.store_file(store, image).exists())

    def future(self, action: str) -> str:
        """Return the id that the image of an import has or was to have."""

        (found,) = self.glance.sql(
            'select input from task_info where task_id = ?', (action,))
        return json.loads(found[0])['glance_ext']['future_id']

    def upload(self, path: str, data: Any, user: Any = MEMBER,
               **headers: str) -> web.Response:
        sent = {'Content-Type': 'application/octet-stream'} | {
            name.replace('_', '-'): value for name, value in headers.items()}
        return self.glance.request('PUT', f'{path}/file', body=data,
                                   user=user, headers=sent)
