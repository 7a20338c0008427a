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
"""What the hash call takes as a body, and what it refuses."""

from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import url
from tests.harness import glance

NOT_JSON = {
    'nothing but a brace': b'{',
    'a form': b'os_hash_algo=sha512',
    'two values': b'{} {}',
    'single quotes': b"{'os_hash_algo': 'sha512'}",
    'a name without quotes': b'{rehash: true}',
    'a comma too many': b'{"rehash": true,}',
    'a raw NUL': b'\0',
    'a raw NUL in a string': b'{"os_hash_algo": "sha512\0"}',
    'a name twice': b'{"os_hash_algo": "md5", "os_hash_algo": "sha512"}',
    'a byte order mark': b'\xef\xbb\xbf{}',
    'UTF-16': '{}'.encode('utf-16'),
    'UTF-32': '{}'.encode('utf-32'),
    'no UTF-8': b'\xff\xfe\xfd',
    'no UTF-8 in a string': b'{"os_hash_algo": "sha\xff512"}',
    'a surrogate in UTF-8': b'{"os_hash_algo": "\xed\xa0\x80"}',
    '64 KiB of brackets': b'[' * 65536,
    'brackets of both kinds': b'{"a":[' * 9000,
    'a number of 5000 digits': b'{"rehash": ' + b'1' * 5000 + b'}',
}
NOT_OF_THE_SCHEMA = {
    'a list': b'[]',
    'a string': b'"sha512"',
    'null': b'null',
    'a number': b'1',
    'not a number': b'NaN',
    'true': b'true',
    'a list of an object': b'[{}]',
    'an unknown property': b'{"algorithm": "sha512"}',
    'an unknown property beside a known one':
        b'{"os_hash_algo": "sha512", "x": 1}',
    'an empty name': b'{"": 1}',
    'a number as algorithm': b'{"os_hash_algo": 512}',
    'null as algorithm': b'{"os_hash_algo": null}',
    'a list as algorithm': b'{"os_hash_algo": ["sha512"]}',
    'an object as algorithm': b'{"os_hash_algo": {}}',
    'an empty algorithm': b'{"os_hash_algo": ""}',
    'an unknown algorithm': b'{"os_hash_algo": "sha9"}',
    'upper case': b'{"os_hash_algo": "SHA512"}',
    'an alias': b'{"os_hash_algo": "sha3-512"}',
    'a blank behind it': b'{"os_hash_algo": "sha512 "}',
    'a line end behind it': b'{"os_hash_algo": "sha512\\n"}',
    'a NUL behind it': b'{"os_hash_algo": "sha512\\u0000"}',
    'shake_128': b'{"os_hash_algo": "shake_128"}',
    'shake_256': b'{"os_hash_algo": "shake_256"}',
    'a lone surrogate': b'{"os_hash_algo": "\\ud800"}',
    'a lone surrogate as a name': b'{"\\udfff": 1}',
    'a name of 4 bytes': '{"\U0001f600": 1}'.encode(),
    'a long algorithm': b'{"os_hash_algo": "' + b'a' * 60000 + b'"}',
    'one as rehash': b'{"rehash": 1}',
    'a word as rehash': b'{"rehash": "true"}',
    'null as rehash': b'{"rehash": null}',
    'infinity as rehash': b'{"rehash": 1e999}',
    'deep as rehash': b'{"rehash": ' + b'[' * 30 + b']' * 30 + b'}',
}


class BodyTest(cases.HashCase):
    def setUp(self):
        super().setUp()
        self.image = self.glance.legacy(b'data')

    def check_refused(self, bodies, says):
        before = self.everything(self.image)
        for name, body in bodies.items():
            with self.subTest(name):
                answer = self.expect(400, self.post(self.image, body=body))
                self.assertIn(says, answer.text)
                self.assertLess(len(answer.body), 1000)
        self.assertEqual(before, self.everything(self.image))
        self.assertEqual([], self.glance.tasks(self.image))

    def test_400_for_what_is_not_json(self):
        self.check_refused(NOT_JSON, 'Malformed JSON in request body.')

    def test_400_for_what_is_not_of_the_schema(self):
        self.check_refused(NOT_OF_THE_SCHEMA, "'image-hash'")

    def test_400_for_what_is_nested_deeper_than_anything(self):
        self.check_refused({
            depth: b'{"rehash": ' + b'[' * depth + b']' * depth + b'}'
            for depth in (32, 400)}, 'nested too deeply')

    def test_400_at_any_depth(self):
        for depth in range(100, 1100, 11):
            for body in (b'[' * depth + b']' * depth,
                         b'{"rehash":' * depth + b'1' + b'}' * depth):
                self.assertEqual(
                    400, self.post(self.image, body=body).status, depth)

    def test_400_tells_which_algorithms_there_are(self):
        answer = self.post(self.image, {'os_hash_algo': 'crc32'})
        self.assertIn("'crc32'", answer.text)
        self.assertIn("'sha512'", answer.text)

    def test_an_empty_body_asks_for_the_default(self):
        for body, headers in (
            (None, {}),
            (b'', {'Content-Type': 'application/json'}),
            (b'{}', {}),
            (b' {\n} ', {'Content-Type': 'text/plain'}),
            ((b'', b'{', b'}'), {}),
            ((), {}),
        ):
            with self.subTest(body=body):
                image = self.glance.legacy(b'data')
                answer = self.post(image, body=body, headers=headers)
                action = self.ended(self.expect(202, answer).json['id'])
                self.assertEqual(
                    'sha512', self.succeeded(action)['os_hash_algo'])

    def test_413_begins_behind_64_kib(self):
        for size, status in ((65536, 202), (65537, 413), (5_000_000, 413)):
            body = b'{}'.ljust(size)
            for sent in (body, [body[:40000], body[40000:]]):
                with self.subTest(size=size, chunked=sent is not body):
                    image = self.glance.legacy(b'data')
                    answer = self.post(image, body=sent)
                    self.expect(status, answer)
                    if status == 202:
                        self.ended(answer.json['id'])
                    else:
                        self.assertEqual([], self.glance.tasks(image))


class EveryServerTest(cases.HashCase):
    """How a body comes in is each server's own affair."""

    def test_bodies_whole_chunked_and_too_large(self):
        for server in ('pyuwsgi', 'gunicorn'):
            with self.subTest(server), glance.Glance(
                    server=server, **self.arguments) as self.glance:
                for body in (None, b'', b'{}', [b'{', b'}'], [],
                             b'{}'.ljust(65536),
                             [b'{}'.ljust(40000), b' ' * 25536]):
                    self.check(202, body)
                for body in (b'{', [b'{'], [b'[' * 30000] * 2):
                    self.check(400, body)
                for size in (65537, 3_000_000):
                    self.check(413, b'{}'.ljust(size))
                    self.check(413, [b' ' * 40000] * (size // 32768))
                self.expect(405, self.glance.request(
                    'PUT', url(ABSENT), body=b'x' * 100_000))

    def check(self, status, body):
        image = self.glance.legacy(b'data')
        answer = self.expect(status, self.post(image, body=body))
        if status == 202:
            self.succeeded(self.ended(answer.json['id']))
