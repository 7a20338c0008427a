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
"""Pages of lists."""

import unittest
from unittest import mock

from glance.common import wsgi
from oslo_config import cfg
import webob.exc

from glance_ext.actions import node
from glance_ext.api import pages

MARKER = '71c675ab-d94f-49cd-a114-e12490b328d9'
CHECKS = {'colour': ('red', 'green').__contains__}


def read(query: str) -> pages.Page:
    return pages.read(wsgi.Request.blank(f'/?{query}'), CHECKS)


class ReadTest(unittest.TestCase):
    def test_without_a_query_it_is_the_first_page_of_all(self):
        self.assertEqual(
            (cfg.CONF.limit_param_default, None, {}, {}), read(''))

    def test_a_limit_is_never_more_than_the_api_s(self):
        self.assertEqual(cfg.CONF.api_limit_max, read('limit=99999').limit)
        self.assertEqual(7, read('limit=7').limit)

    def test_what_is_refused(self):
        for query in ('limit=x', 'limit=-1', 'limit=1&limit=1', 'marker=x',
                      f'marker={MARKER}&marker={MARKER}', 'colour=blue',
                      'colour=red&colour=red', 'colour', 'shape=round'):
            with self.subTest(query), self.assertRaises(
                    webob.exc.HTTPBadRequest):
                read(query)


class LinksTest(unittest.TestCase):
    def test_they_keep_the_query_and_only_the_next_has_a_marker(self):
        page = read(f'limit=2&colour=red&marker={MARKER}')
        self.assertEqual(
            {'first': '/x?limit=2&colour=red',
             'next': '/x?limit=2&colour=red&marker=last'},
            page.links('/x', 'last'))

    def test_the_last_page_has_no_next(self):
        self.assertEqual({'first': '/x'}, read('').links('/x', None))


class FillTest(unittest.TestCase):
    def fill(self, limit, *stretches):
        asked = iter(stretches)
        found = pages.fill(pages.Page(limit, None, {}, {}), (
            node.Stretch([mock.Mock(id=each) for each in ids], looked_at,
                         last) for ids, looked_at, last in asked), list)
        return [each.id for each in found[0]], found[1], len(list(asked))

    def test_a_full_page_goes_on_behind_its_last_entry(self):
        self.assertEqual(([*'ab'], 'b', 1), self.fill(
            2, ('a', 1, 'a'), ('bc', 2, 'c'), ('d', 1, 'd')))

    def test_the_last_page_is_told(self):
        self.assertEqual(([*'ab'], None, 0), self.fill(2, ('ab', 2, 'b')))
        self.assertEqual(([], None, 0), self.fill(2))

    def test_what_is_rare_is_not_searched_for_without_end(self):
        self.assertEqual((['a'], 'z', 1), self.fill(
            25, ('a', 150, 'y'), ('', 150, 'z'), ('b', 150, 'x')))
        # A page that may have more looks at more.
        self.assertEqual((['a', 'b'], 'x', 0), self.fill(
            400, ('a', 150, 'y'), ('', 150, 'z'), ('b', 150, 'x')))
