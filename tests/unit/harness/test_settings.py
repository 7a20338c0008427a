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
"""Where the harness puts its filters, and how it writes options."""

import configparser
import unittest

from tests.harness import settings

SHIPPED = """\
[composite:api]
paste.composite_factory = glance.api:pipeline_factory
default = cors osprofiler unauthenticated-context rootapp
keystone = cors osprofiler authtoken context rootapp
keystone+caching = cors osprofiler authtoken context cache rootapp

[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory

[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
"""


class PasteTest(unittest.TestCase):
    def pipelines(self, **changes):
        parser = configparser.RawConfigParser()
        parser.read_string(settings.paste(SHIPPED, **changes))
        return parser

    def test_untouched_without_changes(self):
        self.assertEqual(SHIPPED, settings.paste(SHIPPED, False, False))

    def test_filter_right_behind_the_context_of_every_flavour(self):
        found = self.pipelines(header_auth=False, extension=True)
        self.assertEqual(
            {
                'default': 'unauthenticated-context glance_ext rootapp',
                'keystone': 'context glance_ext rootapp',
                'keystone+caching': 'context glance_ext cache rootapp',
            },
            {
                name: ' '.join(found['composite:api'][name].split()[skip:])
                for name, skip in (
                    ('default', 2),
                    ('keystone', 3),
                    ('keystone+caching', 3),
                )
            },
        )
        use = found['filter:glance_ext']['use']
        self.assertEqual('egg:glance-ext#glance_ext', use)

    def test_header_authentication_in_the_place_of_auth_token(self):
        found = self.pipelines(header_auth=True, extension=False)
        for flavour in ('keystone', 'keystone+caching'):
            line = found['composite:api'][flavour].split()
            self.assertEqual(['headerauth', 'context'], line[2:4])
        self.assertIn('filter:headerauth', found)
        self.assertIn('filter:authtoken', found)


class OptionsTest(unittest.TestCase):
    def test_merge_changes_adds_and_takes_away(self):
        found = {'a': {'one': 1, 'two': 2}}
        settings.merge(found, {'a': {'one': None, 'two': 3}, 'b': {'x': ''}})
        self.assertEqual({'a': {'two': 3}, 'b': {'x': ''}}, found)

    def test_ini_is_what_oslo_config_reads(self):
        text = settings.ini({'DEFAULT': {'debug': True, 'workers': 2}})
        self.assertEqual('[DEFAULT]\ndebug = true\nworkers = 2\n', text)
