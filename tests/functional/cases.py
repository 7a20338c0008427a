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
"""What the tests of the HTTP face have in common: calls and images."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import time
from typing import Any
import unittest

import jsonschema

from tests.harness import glance
from tests.harness import users
from tests.harness import web
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import READER
from tests.harness.users import SYSTEM
from tests.harness.users import UNSCOPED

Glance = glance.Glance

#: For tests that write actions into the tables themselves.
TRUSTING = {'trust_actions_before': '2100-01-01T00:00:00Z'}
ABSENT = '00000000-0000-4000-8000-000000000000'


def url(image: str) -> str:
    """Return the path of the hash call of an image."""
    return f'/v2/images/{image}/hash'


def until(condition: Callable[[], Any], timeout: float = 30) -> Any:
    """Return what ``condition`` gives as soon as it is true.

    :raises AssertionError: after ``timeout`` seconds without.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'not so within {timeout} s')
        time.sleep(0.02)
    return found


class HashCase(unittest.TestCase):
    """A Glance with the extension, shared by what boots it alike."""

    #: What ``glance.shared`` is given.
    arguments: dict[str, Any] = {'config': {'DEFAULT': {'http_retries': 0}}}
    maxDiff = None

    def setUp(self) -> None:
        self.glance = glance.shared(**self.arguments)
        self.addCleanup(self.glance.clear_faults)

    def get(self, path: str, **how: Any) -> web.Response:
        return self.glance.request('GET', path, **how)

    def post(self, image: str, asked: Any = None, **how: Any) -> web.Response:
        """Ask for the hash of an image, with ``asked`` as its JSON body."""
        return self.glance.request('POST', url(image), asked, **how)

    def expect(self, status: int, answer: web.Response) -> web.Response:
        """Fail with the whole answer unless it has this status."""
        self.assertEqual(status, answer.status, answer.text)
        return answer

    def accept(self, image: str, **asked: Any) -> Any:
        """Have a hash accepted and return the action of the answer."""
        action = self.expect(202, self.post(image, asked)).json
        self.check_action(action)
        return action

    def hash(self, image: str, **asked: Any) -> Any:
        """Have a hash calculated and return the action when it is over."""
        return self.ended(self.accept(image, **asked)['id'])

    def ended(self, action: str) -> Any:
        """Wait for the end of an action and return it."""
        found = self.glance.wait_action(action)
        self.check_action(found)
        self.assertEqual('ended', found['phase'])
        return found

    def succeeded(self, action: Any) -> Any:
        """See that the action has succeeded; return its result."""
        self.assertEqual('success', action['status'], action)
        self.assertIsNone(action['error'])
        return action['result']

    def failed(self, code: str, action: Any) -> None:
        """See that the action has failed for that cause."""
        self.assertEqual('failure', action['status'], action)
        self.assertEqual(code, action['error']['code'], action)
        self.assertEqual({}, action['result'])

    def check_action(self, action: Any) -> None:
        """See that an action is what its own schema says, no less or more."""
        schema = self.schema('image-action')
        jsonschema.validate(action, schema, jsonschema.Draft4Validator)
        self.assertEqual(set(schema['properties']), set(action))
        path = f'/v2/image-actions/{action["id"]}'
        self.assertEqual(path, action['self'])
        self.assertEqual('/v2/schemas/image-action', action['schema'])

    def schema(self, name: str) -> Any:
        """Return a schema as this server shows it."""
        return self.expect(200, self.get(f'/v2/schemas/{name}')).json

    def digests(self, image: str) -> tuple[str | None, ...]:
        """Return checksum, algorithm and value as the database has them."""
        (found,) = self.glance.sql(
            'select checksum, os_hash_algo, os_hash_value from images '
            'where id = ?', (image,))
        return tuple(found)

    def lock(self, image: str) -> str | None:
        """Return the id of the task that holds the image, if any."""
        found = self.glance.sql(
            'select value from image_properties where deleted = 0 and '
            "name = 'os_glance_import_task' and image_id = ?", (image,))
        return found[0][0] if found else None

    def set_columns(self, image: str, **columns: str | None) -> None:
        """Write to the image's row as another writer would."""
        values = ', '.join(f'{name} = ?' for name in columns)
        self.glance.sql(f'update images set {values} where id = ?',
                        (*columns.values(), image))

    def everything(self, image: str) -> list[Any]:
        """Return all that the database has of an image."""
        return [
            self.glance.sql(f'select * from {table} where {key} = ?', (image,))
            for table, key in (
                ('images', 'id'),
                ('image_properties', 'image_id'),
                ('image_locations', 'image_id'),
                ('image_tags', 'image_id'),
            )
        ]

    @contextlib.contextmanager
    def reading(self, image: str, **asked: Any) -> Iterator[Any]:
        """Have an action that reads for as long as the block lasts."""
        fault = self.glance.fault('stall', image=image)
        try:
            action = self.accept(image, **asked)
            until(lambda: self.glance.fired(fault))
            yield action
        finally:
            self.glance.clear_faults(fault)


