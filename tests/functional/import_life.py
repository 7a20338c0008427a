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
"""What the tests of copies and imports share: calls, rows and files."""

import json
import re
from typing import Any

from tests.functional.hash_life import DATA
from tests.functional.hash_life import LifeCase
from tests.functional.hash_life import locks
from tests.functional.hash_life import until
from tests.harness import glance
from tests.harness import users
from tests.harness import web

#: No second attempt, and events in the log.
QUICK: dict[str, dict[str, Any]] = {
    'DEFAULT': {'http_retries': 0},
    'glance_ext': {
        'heartbeat_timeout': 10,
        'max_running_actions': 16,
        'stall_timeout': 5,
    },
    'wsgi': {'task_pool_threads': 24},
    'oslo_messaging_notifications': {'driver': 'log'},
}
#: The three that can be written to, and one that cannot.
STORES = ('fast', 'slow', 'cold', 'web:http')
LISTS = ('os_glance_importing_to_stores', 'os_glance_failed_import')


def changed(**sections: Any) -> dict[str, dict[str, Any]]:
    """Return QUICK with other options in it."""
    found = {name: dict(values) for name, values in QUICK.items()}
    for name, values in sections.items():
        found.setdefault(name, {}).update(values)
    return found


def copying(*stores: str, **body: Any) -> dict[str, Any]:
    """Return the body that asks for copies in these stores."""
    named = {'stores': list(stores)} if stores else {}
    return {'method': {'name': 'copy-image'}, **named, **body}


def downloading(uri: str, *stores: str, **method: Any) -> dict[str, Any]:
    """Return the body that asks for the data at a URI."""
    named = {'stores': list(stores)} if stores else {}
    return {'method': {'name': 'web-download', 'uri': uri, **method}, **named}


