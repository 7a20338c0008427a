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
"""The options of a host say where it connects to, and how."""

import unittest
from unittest import mock

from glance_ext import errors
from glance_ext.plugins import destinations
from glance_ext.plugins import web_download
from glance_ext.transfer import wire

PRIVATE = 'https://10.1.2.3/image'


class OptionsTest(unittest.TestCase):
    def setUp(self):
        conf = mock.Mock()
        self.enterContext(mock.patch.object(destinations.cfg, 'CONF', conf))
        self.filters = conf.import_filtering_opts
        for each in ('schemes', 'hosts', 'ports'):
            setattr(self.filters, f'allowed_{each}', [])
            setattr(self.filters, f'disallowed_{each}', [])
        self.options = conf.glance_ext
        self.options.deny_private_networks = False
        self.options.export_allowed_hosts = []

    def refuses(self, exporting=False):
        """Tell whether a private address is refused."""
        try:
            destinations.rules(exporting).check(PRIVATE)
        except errors.DestinationRefused:
            return True
        return False

    def test_private_networks(self):
        self.assertEqual((False, True), (self.refuses(), self.refuses(True)))
        self.options.deny_private_networks = True
        self.assertTrue(self.refuses())

    def test_a_host_that_is_listed(self):
        self.options.deny_private_networks = True
        self.filters.allowed_hosts = ['10.1.2.3']
        self.assertFalse(self.refuses())
        self.filters.allowed_ports = [8443]
        self.assertTrue(self.refuses())

    def test_source_that_is_trusted_is_no_trusted_target(self):
        self.filters.allowed_hosts = ['10.1.2.3', 'example.org']
        self.assertEqual((False, True), (self.refuses(), self.refuses(True)))
        self.options.export_allowed_hosts = ['10.1.2.3']
        self.assertFalse(self.refuses(True))
        self.options.export_allowed_hosts = ['10.1.2.4']
        self.assertTrue(self.refuses(True))

    def test_metadata_address_is_no_target_by_the_list_of_sources(self):
        self.filters.allowed_hosts = ['169.254.169.254']
        with self.assertRaises(errors.DestinationRefused):
            destinations.rules(exporting=True).parse(
                'http://169.254.169.254/')

    def test_exports_go_nowhere_that_the_lists_of_sources_leave_out(self):
        self.filters.allowed_hosts = ['example.org']
        with self.assertRaises(errors.DestinationRefused):
            destinations.rules(exporting=True).parse('http://example.net/')

    def test_how_it_connects(self):
        for name, value in (
                ('download_proxy', 'http://proxy:3128'),
                ('download_ca_file', None),
                ('download_connect_timeout', 7), ('download_read_timeout', 8)):
            setattr(self.options, name, value)
        made = self.enterContext(mock.patch.object(wire, 'Transport'))
        self.assertIs(made.return_value, web_download.transport())
        made.assert_called_once_with('http://proxy:3128', None, 7, 8)