@dataclasses.dataclass(frozen=True)
class State:
    """A kind of image, and what each caller's POST is answered with.

    ``make`` returns the id of a new one, which MEMBER's project owns.
    """

    name: str
    make: Callable[[Glance], str]
    admin: int
    #: The project's member and reader, who see it and may not hash it.
    project: int = 403
    other: int = 404
    unscoped: int = 404


def _legacy(**properties: Any) -> Callable[[Glance], str]:
    values = {'visibility': 'private'} | properties
    return lambda server: server.legacy(b'data', user=MEMBER, **values)


def _queued(server: Glance) -> str:
    return server.create(user=MEMBER, visibility='private')['id']


def _hashed(server: Glance) -> str:
    return server.upload(b'data', user=MEMBER, visibility='private')


def _deactivated(server: Glance) -> str:
    image = _legacy()(server)
    _done(server.request('POST', f'/v2/images/{image}/actions/deactivate'))
    return image


def _deleted(server: Glance) -> str:
    image = _legacy()(server)
    _done(server.request('DELETE', f'/v2/images/{image}', user=MEMBER))
    return image


def _shared_with_other(server: Glance) -> str:
    image = _legacy(visibility='shared')(server)
    # Asking Glance itself also works where projects have ids of their own.
    project = server.create(user=OTHER)['owner']
    _done(server.request('POST', f'/v2/images/{image}/members',
                         {'member': project}, user=MEMBER))
    return image


def _public(server: Glance) -> str:
    image = _legacy()(server)
    patch = [{'op': 'replace', 'path': '/visibility', 'value': 'public'}]
    kind = 'application/openstack-images-v2.1-json-patch'
    _done(server.request('PATCH', f'/v2/images/{image}', patch,
                         headers={'Content-Type': kind}))
    return image


def _done(answer: web.Response) -> None:
    if answer.status >= 300:
        raise AssertionError(f'{answer.status}: {answer.text}')


STATES = (
    State('queued', _queued, 409),
    State('active', _legacy(), 202),
    State('active with a hash', _hashed, 409),
    State('half', lambda server: server.legacy(
        b'data', 'half', MEMBER, visibility='private'), 202),
    State('deactivated', _deactivated, 409),
    State('deleted', _deleted, 404, 404),
    State('hidden', _legacy(os_hidden=True), 202),
    State('protected', _legacy(protected=True), 202),
    State('shared with nobody', _legacy(visibility='shared'), 202),
    State('shared with the other', _shared_with_other, 202, other=403),
    State('community', _legacy(visibility='community'), 202, other=403),
    State('public', _public, 202, other=403),
)


class WhoMay(HashCase):
    """Every caller and every kind of image; run where it is subclassed."""

    def test_every_caller_and_every_kind_of_image(self) -> None:
        for state in STATES:
            with self.subTest(state.name):
                self.assertEqual({
                    'nobody': 401,
                    'unscoped': state.unscoped,
                    'system': 404,
                    'other': state.other,
                    'reader': state.project,
                    'member': state.project,
                    'admin': state.admin,
                }, self.answers(state.make(self.glance)))

    def answers(self, image: str) -> dict[str, int]:
        """Return who is answered what, the administrator last."""
        found = {}
        for name, user in (
            ('nobody', NOBODY), ('unscoped', UNSCOPED), ('system', SYSTEM),
            ('other', OTHER), ('reader', READER), ('member', MEMBER),
            ('admin', ADMIN),
        ):
            answer = self.post(image, user=user)
            found[name] = answer.status
            self.check_seen(image, user, answer.status)
            if answer.status == 202:
                self.ended(answer.json['id'])
        return found

    def check_seen(self, image: str, user: users.User | None,
                   answered: int) -> None:
        """See that the call hides what Glance hides, and nothing else."""
        shown = self.glance.request('GET', f'/v2/images/{image}', user=user)
        expected = answered if answered in (401, 404) else 200
        self.assertEqual(expected, shown.status, f'{user}: {shown.text}')
