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
"""However a URL is spelt, it leads where it says, or nowhere."""

import ipaddress
import socket
import unittest
from unittest import mock
import urllib.parse

import urllib3.util

from glance_ext import errors
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.destinations import Target
from glance_ext.transfer.http_line import Line
from glance_ext.transfer.http_line import Route
from tests.harness import urls

PUBLIC = '93.184.216.34'
INSIDE = '10.9.8.7'
METADATA = {'168.63.129.16', '100.100.100.200', '192.0.0.192'}


class UrlGrammarTest(unittest.TestCase):
    count = 20_000
    seed = 30

    def setUp(self):
        self.asked: list[tuple[str, int]] = []
        self.opened: list[tuple[tuple[str, ...], int]] = []
        self.transport = wire.Transport()
        self.rules = Rules(resolver=self.resolve, deny_private=True)
        self.enterContext(mock.patch.object(wire, '_open', self.open))
        self.enterContext(mock.patch.object(wire, '_secure', self.secure))

    def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return [INSIDE if 'inside' in host or host == 'localhost' else PUBLIC]

    def open(self, addresses: tuple[str, ...], port: int, *_: object
             ) -> socket.socket:
        """Connect to nobody; the answer is there before the request."""
        self.opened.append((addresses, port))
        near, self.far = socket.socketpair()
        self.far.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        near.settimeout(5)
        return near

    def secure(self, sock: socket.socket, context: object, host: str,
               *_: object) -> socket.socket:
        self.certified = host
        return sock

    def test_what_is_accepted_leads_where_it_says(self):
        accepted = 0
        for url in urls.spellings(self.seed, self.count):
            self.asked.clear()
            try:
                target = self.rules.check(url)
            except errors.DestinationRefused as exc:
                self.assertNotIn('8.8.8.8', exc.message)
                continue
            accepted += 1
            with self.subTest(url):
                self.check_names(url, target)
                self.check_addresses(target)
                self.check_request(url, target)
        self.assertGreater(accepted, self.count / 10)

    def check_names(self, url: str, target: Target) -> None:
        """Two parsers of others read the same; and so does ours, again."""
        one, other = urllib.parse.urlsplit(url), urllib3.util.parse_url(url)
        self.assertEqual((one.scheme, other.scheme),
                         (target.scheme, target.scheme))
        self.assertIn(target.scheme, ('http', 'https'))
        self.assertEqual((None, None, None),
                         (one.username, one.password, other.auth))
        for host in (one.hostname, other.host.strip('[]')):
            self.assertEqual(target.host, str(ipaddress.ip_address(host))
                             if ':' in host else host)
        standard = {'http': 80, 'https': 443}[target.scheme]
        self.assertEqual((target.port, target.port),
                         (one.port or standard, other.port or standard))
        self.assertRegex(target.path, '^/[!-~]*$')
        self.assertNotIn('#', target.path)
        self.assertNotRegex(target.host, r'[^a-z0-9._:-]|\.\.|\.$|^\.')
        self.assertEqual(target, self.rules.check(target.url))

    def check_addresses(self, target: Target) -> None:
        try:
            expected = str(ipaddress.ip_address(target.host))
            self.assertEqual([], self.asked)
        except ValueError:
            expected = PUBLIC
            self.assertEqual({(target.host, target.port)}, set(self.asked))
        self.assertEqual((expected,), target.addresses)
        address = ipaddress.ip_address(expected)
        address = getattr(address, 'ipv4_mapped', None) or address
        self.assertTrue(address.is_global and not address.is_multicast
                        and str(address) not in METADATA, address)

    def check_request(self, url: str, target: Target) -> None:
        """The request goes to that address, under that name."""
        self.opened.clear()
        line = Line(Route(url, self.rules), self.transport, lambda: None)
        line.get({})
        line.close()
        with self.far:
            request = self.far.recv(65536).decode('ascii')
        self.assertEqual([(target.addresses, target.port)], self.opened)
        first, *fields = request.split('\r\n')
        self.assertEqual(f'GET {target.path} HTTP/1.1', first)
        self.assertEqual([f'Host: {target.netloc}'], [
            each for each in fields if each.lower().startswith('host:')])
        self.assertEqual(['', ''], fields[-2:])
        if target.scheme == 'https':
            self.assertEqual(target.host, self.certified)
