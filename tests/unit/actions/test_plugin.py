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
"""How the kinds of action are found."""

import unittest

from glance_ext.actions import plugin
from glance_ext.plugins import copy_image
from glance_ext.plugins import hash as hash_


class PluginTest(unittest.TestCase):
    def test_the_types_of_both_namespaces_are_known_in_order(self):
        self.assertEqual(['copy-image', 'export', 'hash', 'import', 'verify',
                          'web-download'], plugin.types())
        self.assertIs(plugin.types(), plugin.types())

    def test_a_type_has_one_plugin_a_process(self):
        for type_, class_ in (('hash', hash_.Hash),
                              ('copy-image', copy_image.CopyImage)):
            self.assertIsInstance(plugin.load(type_), class_)
            self.assertIs(plugin.load(type_), plugin.load(type_))

    def test_nobody_is_warned_of_a_namespace_that_is_not_the_one(self):
        plugin.load.cache_clear()
        with self.assertNoLogs('stevedore', 'WARNING'):
            plugin.load('copy-image')

    def test_a_type_without_a_plugin_is_an_error(self):
        with self.assertRaises(KeyError) as caught:
            plugin.load('invented')
        self.assertEqual(('invented',), caught.exception.args)
