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
import io
import unittest

import glanceclient
import openstack.connection

from glance_ext import client
from tests.unit.client import stub

IMPORT = {'status': 'waiting', 'image_properties': {'name': 'mine'}}
INFO = {'action_types': ['import', 'export']}


def created(kind):
    place = f'https://glance.example.com:9292/image/v2/image-{kind}/a1'
    return stub.Reply(201, '', 'text/plain', {'Location': place})


class RequestsTest(unittest.TestCase):
    """The same through every library that a caller may bring."""

    def setUp(self):
        self.server = self.enterContext(stub.Server())
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, INFO))

    def clients(self):
        session = self.server.session()
        for cloud in (
            openstack.connection.Connection(session=session),
            glanceclient.Client('2', self.server.url, token='a-token'),
        ):
            with self.subTest(type(cloud).__module__):
                yield client.Client(cloud)

    def test_an_import_from_somewhere(self):
        self.server.on('POST /v2/image-imports', created('imports'))
        self.server.on('GET /v2/image-imports/a1', stub.Reply(200, IMPORT))
        for images in self.clients():
            request = images.imports.create(
                'https://example.com/i',
                {'name': 'mine'},
                digest={'hash_uri': 'https://example.com/SUMS'},
                stores=['far'],
                idempotency_key='once',
            )
            self.assertEqual(
                client.Request(
                    'a1',
                    'waiting',
                    None,
                    '',
                    None,
                    {'name': 'mine'},
                    IMPORT,
                ),
                request,
            )
            sent = self.server.requests[-2]
            self.assertEqual(
                {
                    'location': 'https://example.com/i',
                    'image_properties': {'name': 'mine'},
                    'hash_uri': 'https://example.com/SUMS',
                    'stores': ['far'],
                    'all_stores_must_succeed': True,
                },
                sent.body,
            )
            self.assertEqual('once', sent.headers['Idempotency-Key'])

    def test_an_import_of_what_the_caller_has(self):
        self.server.on('POST /v2/image-imports', created('imports'))
        self.server.on('GET /v2/image-imports/a1', stub.Reply(200, IMPORT))
        self.server.on(
            'PUT /v2/image-imports/a1/file', stub.Reply(204, '', 'text/plain')
        )
        for images in self.clients():
            request = images.imports.create()
            self.assertEqual(
                {'image_properties': {}}, self.server.requests[-2].body
            )
            images.imports.upload(request.id, io.BytesIO(b'bits'))
            self.assertEqual(b'bits', self.server.requests[-1].body)

    def test_an_export(self):
        self.server.on('POST /v2/images/i1/export', created('exports'))
        self.server.on(
            'GET /v2/image-exports/a1',
            stub.Reply(200, {'status': 'success', 'image_id': 'i1'}),
        )
        for images in self.clients():
            request = images.exports.create('i1', 'https://u', 'raw')
            self.assertEqual(('a1', 'i1'), (request.id, request.image_id))
            self.assertEqual(
                {'location': 'https://u', 'disk_format': 'raw'},
                self.server.requests[-2].body,
            )

    def test_lists_come_page_by_page(self):
        for query, body in (
            ('', {'next': 'https://elsewhere.example.com/v2/x?marker=a1'}),
            ('?marker=a1', {'next': None}),
        ):
            self.server.on(
                f'GET /v2/image-imports{query}',
                stub.Reply(200, {'image_imports': [IMPORT]} | body),
            )
        for images in self.clients():
            self.assertEqual(2, len(list(images.imports.list())))

    def test_an_empty_page_need_not_be_the_last(self):
        for query, body in (
            ('', {'image_imports': [], 'next': '/v2/x?marker=a1'}),
            (
                '?marker=a1',
                {'image_imports': [IMPORT], 'next': '/v2/x?marker=a1'},
            ),
        ):
            self.server.on(
                f'GET /v2/image-imports{query}', stub.Reply(200, body)
            )
        for images in self.clients():
            self.assertEqual(1, len(list(images.imports.list())))

    def test_delete(self):
        self.server.on(
            'DELETE /v2/image-exports/a1', stub.Reply(204, '', 'text/plain')
        )
        for images in self.clients():
            images.exports.delete('a1')
            with self.assertRaises(client.Refused):
                images.exports.delete('a2')

    def test_a_server_that_does_not_offer_it(self):
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, {'x': 1}))
        for images in self.clients():
            for call in (
                lambda: images.imports.create('u'),
                lambda: list(images.imports.list()),
                lambda: images.exports.create('i1', 'u'),
                lambda: images.exports.show('a1'),
                lambda: images.exports.delete('a1'),
            ):
                with self.assertRaises(client.NotOffered):
                    call()
        self.assertEqual(
            {'GET /v2/info/glance-ext'}, set(self.server.calls())
        )

    def test_an_answer_that_is_no_import(self):
        self.server.on('GET /v2/image-imports/a1', stub.Reply(200, {'a': 1}))
        for images in self.clients():
            with self.assertRaises(client.UnexpectedAnswer):
                images.imports.show('a1')