class ImportCase(LifeCase):
    """Tests on a Glance with three stores and one that only reads."""

    arguments: dict[str, Any] = {'config': QUICK, 'stores': STORES}

    def ask(self, image: str, body: Any,
            user: users.User | None = users.ADMIN, **how: Any
            ) -> web.Response:
        """Ask for an import; return the answer."""
        return self.glance.request(
            'POST', f'/v2/images/{image}/import', body, user=user, **how)

    def refused(self, status: int, image: str, body: Any, **how: Any) -> str:
        """See that an import is answered so; return the answer's text."""
        before = self.rows(image)
        answer = self.ask(image, body, **how)
        self.assertEqual(status, answer.status, answer.text)
        self.assertEqual(before, self.rows(image))
        return answer.text

    def begin(self, image: str, body: Any, **how: Any) -> str:
        """Have an import accepted; return the action's id."""
        answer = self.ask(image, body, **how)
        self.assertEqual(202, answer.status, answer.text)
        action = answer.json
        self.assertTrue(answer.headers['Location'].endswith(action['self']))
        return str(action['id'])

    def run_import(self, image: str, body: Any, **how: Any) -> Any:
        """Return the action of an import once it is over."""
        return self.ended(self.begin(image, body, **how))

    def copy(self, image: str, *stores: str, **body: Any) -> Any:
        """Return the action of a copy once it is over."""
        return self.run_import(image, copying(*stores, **body))

    def stalled(self, image: str, body: Any, operation: str = 'get',
                at: int = len(DATA) // 2, **fault: Any) -> tuple[str, str]:
        """Begin an import that a store then holds up; return both ids."""
        id_ = self.glance.fault('stall', operation, image=image, at=at,
                                **fault)
        action = self.begin(image, body)
        until(lambda: self.glance.fired(id_))
        return action, id_

    def rows(self, image: str) -> dict[str, Any]:
        """Return what the database has of an image, but for its time.

        Locations that were taken away, and empty lists of stores, are as
        good as none.
        """
        sql = self.glance.sql
        columns = ('name', 'size', 'virtual_size', 'status', 'visibility',
                   'checksum', 'os_hash_algo', 'os_hash_value', 'deleted',
                   'min_disk', 'min_ram', 'protected', 'owner', 'os_hidden',
                   'disk_format', 'container_format')
        return {
            'image': [tuple(row) for row in sql(
                f'select {", ".join(columns)} from images where id = ?',
                (image,))],
            'properties': sorted(tuple(row) for row in sql(
                'select name, value from image_properties where deleted = 0 '
                'and image_id = ?', (image,)) if row[0] not in LISTS),
            'locations': sorted(tuple(row) for row in sql(
                'select value, meta_data, status from image_locations where '
                'deleted = 0 and image_id = ?', (image,))),
            'tags': sorted(tuple(row) for row in sql(
                'select value from image_tags where deleted = 0 and '
                'image_id = ?', (image,)))}

    def objects(self, image: str = '') -> list[str]:
        """Return the paths of an image's files, in stores and in staging."""
        return objects(self.glance, image)

    def stores(self, image: str) -> set[str]:
        """Return the stores in which the image says that it is."""
        return set(self.glance.image(image)['stores'].split(','))

    def lists(self, image: str) -> tuple[str, str]:
        """Return both lists of stores, as the image shows them."""
        found = self.glance.image(image)
        return tuple(found.get(name, '') for name in LISTS)  # type: ignore

    def patch(self, image: str, *operations: dict[str, Any]) -> None:
        """Change an image as its users do."""
        kind = 'application/openstack-images-v2.1-json-patch'
        answer = self.glance.request(
            'PATCH', f'/v2/images/{image}', list(operations),
            headers={'Content-Type': kind})
        self.assertEqual(200, answer.status, answer.text)

    def locate(self, image: str, url: str) -> None:
        """Give an image a location that does not tell its store."""
        self.glance.sql(
            'insert into image_locations (image_id, value, meta_data, '
            'created_at, deleted, status) values '
            "(?, ?, '{}', '2020-01-01 00:00:00', 0, 'active')", (image, url))

    def events(self, image: str) -> list[tuple[str, Any]]:
        """Return the events about an image so far, with their payloads."""
        found = []
        for kind, text in re.findall(
                r'oslo\.messaging\.notification\.(\S+) .*?(\{.*\})$',
                self.glance.log(), re.MULTILINE):
            payload = json.loads(text)['payload']
            if image in (payload.get('id'), payload.get('image_id')):
                found.append((kind, payload))
        return found

    def assertCopied(self, action: Any, image: str, *stores: str,
                     failed: tuple[str, ...] = (), data: bytes = DATA
                     ) -> None:
        """The action ended well: these stores, and those before, have it."""
        self.assertEqual('success', action['status'], action)
        self.assertEqual(sorted(stores), action['result']['stores'])
        self.assertEqual(sorted(failed),
                         sorted(action['result']['failed_stores']))
        self.assertLessEqual(set(stores), self.stores(image))
        for store in stores:
            self.assertEqual(
                data, self.glance.store_file(store, image).read_bytes())
        for store in failed:
            self.assertFalse(self.glance.store_file(store, image).exists())
        self.assertEqual(('', ','.join(failed)), self.lists(image))
        self.assertEqual([], locks(self.glance, image))
        self.assertEqual([], staged(self.glance))
        self.glance.clear_faults()
        self.assertUsable(image, data)

    def assertUndone(self, action: Any, code: str, before: Any,
                     objects: list[str]) -> None:
        """The action failed, and nothing is otherwise than before."""
        self.assertEqual('failure', action['status'], action)
        self.assertEqual(code, action['error']['code'], action)
        image = action['image_id']
        self.assertEqual({}, action['result'])
        self.assertEqual(objects, self.objects(image))
        self.assertEqual([], locks(self.glance, image))
        if before is not None:
            self.assertEqual(before, self.rows(image))


def objects(on: glance.Glance, image: str = '') -> list[str]:
    """Return what lies in the file stores and in staging."""
    return sorted(
        str(path.relative_to(on.directory))
        for place in ('fast', 'slow', 'cold', 'staging')
        for path in (on.directory / place).rglob(f'{image}*')
        if path.is_file())


def staged(on: glance.Glance) -> list[str]:
    """Return what the extension has in staging."""
    return [path.name for path in
            (on.directory / 'staging').glob('glance-ext-*')]
