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
"""Where a transfer may connect to, and where never."""

import re
import socket
import types
from typing import Any
import unittest
from unittest import mock
import urllib.parse

import urllib3.util

from glance_ext import errors
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download
from tests.harness.backends import http

PUBLIC = '93.184.216.34'

#: What is refused without a look at a name service, and why.
HOSTILE = {
    'loopback address': [
        'http://127.0.0.1/', 'http://127.0.0.1:80/x', 'http://127.255.0.9/',
        'HTTP://127.0.0.1/', 'http://[::1]/', 'http://[0:0:0:0:0:0:0:1]/',
        'http://[0000::0001]/', 'http://[::ffff:127.0.0.1]/',
        'http://[::FFFF:7f00:1]/', 'https://[::ffff:7f00:0001]:443/',
    ],
    'unspecified address': [
        'http://0.0.0.0/', 'http://0.1.2.3/', 'http://[::]/',
        'http://[::ffff:0.0.0.0]/',
    ],
    'link-local address': [
        'http://169.254.1.1/', 'http://[fe80::1]/', 'http://[febf::1]/',
        'http://[::ffff:169.254.3.4]/',
    ],
    'metadata address': [
        'http://169.254.169.254/latest/meta-data', 'http://100.100.100.200/',
        'http://192.0.0.192/', 'http://168.63.129.16/',
        'http://[fd00:ec2::254]/', 'http://[FD00:0EC2:0::0254]/',
        'http://[fd20:ce::254]/', 'http://[::ffff:169.254.169.254]/',
        'http://[::ffff:a9fe:a9fe]/',
    ],
    'multicast address': [
        'http://224.0.0.1/', 'http://239.255.255.250/', 'http://[ff02::1]/',
        'http://[ff0e::1]/',
    ],
    'reserved address': [
        'http://255.255.255.255/', 'http://240.0.0.1/', 'http://192.0.2.1/',
        'http://198.18.0.1/', 'http://203.0.113.9/', 'http://[2001:db8::1]/',
        'http://[fec0::1]/', 'http://[2002:7f00:1::]/',
        'http://[2002:a9fe:a9fe::]/', 'http://[2001:0:4136:e378::1]/',
        'http://[64:ff9b::127.0.0.1]/', 'http://[64:ff9b::a9fe:a9fe]/',
        'http://[64:ff9b:1::1]/', 'http://[::127.0.0.1]/',
        'http://[::ffff:0:127.0.0.1]/', 'http://[100::1]/',
    ],
    'usual notation': [
        'http://2130706433/', 'http://017700000001/', 'http://0x7f000001/',
        'http://0X7F000001/', 'http://127.1/', 'http://127.0.1/',
        'http://0177.0.0.1/', 'http://0x7f.0.0.1/', 'http://127.0.0x0.1/',
        'http://0x7f.1/', 'http://127.0.0.01/', 'http://0/', 'http://0x/',
        'http://127.0.0.1.1/', 'http://256.256.256.256/', 'http://1.2.3/',
        'http://example.1/', 'http://example.0x7f/',
    ],
    'ends in a dot': [
        'http://localhost./', 'http://127.0.0.1./', 'http://example.org./',
    ],
    'user info': [
        'http://user@example.org/', 'http://user:word@example.org/',
        'http://@example.org/', 'http://example.org:80@127.0.0.1/',
        'http://example.org@127.0.0.1/', 'http://%31@127.0.0.1/',
        'http://127.0.0.1%2f@example.org/',
    ],
    'not ASCII': [
        'http://①②⑦.⓪.⓪.①/', 'http://127。0。0。1/', 'http://ｌocalhost/',
        'http://ex\u00e4mple.org/', 'http://example.org\u2100.net/',
        'http://example.org/\u0130',
    ],
    'not a plain URI': [
        '', 'example.org', '//example.org/', 'http:/example.org',
        'http:///example.org/', 'http:example.org', 'http://',
        'http://[::1/', 'http://::1/', 'http://[fe80::1%eth0]/',
        'http://[fe80::1%25eth0]/', 'http://[::1]example.org/',
        'http://%31%32%37.0.0.1/',
        'http://example%2eorg/', 'http://example.org%00/',
        'http://127.0.0.1\\@example.org/',
        'http://example.org\\.evil.net/', 'http:\\\\example.org\\',
        'http://example.org/a\\b', 'http://exam\tple.org/',
        'http://example.org\n/', ' http://example.org/',
        'http://example.org/ x', 'http://example.org/\r\nHost: evil',
        'http://example.org/\x00', 'http://example.org:/',
        'http://example.org:0/', 'http://example.org:080/',
        'http://example.org:65536/', 'http://example.org:+80/',
        'http://example.org:80:80/', 'http://example.org?@127.0.0.1/',
        'http://example.org#@127.0.0.1/', 'http://[::1]:80:80/',
    ],
    'no address': [
        'http://[127.0.0.1]/', 'http://[::1::2]/', 'http://[1::2:3::4]/',
    ],
    'neither a name nor an address': [
        'http://example..org/', 'http://.example.org/', 'http://-a.org/',
        f'http://{"a" * 64}.org/', f'http://{"a." * 130}org/',
        f'http://{"a." * 125}orgs/',
    ],
    'neither http nor https': [
        'file://host/etc/passwd', 'ftp://example.org/',
        'gopher://example.org/', 'unix://socket/',
    ],
}
#: The same, by names that a name service has these addresses for.
HOSTILE_ANSWERS = {
    'loopback address': ['127.0.0.1', '::1', '::ffff:127.0.0.1'],
    'link-local address': ['169.254.7.7', 'fe80::1', 'fe80::1%2'],
    'metadata address': ['169.254.169.254', '100.100.100.200',
                         '168.63.129.16', 'fd00:ec2::254'],
    'reserved address': ['64:ff9b::1.2.3.4', '2002::1', 'fec0::1',
                         '240.0.0.1', '::127.0.0.1'],
    'unspecified address': ['0.0.0.0', '::'],
    'multicast address': ['224.0.0.251'],
}
#: The longest name that there can be: 253 characters.
LONGEST = 'a.' * 125 + 'org'
#: What goes through, and what is made of it.
PLAIN = {
    f'http://{LONGEST}/': ('http', LONGEST, 80, '/'),
    'http://example.org': ('http', 'example.org', 80, '/'),
    'HTTPS://Example.ORG/a%20b?q=1#part': (
        'https', 'example.org', 443, '/a%20b?q=1'),
    'https://example.org:8443/@x?u=http://a@b': (
        'https', 'example.org', 8443, '/@x?u=http://a@b'),
    'http://xn--bcher-kva.example/': (
        'http', 'xn--bcher-kva.example', 80, '/'),
    'http://my_mirror/x': ('http', 'my_mirror', 80, '/x'),
    'http://10.1.2.3/': ('http', '10.1.2.3', 80, '/'),
    'http://8.8.8.8:81/': ('http', '8.8.8.8', 81, '/'),
    'http://[2600:0:0::1]:81/': ('http', '2600::1', 81, '/'),
    'http://example.org:65535/': ('http', 'example.org', 65535, '/'),
    'http://[fd12::1]/': ('http', 'fd12::1', 80, '/'),
    'http://127.0.0.1.example.org/': (
        'http', '127.0.0.1.example.org', 80, '/'),
    'http://0x7f000001.org/': ('http', '0x7f000001.org', 80, '/'),
}


