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

import socket
import unittest

import glanceclient
import openstack.connection

from glance_ext.client import errors
from glance_ext.client import transport
from tests.unit.client import stub

PATH = '/images/i1/hash'
WORDS = 'Image "i1" <is> not active.'

# How a Glance answers, by what the client accepts.
AS_JSON = stub.Reply(
    409,
    {'message': f'{WORDS}<br /><br />\n\n\n', 'code': '409 Conflict'},
    headers={'X-Openstack-Request-Id': 'req-1'},
)
AS_TEXT = stub.Reply(409, f'409 Conflict\n\n{WORDS}\n\n   ', 'text/plain')


class TransportTest(unittest.TestCase):
    """The same of every library that a caller may bring."""

    def setUp(self):
        self.server = self.enterContext(stub.Server())

    def libraries(self):
        session = self.server.session()
        connection = openstack.connection.Connection(session=session)
        yield 'connection', connection, AS_JSON
        yield 'image proxy', connection.image, AS_JSON
        yield (
            'glanceclient with a token',
            glanceclient.Client('2', self.server.url, token='a-token'),
            AS_TEXT,
        )
        yield (
            'glanceclient with a session',
            glanceclient.Client(
                '2', session=session, endpoint_override=self.server.url
            ),
            AS_TEXT,
        )

    def test_what_is_sent_and_returned(self):
        answer = {'id': 'a1', 'status': 'pending'}
        for name, library, _ in self.libraries():
            with self.subTest(name):
                self.server.on(f'POST /v2{PATH}', stub.Reply(202, answer))
                sent = {'os_hash_algo': 'sha256'}
                found = transport.of(library).request('POST', PATH, sent)
                self.assertEqual(answer, found.body)
                request = self.server.requests[-1]
                self.assertEqual(f'/v2{PATH}', request.path)
                self.assertEqual(sent, request.body)
                self.assertEqual('a-token', request.headers['X-Auth-Token'])
                self.assertEqual(
                    'application/json', request.headers['Content-Type']
                )

    def test_a_get_has_no_body(self):
        self.server.on('GET /v2/image-actions/a1', stub.Reply(200, {}))
        for name, library, _ in self.libraries():
            with self.subTest(name):
                transport.of(library).request('GET', '/image-actions/a1')
                self.assertIsNone(self.server.requests[-1].body)

    def test_an_error_carries_the_servers_words(self):
        for name, library, refusal in self.libraries():
            with self.subTest(name):
                self.server.on(f'POST /v2{PATH}', refusal)
                with self.assertRaises(errors.Refused) as raised:
                    transport.of(library).request('POST', PATH, {})
                self.assertEqual(409, raised.exception.status)
                self.assertEqual(WORDS, raised.exception.words)
                self.assertEqual(f'{WORDS} (HTTP 409)', str(raised.exception))
                if refusal is AS_JSON:
                    self.assertEqual('req-1', raised.exception.request_id)

    def test_a_choice_of_versions_is_no_answer(self):
        choices = stub.Reply(300, {'versions': []})
        for name, library, _ in self.libraries():
            with self.subTest(name):
                self.server.on(f'POST /v2{PATH}', choices)
                with self.assertRaises(errors.Refused) as raised:
                    transport.of(library).request('POST', PATH, {})
                self.assertEqual(300, raised.exception.status)

    def test_an_answer_that_is_no_json(self):
        page = stub.Reply(200, '<html>Welcome</html>', 'text/html')
        broken = stub.Reply(200, '{"id": ', 'application/json')
        for name, library, _ in self.libraries():
            for reply in (page, broken):
                with self.subTest(name, body=reply.body):
                    self.server.on(f'POST /v2{PATH}', reply)
                    with self.assertRaises(errors.UnexpectedAnswer):
                        transport.of(library).request('POST', PATH, {})

    def test_an_answer_without_a_body(self):
        for name, library, _ in self.libraries():
            with self.subTest(name):
                self.server.on(
                    f'POST /v2{PATH}', stub.Reply(204, '', 'text/plain')
                )
                found = transport.of(library).request('POST', PATH, {})
                self.assertIsNone(found.body)

    def test_a_connection_that_is_cut(self):
        for name, library, _ in self.libraries():
            with self.subTest(name):
                self.server.on(f'POST /v2{PATH}', stub.Reply(cut=True))
                with self.assertRaises(errors.Unreachable):
                    transport.of(library).request('POST', PATH, {})

    def test_a_server_that_is_not_there(self):
        libraries = list(self.libraries())
        with socket.create_server(('127.0.0.1', 0)) as unused:
            port = unused.getsockname()[1]
        gone = f'http://127.0.0.1:{port}'
        for _, library, _ in libraries:
            if isinstance(library, glanceclient.v2.client.Client):
                library.http_client.endpoint = gone
                library.http_client.endpoint_override = gone
            else:
                proxy = getattr(library, 'image', library)
                proxy.endpoint_override = f'{gone}/v2'
        for name, library, _ in libraries:
            with self.subTest(name):
                with self.assertRaises(errors.Unreachable) as raised:
                    transport.of(library).request('POST', PATH, {})
                self.assertIn(str(port), str(raised.exception))

    def test_anything_else_is_refused(self):
        for other in (None, 'http://127.0.0.1', object()):
            with self.subTest(other=other):
                with self.assertRaisesRegex(TypeError, 'neither an openstack'):
                    transport.of(other)
