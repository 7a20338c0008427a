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
"""What the tests of a hash's life share: images, faults, and assertions."""

import hashlib
import os
import time
from typing import Any
import unittest

from tests.harness import glance

SIZE = 300_000
DATA = bytes(range(1, 251)) * (SIZE // 250)
NOTHING = (None, None, None)
#: The shortest heartbeat there is, and no second attempt.
QUICK = {
    'DEFAULT': {'http_retries': 0},
    'glance_ext': {'heartbeat_timeout': 10, 'max_running_actions': 16},
    'wsgi': {'task_pool_threads': 24},
}


def digests(data: bytes = DATA, algorithm: str = 'sha512') -> tuple[str, ...]:
    """Return what an image of ``data`` has once it is hashed."""
    return (
        hashlib.md5(data).hexdigest(),
        algorithm,
        hashlib.new(algorithm, data).hexdigest(),
    )


def fields(on: glance.Glance, image: str) -> tuple[str | None, ...]:
    """Return checksum, os_hash_algo and os_hash_value of the image's row."""
    query = (
        'select checksum, os_hash_algo, os_hash_value from images '
        'where id = ?'
    )
    return tuple(on.sql(query, (image,))[0])


def until(condition: Any, timeout: float = 30, every: float = 0.02) -> Any:
    """Return the first true value of ``condition()``.

    :raises AssertionError: after ``timeout`` seconds without one.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'not so within {timeout} s')
        time.sleep(every)
    return found


def begin(on: glance.Glance, image: str, **body: Any) -> str:
    """Have a hash calculated; return the action's id."""
    answer = on.request('POST', f'/v2/images/{image}/hash', body)
    if answer.status != 202:
        raise AssertionError(f'{answer.status}: {answer.text}')
    return str(answer.json['id'])


def locks(on: glance.Glance, *images: str) -> list[Any]:
    """Return which of the images are locked, deleted ones too."""
    marks = ', '.join('?' * len(images))
    return list(on.sql(
        'select image_id from image_properties where deleted = 0 and '
        f"name = 'os_glance_import_task' and image_id in ({marks})", images))


def remove_data(on: glance.Glance, store: str, image: str) -> None:
    """Take an image's object out of a file store, past Glance."""
    os.unlink(on.store_file(store, image))


class LifeCase(unittest.TestCase):
    """Tests of how a hash ends, on a Glance without a second attempt."""

    #: What ``glance.shared`` is given.
    arguments: dict[str, Any] = {'config': QUICK}

    def setUp(self) -> None:
        self.glance = glance.shared(**self.arguments)
        self.addCleanup(self.glance.clear_faults)

    def hash(self, image: str, **body: Any) -> Any:
        """Return the action of a hash once it is over."""
        return self.ended(begin(self.glance, image, **body))

    def ended(self, action: str) -> Any:
        """Return an action once it is over."""
        found = self.glance.wait_action(action)
        self.assertEqual('ended', found['phase'])
        return found

    def stall(self, image: str, at: int = SIZE // 2, **body: Any
              ) -> tuple[str, str]:
        """Begin a hash and stop it at a byte; return action and fault."""
        fault = self.glance.fault('stall', image=image, at=at)
        action = begin(self.glance, image, **body)
        until(lambda: self.glance.fired(fault))
        return action, fault

    def go_on(self, action: str, fault: str) -> Any:
        """End a stall; return the action once it is over."""
        self.glance.clear_faults(fault)
        return self.ended(action)

    def assertHashed(self, action: Any, image: str, data: bytes = DATA,
                     algorithm: str = 'sha512') -> None:
        """The action ended well and the image is whole and free."""
        self.assertEqual('success', action['status'], action)
        self.assertIsNone(action['error'])
        expected = digests(data, algorithm)
        self.assertEqual(expected, fields(self.glance, image))
        self.assertUsable(image, data)

    def assertFailed(self, action: Any, code: str,
                     image: str | None = None,
                     expected: tuple[str | None, ...] = NOTHING,
                     data: bytes | None = DATA) -> None:
        """The action failed with ``code`` and nothing of it is left.

        :param image: one that is still active, with ``expected`` recorded
        :param data: what it gives, or None where its data is damaged
        """
        self.assertEqual('failure', action['status'], action)
        self.assertEqual(code, action['error']['code'], action)
        self.assertEqual({}, action['result'])
        self.assertEqual([], locks(self.glance, action['image_id']))
        if image is not None:
            self.assertEqual(expected, fields(self.glance, image))
            self.glance.clear_faults()
            self.assertUsable(image, data)

    def assertUsable(self, image: str, data: bytes | None = DATA) -> None:
        """The image is active, unlocked, and gives ``data``."""
        found = self.glance.image(image)
        self.assertEqual('active', found['status'])
        self.assertNotIn('os_glance_import_task', found)
        if data is not None:
            self.assertEqual(data, self.glance.download(image))
