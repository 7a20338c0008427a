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
"""Which stores an action needs, and what it is told where they lack."""

import unittest
from unittest import mock

from oslo_config import cfg

from glance_ext.actions import jobboard
from glance_ext.actions import reach
from glance_ext.host import images
from tests.unit.actions import rows


class Case(unittest.TestCase):
    """An image has a copy in each of ``self.sources``."""

    def setUp(self):
        self.sources = ['fast']
        self.tokens = set()
        for module, name, new in (
                (reach.images, 'locations', self.locations),
                (reach.drivers, 'default_store', lambda: 'fast'),
                (reach.drivers, 'store_of', lambda place: place.store),
                (reach.drivers, 'known', lambda: ['fast', 'slow', 'users']),
                (reach.drivers, 'needs_token', self.tokens.__contains__)):
            self.enterContext(mock.patch.object(module, name, new))

    def locations(self, image_id, default):
        self.assertEqual(('i', 'fast'), (image_id, default))
        return [images.Location(number, store, f'file:///{store}')
                for number, store in enumerate(self.sources)]

    def action(self, *targets):
        return rows.unstored({'action_type': 'copy',
                              'stores': list(targets)})


class StoresTest(unittest.TestCase):
    def test_those_that_the_operator_enabled(self):
        for enabled, found in (
                ({'slow': 'rbd', 'fast': 'file',
                  'os_glance_staging_store': 'file'}, ['fast', 'slow']),
                (None, [])):
            conf = mock.Mock(enabled_backends=enabled)
            with mock.patch.object(cfg, 'CONF', conf):
                self.assertEqual(found, reach.stores())


class LackingTest(Case):
    def test_it_needs_every_target_and_one_source(self):
        for sources, targets, having, lacking in (
                (['fast'], ['slow'], ['fast', 'slow'], ''),
                (['fast'], ['slow'], ['fast'], "store 'slow'"),
                (['fast'], ['slow', 'cold'], ['fast'],
                 "store 'cold', store 'slow'"),
                (['fast', 'cold'], ['slow'], ['slow', 'cold'], ''),
                (['fast', 'cold'], ['slow'], ['slow'],
                 "any of store 'cold', store 'fast'"),
                (['', 'cold'], [], ['slow'], ''),
                ([], [], ['slow'], ''),
                (['fast'], ['slow'], [], '')):
            with self.subTest(sources=sources, targets=targets,
                              having=having):
                self.sources = sources
                self.assertEqual(lacking, reach.lacking(
                    self.action(*targets), having))

    def test_what_an_action_waits_for_in_words(self):
        workers = [jobboard.Worker('one', 1, frozenset({'fast'})),
                   jobboard.Worker('two', 2, frozenset({'cold'}))]
        action = self.action('slow')
        for living, words in (
                ([], 'Waiting: no glance-ext-worker is running'),
                (workers, "Waiting: no worker has store 'slow'"),
                ([*workers, jobboard.Worker('three', 3, frozenset())],
                 'Waiting for a worker')):
            self.assertEqual(words, jobboard.why_waiting(action, living))


class TokenTest(Case):
    def test_none_where_every_store_has_an_account(self):
        self.assertFalse(reach.needs_token(['fast', 'slow'], 'i'))

    def test_for_a_target_that_acts_as_the_caller(self):
        self.tokens.add('users')
        self.assertTrue(reach.needs_token(['slow', 'users'], 'i'))
        self.assertFalse(reach.needs_token(['slow'], 'i'))
        self.assertTrue(reach.needs_token(['users'], None))
        self.assertFalse(reach.needs_token(['slow'], None))

    def test_for_an_image_that_is_in_no_other_store(self):
        self.tokens.add('users')
        for sources, needed in ((['users'], True), (['users', 'fast'], False),
                                ([], False)):
            self.sources = sources
            self.assertIs(needed, reach.needs_token(['slow'], 'i'))
