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
"""Which requests for imports are answered here, and what is offered."""

import json
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture
import webob.exc

from glance_ext import conf
from glance_ext.actions import plugin
from glance_ext.api import imports
from glance_ext.host import release
from glance_ext.plugins import copy_image


class Elsewhere(copy_image.CopyImage):
    """A method that another package brings."""

    name = 'elsewhere'


class ImportsCase(unittest.TestCase):

    def setUp(self):
        config = self.enterContext(fixture.Config(cfg.CONF))
        release.register_missing_opts(cfg.CONF)
        conf.register_opts(cfg.CONF)
        self.option = config.config
        self.option(enabled_import_methods=['glance-direct', 'copy-image'])

    def ours(self, body):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return imports.is_ours(raw)


class MethodsTest(ImportsCase):

    def test_built_in_methods_have_to_be_enabled_in_glance(self):
        self.assertEqual(['copy-image'], list(imports.taken_over()))
        self.assertEqual(['glance-direct', 'copy-image'], imports.offered())
        self.assertFalse(imports.adds_methods())

    def test_with_an_empty_option_nothing_is_taken_over(self):
        self.option(group='glance_ext', import_methods=[])
        self.assertEqual({}, imports.taken_over())

    def test_methods_from_elsewhere_need_nobody_elses_word(self):
        self.option(group='glance_ext', import_methods=['elsewhere'])
        with mock.patch.object(plugin, 'load',
                               {'elsewhere': Elsewhere()}.__getitem__):
            self.assertEqual(['glance-direct', 'copy-image', 'elsewhere'],
                             imports.offered())
            self.assertTrue(imports.adds_methods())
            listed = imports.info(None).body['import-methods']
            self.assertEqual(imports.offered(), listed['value'])
            self.assertTrue(self.ours({'method': {'name': 'elsewhere'}}))

    def test_a_method_that_is_none_is_refused_by_name(self):
        for name in ('hash', 'import', 'nowhere'):
            self.option(group='glance_ext', import_methods=[name])
            with self.assertRaisesRegex(ValueError, name):
                imports.taken_over()


class OursTest(ImportsCase):

    def test_what_is_ours_and_what_is_glances(self):
        self.assertTrue(self.ours({'method': {'name': 'copy-image'}}))
        for body in ({'method': {'name': 'glance-direct'}},
                     {'method': {'name': 'web-download', 'uri': 'x'}},
                     {'method': {'name': 'glance-download'}},
                     {'method': {}}):
            with self.subTest(body):
                self.assertFalse(self.ours(body))

    def test_what_nobody_could_take_is_refused(self):
        for body in (b'', b'{', b'\xff', b'[' * 5000, [], 1, None, {},
                     {'method': None}, {'method': {'name': []}},
                     {'method': {'name': 'glance-direct', 'uri': 'x'}},
                     {'method': {'name': 'glance-direct',
                                 'hash_uri': 'x'}},
                     {'method': {'name': 'glance-direct'},
                      'dry_run': False}):
            with (self.subTest(body),
                  self.assertRaises(webob.exc.HTTPBadRequest)):
                self.ours(body)
