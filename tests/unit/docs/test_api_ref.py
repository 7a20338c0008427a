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

import json
import pathlib
import re
import unittest
from unittest import mock

import jsonschema
from oslo_config import cfg

from glance_ext import conf
from glance_ext.api import discovery
from glance_ext.api import imports
from glance_ext.api import routes
from glance_ext.api import schemas
from glance_ext.host import release
from glance_ext.plugins import web_download

SOURCE = pathlib.Path(__file__).parents[3] / 'api-ref' / 'source'
METHOD = re.compile(r'^\.\. rest_method::\s+(\S+)\s+(\S+)$', re.MULTILINE)


def sections() -> dict[tuple[str, str], str]:
    """Return the text of each call's section, by method and path."""
    found = {}
    for page in sorted(SOURCE.glob('*.inc')):
        pieces = METHOD.split(page.read_text(encoding='utf-8'))[1:]
        for method, path, text in zip(
            pieces[::3], pieces[1::3], pieces[2::3], strict=True
        ):
            found[method, path] = text
    return found


def parameters(text: str) -> list[set[str]]:
    """Return the names in each of a section's lists of parameters."""
    lists = re.findall(
        r'rest_parameters:: parameters.yaml\n\n((?:   - .*\n)+)', text
    )
    return [set(re.findall(r'- ([\w.-]+):', each)) for each in lists]


def sample(name: str) -> object:
    path = SOURCE / 'samples' / f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8'))


class RoutesTest(unittest.TestCase):
    def test_every_route_is_documented_and_no_other(self):
        self.assertEqual(
            {
                IMPORT,
                *((route.method, route.path) for route in routes.ROUTES),
            },
            set(sections()),
        )

    def test_the_policy_of_a_route_is_named_where_it_is_documented(self):
        documented = sections()
        for route in routes.ROUTES:
            if route.policy:
                with self.subTest(route.path):
                    text = documented[route.method, route.path]
                    self.assertIn(f'``{route.policy}``', text)

    def test_the_status_codes_are_the_same_in_words_and_in_the_list(self):
        for (method, path), text in sections().items():
            with self.subTest(f'{method} {path}'):
                words = re.findall(r'response codes: ([\d, ]+)', text)
                lists = re.findall(
                    r'rest_status_code:: \w+ http-status.yaml\n\n'
                    r'((?:   - .*\n)+)',
                    text,
                )
                self.assertEqual(2, len(words))
                self.assertEqual(
                    [line.split(', ') for line in words],
                    [re.findall(r'- (\d+)', each) for each in lists],
                )


class ParametersTest(unittest.TestCase):
    def test_the_hash_request_has_the_properties_of_its_schema(self):
        request, _ = parameters(sections()['POST', HASH_PATH])
        self.assertEqual(
            {'image_id', *schemas.IMAGE_HASH['properties']}, request
        )

    def test_the_verify_request_has_the_properties_of_its_schema(self):
        request, _ = parameters(sections()['POST', VERIFY_PATH])
        self.assertEqual(
            {'image_id', *schemas.IMAGE_VERIFY['properties']}, request
        )

    def test_the_action_has_the_properties_of_its_schema(self):
        _, response = parameters(sections()['GET', ACTION_PATH])
        self.assertEqual(set(schemas.IMAGE_ACTION['properties']), response)

    def test_the_list_has_the_properties_of_its_schema(self):
        _, response = parameters(sections()['GET', LIST_PATH])
        self.assertEqual(set(schemas.IMAGE_ACTIONS['properties']), response)

    def test_discovery_has_the_properties_of_its_answer(self):
        (response,) = parameters(sections()['GET', '/v2/info/glance-ext'])
        self.assertEqual(set(sample('info-response')), response)


    def test_an_import_has_what_the_code_takes(self):
        request, _ = parameters(sections()[IMPORT])
        methods = web_download.WebDownload.properties
        self.assertEqual(
            {
                'X-Image-Meta-Store',
                'image_id',
                'method',
                'method.name',
                *(f'method.{name}' for name in methods),
                *imports.SCHEMA['properties'],
            },
            request,
        )


class SamplesTest(unittest.TestCase):
    def test_imports_are_valid(self):
        for name in ('copy', 'download'):
            with self.subTest(name):
                jsonschema.validate(
                    sample(f'image-import-{name}-request'), imports.SCHEMA
                )

    def test_requests_are_valid(self):
        for name in ('image-hash-request', 'image-hash-rehash-request'):
            with self.subTest(name):
                jsonschema.validate(sample(name), schemas.IMAGE_HASH)
        jsonschema.validate(
            sample('image-verify-request'), schemas.IMAGE_VERIFY
        )

    def test_actions_are_valid_and_complete(self):
        for name in (
            'image-hash-response',
            'image-verify-response',
            'image-verify-bad-copy',
            'image-action-processing',
            'image-action-success',
            'image-action-failure',
        ):
            with self.subTest(name):
                action = sample(name)
                jsonschema.validate(action, schemas.IMAGE_ACTION)
                self.assertEqual(
                    set(schemas.IMAGE_ACTION['properties']), set(action)
                )

    def test_the_list_is_valid_and_complete(self):
        page = sample('image-actions-response')
        jsonschema.validate(page, schemas.IMAGE_ACTIONS)
        self.assertEqual(
            set(schemas.IMAGE_ACTIONS['properties']), set(page)
        )

    def test_schemas_are_those_of_the_code(self):
        for schema in (
            schemas.IMAGE_HASH,
            schemas.IMAGE_VERIFY,
            schemas.IMAGE_ACTION,
            schemas.IMAGE_ACTIONS,
        ):
            with self.subTest(schema['name']):
                self.assertEqual(
                    schema, sample(f'schema-{schema["name"]}-response')
                )

    def test_discovery_is_what_the_code_answers(self):
        release.register_missing_opts(cfg.CONF)
        conf.register_opts(cfg.CONF)
        documented = sample('info-response')
        with mock.patch.object(
            release, 'has_green_threads', return_value=False
        ):
            answered = discovery.show(None).body
        del documented['version'], answered['version']
        self.assertEqual(answered, documented)

    def test_every_sample_is_shown(self):
        shown = re.findall(
            r'literalinclude:: samples/(\S+)', '\n'.join(sections().values())
        )
        there = [path.name for path in (SOURCE / 'samples').iterdir()]
        self.assertEqual(sorted(there), sorted(shown))


# Glance's own call: no route of ours.
IMPORT = ('POST', '/v2/images/{image_id}/import')
HASH_PATH = '/v2/images/{image_id}/hash'
VERIFY_PATH = '/v2/images/{image_id}/verify'
LIST_PATH = '/v2/image-actions'
ACTION_PATH = '/v2/image-actions/{action_id}'
