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
"""The schemas, and what passes the one of a request."""

import io
import unittest

from glance.common import wsgi
import jsonschema
import webob.exc

from glance_ext.api import schemas
from glance_ext.conf.hash import ALGORITHMS


def request(body: bytes) -> wsgi.Request:
    return wsgi.Request({
        'REQUEST_METHOD': 'POST', 'PATH_INFO': '/',
        'CONTENT_LENGTH': str(len(body)), 'wsgi.input': io.BytesIO(body)})


class ReadTest(unittest.TestCase):
    def read(self, body):
        return schemas.read(request(body), schemas.IMAGE_HASH)

    def test_no_body_is_an_empty_object(self):
        for body in (b'', b' \r\n\t', b'{}', b' { } '):
            with self.subTest(body):
                self.assertEqual({}, self.read(body))

    def test_what_fits_the_schema_comes_back(self):
        for algorithm in ALGORITHMS:
            body = f'{{"os_hash_algo": "{algorithm}", "rehash": true}}'
            self.assertEqual({'os_hash_algo': algorithm, 'rehash': True},
                             self.read(body.encode()))

    def test_escapes_are_what_they_stand_for(self):
        self.assertEqual({'rehash': False}, self.read(
            b'{"\\u0072ehash": false}'))

    def test_the_reason_is_short_and_of_plain_letters(self):
        for body in (b'{"\\ud800": 1}', b'{"%b": 1}' % (b'x' * 60000),
                     '{"os_hash_algo": "\U0001f600"}'.encode()):
            with self.subTest(body[:30]):
                with self.assertRaises(webob.exc.HTTPBadRequest) as caught:
                    self.read(body)
                reason = caught.exception.explanation
                self.assertTrue(reason.isascii())
                self.assertLess(len(reason), 400)

    def test_a_name_that_stands_twice_is_refused_anywhere(self):
        for body in (b'{"rehash": true, "rehash": true}',
                     b'{"os_hash_algo": {"a": 1, "a": 2}}'):
            with self.assertRaises(webob.exc.HTTPBadRequest) as caught:
                self.read(body)
            self.assertIn('Malformed', caught.exception.explanation)


class SchemaTest(unittest.TestCase):
    def test_each_is_a_schema_by_its_own_name(self):
        for name in schemas.NAMES:
            with self.subTest(name):
                schema = schemas.handler(name)(request(b'')).body
                jsonschema.Draft4Validator.check_schema(schema)
                self.assertEqual(name, schema['name'])

    def test_an_action_has_every_property_always(self):
        schema = schemas.IMAGE_ACTION
        self.assertEqual(set(schema['properties']), set(schema['required']))
