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


"""Filters of v1 ask v2 for the same images."""

import unittest

from glance.db.sqlalchemy import models
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from glance_ext.compat import filters
from glance_ext.compat import translate

QUICKLY = settings(deadline=None, max_examples=50, database=None)

OTHERS = ('properties', 'limit', 'sort', 'size_min', '')


class QueryTest(unittest.TestCase):
    @QUICKLY
    @given(st.from_regex(r'[porety-]{1,8}[a-z_]{0,8}x', fullmatch=True))
    def test_a_property_keeps_the_letters_of_the_prefix(self, name):
        query = filters.query({f'property-{name}': 'v'})
        self.assertEqual(({name: 'v'}, {}), (query.params, query.rest))

    def test_is_public_is_asked_for_or_looked_at(self):
        for value, params, rest in (
            (None, {}, {}),
            ('none', {}, {}),
            (True, {'visibility': 'public'}, {}),
            ('1', {'visibility': 'public'}, {}),
            ('False', {}, {'is_public': False}),
            (False, {}, {'is_public': False}),
        ):
            query = filters.query({'is_public': value})
            self.assertEqual((params, rest), (query.params, query.rest))

    def test_not_public_includes_the_shared_and_the_communitys(self):
        query = filters.query({'is_public': 'false'})
        for visibility in ('private', 'shared', 'community', 'public'):
            image = translate.from_v2({'visibility': visibility})
            self.assertEqual(visibility != 'public', query.matches(image))

    def test_is_public_that_is_neither_is_refused(self):
        with self.assertRaises(ValueError):
            filters.query({'is_public': 'maybe'})

    def test_a_value_is_never_an_operator(self):
        query = filters.query({'name': 'in:a,b', 'status': 'active'})
        self.assertEqual(
            {'name': 'in:"in:a,b"', 'status': 'active'}, query.params
        )
        quoted = filters.query({'name': 'eq:"'})
        self.assertEqual({}, quoted.params)
        self.assertTrue(quoted.matches(translate.from_v2({'name': 'eq:"'})))
        self.assertFalse(quoted.matches(translate.from_v2({'name': '"'})))

    def test_changes_since_includes_that_second(self):
        query = filters.query({'changes-since': '2026-01-01T00:00:00Z'})
        self.assertEqual(
            {'updated_at': 'gte:2026-01-01T00:00:00Z'}, query.params
        )

    @QUICKLY
    @given(st.sampled_from(sorted(translate.BASE)), st.text(max_size=5))
    def test_a_property_named_like_a_base_one_matches_no_image(
        self, name, value
    ):
        query = filters.query({f'property-{name}': value})
        self.assertEqual({}, query.params)
        self.assertFalse(query.matches(translate.from_v2({name: value})))

    def test_no_property_is_asked_for_under_a_name_that_v2_misreads(self):
        columns = {n for n in dir(models.Image) if not n.startswith('_')}
        for name in {*columns, *OTHERS}:
            with self.subTest(name):
                query = filters.query({f'property-{name}': 'v'})
                self.assertEqual({}, query.params)

    def test_what_v2_cannot_be_asked_is_looked_at(self):
        query = filters.query({'property-limit': '5'})
        for value, expected in (('5', True), ('6', False)):
            image = translate.from_v2({'limit': value})
            self.assertEqual(expected, query.matches(image))
