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
"""The table of routes and what is made from it."""

import re
import unittest

import hypothesis
from hypothesis import strategies as st

from glance_ext import policies
from glance_ext.api import routes

SEGMENT = st.text(st.characters(max_codepoint=255, exclude_characters='/'),
                  min_size=1, max_size=12)


def filled(path: str, value: str) -> str:
    """Return a path of the table with ``value`` for what it leaves open."""
    return re.sub(r'\{\w+\}', lambda _: value, path)


class PatternTest(unittest.TestCase):
    def setUp(self):
        self.matches = routes.pattern().fullmatch
        self.paths = [route.path for route in routes.ROUTES]

    @hypothesis.settings(database=None, max_examples=200)
    @hypothesis.given(segment=SEGMENT)
    def test_it_matches_every_path_of_the_table(self, segment):
        for path in self.paths:
            self.assertTrue(self.matches(filled(path, segment)), path)

    @hypothesis.settings(database=None, max_examples=200)
    @hypothesis.given(segment=SEGMENT)
    def test_what_it_matches_the_mapper_knows(self, segment):
        mapper = routes.mapper()
        for path in self.paths:
            found = mapper.match(filled(path, segment), {})
            self.assertIsNotNone(found, path)
            self.assertIn(found['route'], self.paths)

    def test_it_matches_no_path_beside_them(self):
        known = {filled(path, 'x') for path in self.paths}
        for path in self.paths:
            real = filled(path, 'x')
            head, _, last = real.rpartition('/')
            for beside in (
                f'{real}/', f'{real}/x', f'/{real}', f'x{real}', real[1:],
                head, f'{head}/', f'{head}/x/{last}', f'{head}//{last}',
                real.replace('v2', 'v3'), real.replace('v2', 'V2'),
                real.replace('/v2', ''), real.upper(),
            ):
                with self.subTest(path=path, beside=beside):
                    self.assertEqual(beside in known,
                                     bool(self.matches(beside)))

    def test_a_line_end_behind_a_path_makes_it_another(self):
        for path in self.paths:
            if not path.endswith('}'):
                self.assertIsNone(self.matches(filled(path, 'x') + '\n'))

    def test_it_matches_none_of_glances_own(self):
        image = '71c675ab-d94f-49cd-a114-e12490b328d9'
        for path in (
            '/v2/images', f'/v2/images/{image}', f'/v2/images/{image}/file',
            f'/v2/images/{image}/tasks', f'/v2/images/{image}/import',
            f'/v2/images/{image}/members/x', '/v2/info/import',
            '/v2/info/stores', '/v2/info/stores/detail', '/v2/schemas/image',
            '/v2/schemas/images', '/v2/schemas/task', '/v2/tasks',
            f'/v2/tasks/{image}', '/v2/metadefs/namespaces/x/objects/hash',
            '/v2/cache/images/hash', '/versions', '/healthcheck', '',
        ):
            with self.subTest(path):
                self.assertIsNone(self.matches(path))


class TableTest(unittest.TestCase):
    def test_a_path_has_one_handler_for_each_method(self):
        seen = [(route.method, route.path) for route in routes.ROUTES]
        self.assertEqual(len(set(seen)), len(seen))
        self.assertEqual(
            {(method, path) for path, handlers in routes.methods().items()
             for method in handlers}, set(seen))

    def test_every_policy_is_a_rule_with_that_operation(self):
        rules = {rule.name: rule for rule in policies.list_rules()}
        for route in routes.ROUTES:
            if route.policy is not None:
                with self.subTest(route.policy):
                    self.assertIn(
                        {'method': route.method, 'path': route.path},
                        rules[route.policy].operations)

    def test_every_rule_guards_a_route(self):
        self.assertEqual(
            {rule.name for rule in policies.list_rules()},
            {route.policy for route in routes.ROUTES} - {None})