def public(host: str, port: int) -> list[str]:
    return [PUBLIC]


class TestRules(unittest.TestCase):

    def refused(self, rules: Rules, url: str, reason: str) -> None:
        with self.subTest(url), self.assertRaises(
                errors.DestinationRefused) as caught:
            self.fail(rules.check(url))
        self.assertIn(reason, caught.exception.message)
        self.assertLess(len(caught.exception.message), 80)

    def test_every_hostile_uri_is_refused_with_a_plain_reason(self):
        self.assertGreater(sum(map(len, HOSTILE.values())), 60)
        for reason, urls in HOSTILE.items():
            for url in urls:
                self.refused(Rules(resolver=public), url, reason)

    def test_every_hostile_address_of_a_name_is_refused(self):
        for reason, addresses in HOSTILE_ANSWERS.items():
            for address in addresses:
                with self.subTest(address):
                    self.refused(
                        Rules(resolver=lambda *_, it=address: [it]),
                        'http://example.org/', reason)

    def test_one_bad_address_among_good_ones_is_enough(self):
        self.refused(Rules(resolver=lambda *_: [PUBLIC, '::1']),
                     'http://example.org/', 'loopback')

    def test_plain_uris_go_through(self):
        for url, parts in PLAIN.items():
            with self.subTest(url):
                target = Rules(resolver=public).check(url)
                self.assertEqual(parts, (target.scheme, target.host,
                                         target.port, target.path))

    def test_the_normal_form_has_a_port_only_where_it_is_not_the_usual(self):
        for url, normal in (
                ('HTTP://Example.org:80', 'http://example.org/'),
                ('https://example.org:443/x?y', 'https://example.org/x?y'),
                ('http://example.org:443/', 'http://example.org:443/'),
                ('https://example.org:80/', 'https://example.org:80/'),
                ('http://[2600:0:0::1]:81/', 'http://[2600::1]:81/'),
                ('http://example.org:8080', 'http://example.org:8080/')):
            self.assertEqual(normal, Rules().parse(url).url)

    def test_what_two_parsers_read_differently_is_refused(self):
        for name, parser in (('parse.urlsplit', urllib.parse.urlsplit),
                             ('parse_url', urllib3.util.parse_url)):
            for other in ('https://example.org:81/', 'http://example.org/',
                          'http://example.orf:81/', 'http://example.oru:81/',
                          'http://example.org:82/', 'http://a@example.org:81'):
                with mock.patch(f'glance_ext.transfer.destinations.{name}',
                                return_value=parser(other)):
                    self.refused(Rules(), 'http://example.org:81/', 'a plain')

    def test_an_address_needs_no_name_service_and_is_its_own(self):
        self.assertEqual(
            ('8.8.8.8',), Rules(resolver=public).check(
                'http://8.8.8.8/').addresses)

    def test_no_message_holds_what_is_secret(self):
        for url in ('http://user:secret@example.org/',
                    'http://127.0.0.1/secret?secret=secret',
                    'http://secret./', 'http://exa mple/secret'):
            with self.assertRaises(errors.DestinationRefused) as caught:
                Rules(resolver=public).check(url)
            self.assertNotIn('secret', str(caught.exception))

    def test_a_host_without_an_address_is_worth_another_attempt(self):
        def fail(host: str, port: int) -> list[str]:
            raise OSError('no such name')
        for resolver in (fail, lambda *_: []):
            with self.assertRaises(errors.RemoteUnavailable):
                Rules(resolver=resolver).check('http://example.org/')

    def test_private_addresses_are_refused_where_that_is_asked_for(self):
        for address in ('10.0.0.1', '172.16.0.1', '172.31.255.1',
                        '192.168.9.9', '100.64.0.1', 'fc00::1', 'fd12::1',
                        '::ffff:10.0.0.1'):
            with self.subTest(address):
                rules = Rules(resolver=lambda *_, it=address: [it])
                self.assertTrue(rules.check('http://example.org/').addresses)
                self.refused(
                    Rules(resolver=rules.resolver, deny_private=True),
                    'http://example.org/', 'private')

    def test_a_listed_host_may_have_any_address(self):
        for listed, url in {
                'localhost': 'http://LOCALHOST/',
                '127.0.0.1': 'http://127.0.0.1/',
                '0::1': 'http://[::1]/',
                'Mirror': 'http://mirror/'}.items():
            rules = Rules(allowed_hosts=[listed], deny_private=True,
                          resolver=lambda *_: ['127.0.0.1'])
            with self.subTest(url):
                self.assertTrue(rules.check(url).addresses)
        self.refused(Rules(allowed_hosts=['localhost']), 'http://localhost./',
                     'dot')
        self.refused(Rules(allowed_hosts=['localhost']), 'http://127.0.0.1/',
                     'not allowed')
        self.refused(Rules(allowed_hosts=['127.0.0.1']),
                     'http://2130706433/', 'usual notation')

    def test_lists_that_allow_win_over_those_that_forbid(self):
        for allow, deny, good, bad in (
                ({'allowed_schemes': ['https']},
                 {'disallowed_schemes': ['https']},
                 'https://example.org/', 'http://example.org/'),
                ({'allowed_hosts': ['example.org']},
                 {'disallowed_hosts': ['example.org']},
                 'http://example.org/', 'http://example.net/'),
                ({'allowed_ports': [8080]}, {'disallowed_ports': [8080]},
                 'http://example.org:8080/', 'http://example.org:81/')):
            both = Rules(**allow, **deny, resolver=public)
            self.assertTrue(both.check(good))
            self.refused(both, bad, 'not allowed')
            only = Rules(**deny, resolver=public)
            self.assertTrue(only.check(bad))
            self.refused(only, good, 'not allowed')

    def test_the_lists_of_ports_hold_for_the_ports_of_schemes(self):
        rules = Rules(allowed_ports=[80], resolver=public)
        self.assertTrue(rules.check('http://example.org/'))
        self.refused(rules, 'https://example.org/', 'port')
        self.refused(Rules(disallowed_ports=[443], resolver=public),
                     'https://example.org/', 'port')

    def test_a_forbidden_address_is_forbidden_by_every_name(self):
        rules = Rules(disallowed_hosts=[PUBLIC, '2600:0::1'])
        for answer in (PUBLIC, f'::ffff:{PUBLIC}', '2600::1'):
            self.refused(
                Rules(disallowed_hosts=rules.disallowed_hosts,
                      resolver=lambda *_, it=answer: [it]),
                'http://example.org/', 'not allowed')


