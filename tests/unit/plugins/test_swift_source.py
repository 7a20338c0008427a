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
"""The token goes to the public endpoint, and to what the location names."""

from types import SimpleNamespace
import unittest
from unittest import mock

from glance_ext import errors
from glance_ext.plugins import sources
from glance_ext.plugins import swift_source

ENDPOINTS = {'publicURL': 'https://swift.example.org/v1/AUTH_x',
             'internalURL': 'http://10.0.0.5:8080/v1/AUTH_x',
             'adminURL': 'http://10.0.0.5:8081'}
CATALOG = [{'type': 'object-store', 'endpoints': [ENDPOINTS]}]


class SwiftSourceTest(unittest.TestCase):

    def setUp(self):
        self.source = swift_source.Swift()
        self.context = SimpleNamespace(service_catalog=CATALOG,
                                       auth_token='token')
        self.download = self.enterContext(mock.patch.object(
            swift_source.web_download, 'download'))
        self.enterContext(mock.patch.object(
            sources, 'opened', side_effect=lambda download: download))

    def open(self, location: str) -> str:
        """Return the URL that is asked for."""
        self.source.open(SimpleNamespace(context=self.context),
                         sources.Location(location, ''), 100)
        return self.download.call_args[0][1]

    def test_public_endpoint_is_asked(self):
        self.assertEqual(
            'https://swift.example.org/v1/AUTH_x/c/some/object',
            self.open('swift://swift.example.org/AUTH_x/c/some/object'))

    def test_other_endpoints_are_no_sources(self):
        for host in ('10.0.0.5:8080', '10.0.0.5:8081', '10.0.0.5'):
            with self.subTest(host), self.assertRaises(
                    errors.DestinationRefused):
                self.open(f'swift://{host}/AUTH_x/c/object')
        self.download.assert_not_called()

    def test_path_that_leads_elsewhere_is_refused(self):
        for path in ('../AUTH_y/c/o', 'AUTH_x/../AUTH_y/o', 'AUTH_x/c/../../o',
                     './c/o', 'AUTH_x/%2e%2e/o', 'AUTH_x/c/%2E%2E/o',
                     'AUTH_x/c/.%2e/o', 'AUTH_x/c/%2e', 'AUTH_x/c/a%2f..%2fo',
                     'AUTH_x%2f..%2fAUTH_y/c/o', 'AUTH_x/c%2fd/o',
                     'AUTH_x%2Fc/d/o', 'AUTH_x/c', 'AUTH_x//o', '/c/o',
                     'AUTH_x/c/o?x=y', 'AUTH_x/c/o#x', 'AUTH_x/c/\xfc',
                     'AUTH_x/c/o%00', 'AUTH_x/c/o%0d%0aX:%20y'):
            with self.subTest(path), self.assertRaises(ValueError):
                self.source.split(f'swift://h/{path}', self.context)

    def test_names_with_dots_and_escapes_are_allowed(self):
        for path in ('AUTH_x/c/...', 'AUTH_x/c/.hidden', 'AUTH_x/c/a%2Fb',
                     'AUTH_x/c/a%20b', 'AUTH_x/c.d/%C3%BC', 'AUTH_x/c/a//b'):
            with self.subTest(path):
                self.assertEqual(
                    sources.Location(f'swift://h/{path}', ''),
                    self.source.split(f'swift://h/{path}', self.context))
