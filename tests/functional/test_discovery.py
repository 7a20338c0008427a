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
"""``GET /v2/info/glance-ext`` and ``GET /v2/schemas/...``."""

import hashlib
from importlib import metadata

import jsonschema

from glance_ext.api import routes
from glance_ext.api import schemas
from tests.functional import cases
from tests.harness.users import NOBODY
from tests.harness.users import READER


class InfoTest(cases.HashCase):
    def info(self):
        answer = self.expect(200, self.get('/v2/info/glance-ext', user=READER))
        self.assertEqual('application/json', answer.headers['Content-Type'])
        return answer.json

    def test_it_names_what_this_node_can_do(self):
        info = self.info()
        self.assertEqual({'version', 'action_types', 'import_methods',
                          'hash_algorithms', 'limits'}, set(info))
        self.assertEqual(metadata.version('glance-ext'), info['version'])
        self.assertIn('hash', info['action_types'])
        self.assertEqual(65536, info['limits']['request_body_bytes'])
        self.assertTrue(all(isinstance(limit, int)
                            for limit in info['limits'].values()))

    def test_algorithms_are_the_guaranteed_ones_of_a_fixed_short_digest(self):
        expected = sorted(
            name for name in hashlib.algorithms_guaranteed
            if 0 < hashlib.new(name).digest_size * 2 <= 128)
        self.assertEqual(expected, self.info()['hash_algorithms'])

    def test_nobody_is_told(self):
        self.expect(401, self.get('/v2/info/glance-ext', user=NOBODY))


class SchemaTest(cases.HashCase):
    def test_every_schema_is_a_schema(self):
        for name in schemas.NAMES:
            with self.subTest(name):
                schema = self.schema(name)
                jsonschema.Draft4Validator.check_schema(schema)
                self.assertEqual(name, schema['name'])
                self.assertIn('properties', schema)

    def test_every_request_refuses_unknown_properties(self):
        schema = self.schema('image-hash')
        self.assertIs(False, schema['additionalProperties'])

    def test_the_names_of_the_contract_are_there(self):
        self.assertLessEqual({'image-hash', 'image-action'},
                             set(schemas.NAMES))

    def test_an_unknown_schema_is_404(self):
        self.expect(404, self.get('/v2/schemas/image-nothing'))

    def test_glances_own_schemas_stay(self):
        for name in ('image', 'images', 'task', 'tasks', 'members'):
            with self.subTest(name):
                self.assertEqual(name, self.schema(name)['name'])

    def test_the_schema_of_a_request_says_what_is_accepted(self):
        schema = self.schema('image-hash')
        algorithms = schema['properties']['os_hash_algo']['enum']
        self.assertEqual(
            self.get('/v2/info/glance-ext').json['hash_algorithms'],
            algorithms)

    def test_every_route_of_the_table_is_served(self):
        for route in routes.ROUTES:
            path = route.path.replace('{', '').replace('}', '')
            with self.subTest(path):
                answer = self.glance.request(route.method, path)
                self.assertIn(answer.status, (200, 201, 404))
                self.assertNotIn('The resource could not be found',
                                 answer.text)