class Rebinding:
    """Answers with one address after the other, the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return [self.answers[min(self.asked, len(self.answers)) - 1]]


class Sockets(types.SimpleNamespace):
    """The module ``socket``, with a way to one public address.

    ``connected`` has the addresses that somebody wanted a connection to.
    """

    def __init__(self, port: int) -> None:
        super().__init__(**vars(socket))
        self.connected = connected = []

        class Socket(socket.socket):
            def connect_ex(self, address):
                connected.append(address[0])
                if address[0] == PUBLIC:
                    address = ('127.0.0.1', port)
                return super().connect_ex(address)

        self.socket = Socket


class TestConnections(unittest.TestCase):
    """What the rules are worth once connections are made."""

    def setUp(self):
        self.server = self.enterContext(http.Server())
        port = int(self.server.url.rpartition(':')[2])
        self.sockets = Sockets(port)
        self.enterContext(mock.patch.object(wire, 'socket', self.sockets))

    def read(self, url: str, rules: Rules, **more: Any) -> bytes:
        with Download(url, rules, **more) as download:
            return b''.join(download.chunks())

    def test_a_listed_loopback_mirror_works(self):
        url = self.server.serve('/image', b'data')
        self.assertEqual(
            b'data', self.read(url, Rules(allowed_hosts=['127.0.0.1'])))

    def test_a_name_is_asked_for_once_for_all_connections(self):
        self.server.serve('/image', 9 << 20, cut_every=3 << 19)
        for connections in (1, 3):
            resolver = Rebinding(PUBLIC, '127.0.0.1')
            data = self.read(
                'http://example.org/image', Rules(resolver=resolver),
                connections=connections)
            self.assertEqual((9 << 20, 1), (len(data), resolver.asked))
        self.assertEqual({PUBLIC}, set(self.sockets.connected))

    def test_a_name_that_moves_to_loopback_gets_no_connection_there(self):
        self.server.serve('/image', b'', status=503)
        resolver = Rebinding(PUBLIC, '127.0.0.1')
        with self.assertRaises(errors.DestinationRefused):
            self.read('http://example.org/image', Rules(resolver=resolver),
                      retry=lambda cause: None)
        self.assertEqual([PUBLIC], self.sockets.connected)
        self.assertEqual(2, resolver.asked)

    def test_no_hostile_redirect_is_followed_or_quoted(self):
        for location in sum(HOSTILE.values(), []):
            # A header holds no other, and no authority is no other server.
            if not (location.isascii() and location.isprintable()
                    and re.match('[^:]+:/*[^/]+', location.strip())):
                continue
            self.server.serve('/image', b'', status=302, location=location)
            with self.subTest(location), self.assertRaises(
                    (errors.DestinationRefused, errors.RemoteRefused)
            ) as caught:
                self.read('http://example.org/image', Rules(resolver=public))
            self.assertNotIn(location.partition('://')[2] or '://',
                             str(caught.exception))
        self.assertEqual({PUBLIC}, set(self.sockets.connected))

    def test_redirects_that_are_allowed_are_followed_to_their_end(self):
        self.server.serve('/one', b'', status=301, location='two?x=1')
        self.server.serve('/two', b'', status=307,
                          location='http://EXAMPLE.net/three#part')
        self.server.serve('/three', b'data')
        self.assertEqual(b'data', self.read(
            'http://example.org/one', Rules(resolver=public)))
        self.assertEqual(
            'example.net', self.server.log('/three')[0].headers['host'])

    def test_redirects_in_a_circle_end(self):
        self.server.serve('/image', b'', status=302, location='/image')
        with self.assertRaises(errors.RemoteRefused):
            self.read('http://example.org/image', Rules(resolver=public))
        self.assertEqual(6, len(self.server.log('/image')))

    def test_a_redirect_to_a_port_that_is_not_allowed_is_refused(self):
        self.server.serve('/image', b'', status=302,
                          location='http://example.org:22/')
        with self.assertRaises(errors.DestinationRefused):
            self.read('http://example.org/image',
                      Rules(resolver=public, allowed_ports=[80, 443]))
