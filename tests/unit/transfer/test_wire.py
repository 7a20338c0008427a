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
"""Downloads through TLS and through a proxy."""

import tempfile
import traceback

from glance_ext import errors
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from glance_ext.transfer.wire import Transport
from tests.harness.backends import http_tls
from tests.harness.backends import proxy
from tests.harness.backends.behaviour import Pattern
from tests.unit.transfer.downloads import DownloadCase
from tests.unit.transfer.downloads import digest

MIB = 1 << 20


class TestSecure(DownloadCase):

    def setUp(self):
        super().setUp()
        where = self.enterContext(tempfile.TemporaryDirectory())
        self.pem = http_tls.certificate(where, 'localhost')
        self.secure = self.enterContext(http_tls.Server(self.pem))
        self.trusting = Transport(ca_file=str(self.pem))
        self.url = self.secure.serve('/image', 9 * MIB)

    def test_certificate_is_checked_against_the_name_not_the_address(self):
        for connections in (1, 3):
            self.assertEqual(digest(Pattern(9 * MIB)), digest(self.read(
                self.url, connections=connections, transport=self.trusting)))

    def test_certificate_for_another_name_is_refused(self):
        for host in ('elsewhere', '127.0.0.1'):
            with self.assertRaises(errors.RemoteRefused) as caught:
                self.read(self.url.replace('localhost', host),
                          transport=self.trusting)
            self.assertIn('for another name', str(caught.exception))

    def test_certificate_that_nobody_vouches_for_is_refused(self):
        with self.assertRaises(errors.RemoteRefused) as caught:
            self.read(self.url)
        self.assertIn('not trusted', str(caught.exception))
        self.assertEqual([], self.failures)

    def test_server_that_does_not_speak_tls_is_refused(self):
        url = self.server.serve('/image', b'')
        with self.assertRaises(errors.RemoteRefused):
            self.read(url.replace('http:', 'https:'))

    def test_no_redirect_leads_from_https_to_http(self):
        url = self.secure.serve('/old', b'', status=302,
                                location=self.server.serve('/image', b''))
        with self.assertRaises(errors.DestinationRefused) as caught:
            self.read(url, transport=self.trusting)
        self.assertIn('from https to http', str(caught.exception))
        self.assertEqual(0, self.server.connections)

    def test_cuts_are_noticed_and_gone_on_after(self):
        url = self.secure.serve('/cut', 9 * MIB, cut_every=2 * MIB)
        self.assertEqual(digest(Pattern(9 * MIB)), digest(self.read(
            url, transport=self.trusting)))

    def test_proxy_is_handed_the_address_and_tls_goes_by_the_name(self):
        with proxy.Proxy() as between:
            transport = Transport(
                ca_file=str(self.pem),
                proxy_url=between.url.replace('//', '//me:sec%72et@'))
            for connections in (1, 3):
                self.assertEqual(digest(Pattern(9 * MIB)), digest(self.read(
                    self.url, connections=connections, transport=transport)))
            self.assertEqual({('CONNECT', f'127.0.0.1:{self.secure.port}')},
                             set(between.asked))
            self.assertEqual('Basic bWU6c2VjcmV0', between.credentials)
            with self.assertRaises(errors.RemoteRefused):
                self.read(self.url.replace('localhost', 'elsewhere'),
                          transport=transport)


class TestProxy(DownloadCase):

    def test_proxy_is_handed_the_address_and_the_server_its_name(self):
        url = self.server.serve('/image', 9 * MIB)
        port = url.split(':')[2].split('/')[0]
        with proxy.Proxy() as between:
            data = self.read(f'http://elsewhere:{port}/image?x=1',
                             transport=Transport(proxy_url=between.url))
            self.assertEqual(
                [('GET', f'http://127.0.0.1:{port}/image?x=1')],
                between.asked)
        self.assertEqual(digest(Pattern(9 * MIB)), digest(data))
        self.assertEqual(f'elsewhere:{port}',
                         self.server.log('/image')[0].headers['host'])

    def test_address_of_ipv6_is_handed_on_in_brackets(self):
        with proxy.Proxy(404) as between:
            transport = Transport(proxy_url=between.url)
            for scheme in ('http', 'https'):
                with self.assertRaises(errors.RemoteRefused):
                    b''.join(Download(
                        f'{scheme}://[2600::abcd]:81/x', Rules(),
                        transport=transport).chunks())
            self.assertEqual([('GET', 'http://[2600::abcd]:81/x'),
                              ('CONNECT', '[2600::abcd]:81')], between.asked)

    def test_proxy_that_says_no_is_named(self):
        for status, cause in ((403, errors.RemoteRefused),
                              (502, errors.RemoteUnavailable)):
            with proxy.Proxy(status) as between, self.assertRaises(
                    cause) as caught:
                self.read('https://elsewhere/',
                          transport=Transport(proxy_url=between.url))
            self.assertEqual(f'the proxy answered {status}',
                             caught.exception.message)

    def test_proxy_has_to_be_an_http_proxy(self):
        for url in ('socks5://host:1', 'https://host', 'host:3128',
                    'http://me:secret@host:99999', 'http://me:secret@[::1',
                    'http://me:secret@ho st', 'http://me:secr\u0142et@host',
                    'https://me:secret@host', 'me:secret@host:3128'):
            with self.subTest(url), self.assertRaises(ValueError) as caught:
                _ = Transport(proxy_url=url).proxy
            text = ''.join(traceback.format_exception(caught.exception))
            self.assertNotIn('secr', text)
