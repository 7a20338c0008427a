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
"""What the tests of verification have in common."""

from typing import Any

from tests.functional import cases

SIZE = 1 << 20
DATA = bytes(range(1, 256)) * (SIZE // 255) + bytes(SIZE % 255)
OTHER = DATA[::-1]


def flip(data: bytes) -> bytes:
    """One bit, in the middle."""
    found = bytearray(data)
    found[len(data) // 2] ^= 1
    return bytes(found)


def zero(data: bytes) -> bytes:
    """A block of 4 KiB."""
    return data[:8192] + bytes(4096) + data[12288:]


def cut(data: bytes) -> bytes:
    return data[:len(data) // 3]


def lengthen(data: bytes) -> bytes:
    return data + b'more'


#: ``{name: (what becomes of the data, verdict, range)}``
DAMAGE: dict[str, Any] = {
    'bit': (flip, 'corrupt', (SIZE // 2, SIZE // 2)),
    'block': (zero, 'corrupt', (8192, 12287)),
    'cut': (cut, 'short', None),
    'longer': (lengthen, 'corrupt', (SIZE, SIZE + 3)),
    'gone': (lambda data: None, 'missing', None),
}


class VerifyCase(cases.HashCase):
    """A Glance whose images have copies in ``fast`` and ``slow``."""

    STORES = 'fast', 'slow'

    def image(self, data: bytes = DATA, **properties: Any) -> str:
        return self.glance.upload(data, stores=self.STORES, **properties)

    def ask(self, image: str, **body: Any) -> Any:
        return self.glance.request(
            'POST', f'/v2/images/{image}/verify', body)

    def verify(self, image: str, **body: Any) -> Any:
        """Have an image verified; return the action when it is over."""
        answer = self.expect(202, self.ask(image, **body))
        self.check_action(answer.json)
        found = self.glance.wait_action(answer.json['id'], timeout=180)
        self.check_action(found)
        return found

    def verdicts(self, action: Any) -> dict[str, str]:
        return {store: found['verdict']
                for store, found in action['result']['stores'].items()}

    def good(self, action: Any, *stores: str) -> Any:
        """See that all copies are good; return the result."""
        result = self.succeeded(action)
        self.assertEqual(dict.fromkeys(stores or self.STORES, 'good'),
                         self.verdicts(action))
        return result

    def bad(self, action: Any, **stores: str) -> Any:
        """See which copies are bad; return the stores of the result."""
        self.assertEqual('failure', action['status'], action)
        self.assertEqual('bad_copy', action['error']['code'], action)
        self.assertEqual(stores, self.verdicts(action))
        self.assertIsNone(self.lock(action['image_id']))
        return action['result']['stores']

    def damage(self, image: str, how: Any, store: str = 'slow',
               data: bytes = DATA) -> None:
        """Change a copy past Glance."""
        file = self.glance.store_file(store, image)
        damaged = how(data)
        if damaged is None:
            file.unlink()
        else:
            file.write_bytes(damaged)

    def whole(self, image: str, data: bytes = DATA,
              stores: tuple[str, ...] = STORES) -> None:
        """See that every copy is right, recorded once, and free."""
        for store in stores:
            self.assertEqual(
                data, self.glance.store_file(store, image).read_bytes())
        found = self.glance.image(image)
        self.assertEqual(sorted(stores), sorted(found['stores'].split(',')))
        self.assertEqual(data, self.glance.download(image))
        self.assertIsNone(self.lock(image))
