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

import unittest

import openstack.connection

from glance_ext import client
from tests.unit.client import stub

ID = '5c8cf7a0-6a6b-4a02-8b35-5a1f6a8a1d11'
ACTION = {'id': 'a1', 'action_type': 'hash', 'status': 'pending'}
INFO = 'GET /v2/info/glance-ext'


def listing(name, hidden):
    return (
        f'GET /v2/images?name={name}&visibility=all'
        f'&os_hidden={str(hidden).lower()}'
    )


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(stub.Server())
        self.client = client.Client(
            openstack.connection.Connection(session=self.server.session())
        )


class CalculateHashTest(ClientTest):
    def test_the_body_says_what_was_asked_for(self):
        self.server.on(f'POST /v2/images/{ID}/hash', stub.Reply(202, ACTION))
        for arguments, body in (
            ({}, {}),
            ({'algorithm': 'sha256'}, {'os_hash_algo': 'sha256'}),
            ({'rehash': True}, {'rehash': True}),
            (
                {'algorithm': 'md5', 'rehash': True},
                {'os_hash_algo': 'md5', 'rehash': True},
            ),
        ):
            with self.subTest(arguments):
                action = self.client.calculate_hash(ID, **arguments)
                self.assertEqual('a1', action.id)
                self.assertEqual('pending', action.status)
                self.assertEqual(body, self.server.requests[-1].body)

    def test_a_refusal_is_in_the_servers_words(self):
        for status in (400, 403, 409, 413, 500):
            with self.subTest(status):
                self.server.on(
                    f'POST /v2/images/{ID}/hash',
                    stub.Reply(status, {'message': 'It is so.<br />'}),
                )
                with self.assertRaises(client.Refused) as raised:
                    self.client.calculate_hash(ID)
                self.assertEqual(status, raised.exception.status)
                self.assertEqual('It is so.', raised.exception.words)

    def test_an_error_of_the_server_names_the_request(self):
        self.server.on(
            f'POST /v2/images/{ID}/hash',
            stub.Reply(
                500,
                {'message': 'Broken.'},
                headers={'X-Openstack-Request-Id': 'req-7'},
            ),
        )
        with self.assertRaises(client.Refused) as raised:
            self.client.calculate_hash(ID)
        self.assertEqual(
            'Broken. (HTTP 500, request req-7)', str(raised.exception)
        )

    def test_a_glance_without_the_extension_is_named(self):
        with self.assertRaises(client.ExtensionAbsent) as raised:
            self.client.calculate_hash(ID)
        self.assertEqual(404, raised.exception.status)
        self.assertIn('does not run glance-ext', str(raised.exception))
        self.assertEqual(
            [f'POST /v2/images/{ID}/hash', INFO], self.server.calls()
        )

    def test_an_image_that_is_not_there_is_only_that(self):
        self.server.on(INFO, stub.Reply(200, {'version': '1'}))
        with self.assertRaises(client.Refused) as raised:
            self.client.calculate_hash(ID)
        self.assertNotIsInstance(raised.exception, client.ExtensionAbsent)
        self.assertEqual('Not known.', raised.exception.words)

    def test_an_id_cannot_leave_its_place_in_the_path(self):
        self.server.on(INFO, stub.Reply(200, {}))
        with self.assertRaises(client.Refused):
            self.client.calculate_hash('a/../b?c#d')
        self.assertEqual(
            'POST /v2/images/a%2F..%2Fb%3Fc%23d/hash', self.server.calls()[0]
        )

    def test_an_answer_that_is_no_action(self):
        self.server.on(
            f'POST /v2/images/{ID}/hash', stub.Reply(200, {'versions': []})
        )
        with self.assertRaises(client.UnexpectedAnswer):
            self.client.calculate_hash(ID)


class StartingTest(ClientTest):
    """What the commands' tests do not show of copy, download and verify."""

    def test_nothing_is_asked_of_a_server_that_does_not_offer_it(self):
        self.server.on(INFO, stub.Reply(200, {'action_types': ['hash']}))
        for what, call in (
            ('copy-image', lambda: self.client.copy(ID, ['far'])),
            ('copy-image', lambda: self.client.plan_copy(ID, ['far'])),
            ('web-download', lambda: self.client.web_download(ID, 'u')),
            ('web-download', lambda: self.client.plan_web_download(ID, 'u')),
            ('verify', lambda: self.client.verify(ID)),
        ):
            with self.subTest(what):
                with self.assertRaises(client.NotOffered) as raised:
                    call()
                self.assertEqual(what, raised.exception.what)
        self.assertEqual([INFO], self.server.calls())

    def test_of_an_address_only_the_id_is_taken(self):
        self.server.on(
            INFO, stub.Reply(200, {'import_methods': ['copy-image']})
        )
        self.server.on('GET /v2/image-actions/a1', stub.Reply(200, ACTION))
        for place, begun in (
            ('https://elsewhere.example.com/v9/image-actions/a1', True),
            ('a1', True),
            ('https://elsewhere.example.com/a1?x=/', False),
            ('https://elsewhere.example.com/v2/image-actions/a%2F1', False),
            ('', False),
        ):
            with self.subTest(place):
                self.server.on(
                    f'POST /v2/images/{ID}/import',
                    stub.Reply(202, '', 'text/plain', {'Location': place}),
                )
                if begun:
                    self.assertEqual('a1', self.client.copy(ID).id)
                    continue
                with self.assertRaises(client.UnexpectedAnswer):
                    self.client.copy(ID)

    def test_a_plan_that_is_none(self):
        self.server.on(
            INFO, stub.Reply(200, {'import_methods': ['copy-image']})
        )
        self.server.on(
            f'POST /v2/images/{ID}/import', stub.Reply(202, '', 'text/plain')
        )
        with self.assertRaises(client.UnexpectedAnswer):
            self.client.plan_copy(ID, ['far'])


class InfoTest(ClientTest):
    def test_it_is_asked_for_once(self):
        self.server.on(INFO, stub.Reply(200, {'version': '1'}))
        self.assertEqual({'version': '1'}, self.client.info)
        self.assertEqual({'version': '1'}, self.client.info)
        self.assertEqual([INFO], self.server.calls())

    def test_a_glance_without_the_extension(self):
        with self.assertRaises(client.ExtensionAbsent):
            self.client.require('verify')

    def test_an_answer_that_is_none(self):
        self.server.on(INFO, stub.Reply(200, []))
        with self.assertRaises(client.UnexpectedAnswer):
            self.client.require('verify')


class StoresTest(ClientTest):
    def test_those_that_can_be_written_to(self):
        stores = [{'id': 'a'}, {'id': 'b', 'read-only': 'true'}]
        self.server.on(
            'GET /v2/info/stores', stub.Reply(200, {'stores': stores})
        )
        self.assertEqual(('a',), self.client.stores())

    def test_a_glance_with_a_single_store_names_none(self):
        self.assertEqual((), self.client.stores())


class ShowActionTest(ClientTest):
    def test_returns_it_as_it_is(self):
        result = {'os_hash_algo': 'md5', 'os_hash_value': 'ff'}
        body = ACTION | {'status': 'success', 'result': result}
        self.server.on('GET /v2/image-actions/a1', stub.Reply(200, body))
        action = self.client.show_action('a1')
        self.assertTrue(action.succeeded)
        self.assertEqual(result, action.result)
        self.assertEqual(body, action.body)


class FindImageTest(ClientTest):
    def test_an_id_is_asked_for_directly(self):
        body = {'id': ID, 'name': 'cirros'}
        self.server.on(f'GET /v2/images/{ID}', stub.Reply(200, body))
        self.assertEqual(
            client.Image(ID, 'cirros'), self.client.find_image(ID)
        )
        self.assertEqual(1, len(self.server.requests))

    def test_a_name_is_looked_for_among_hidden_images_too(self):
        none = stub.Reply(200, {'images': []})
        one = stub.Reply(200, {'images': [{'id': ID, 'name': 'my image'}]})
        for replies in ((one, none), (none, one)):
            self.server.on(listing('my+image', False), replies[0])
            self.server.on(listing('my+image', True), replies[1])
            self.assertEqual(
                client.Image(ID, 'my image'),
                self.client.find_image('my image'),
            )

    def test_a_name_that_could_be_an_id_is_both(self):
        one = stub.Reply(200, {'images': [{'id': ID, 'name': None}]})
        self.server.on(listing('cirros', False), one)
        self.server.on(
            listing('cirros', True), stub.Reply(200, {'images': []})
        )
        self.assertEqual(
            client.Image(ID, None), self.client.find_image('cirros')
        )
        self.assertEqual('GET /v2/images/cirros', self.server.calls()[0])

    def test_two_of_a_name_are_refused_with_their_ids(self):
        for hidden, image in ((False, 'i1'), (True, 'i2')):
            self.server.on(
                listing('cirros', hidden),
                stub.Reply(200, {'images': [{'id': image}]}),
            )
        with self.assertRaises(client.AmbiguousName) as raised:
            self.client.find_image('cirros')
        self.assertEqual(('i1', 'i2'), raised.exception.ids)
        self.assertIn('i1, i2', str(raised.exception))

    def test_none_of_a_name_is_an_error(self):
        for hidden in (False, True):
            self.server.on(
                listing('..', hidden), stub.Reply(200, {'images': []})
            )
        with self.assertRaisesRegex(client.ImageNotFound, r'"\.\."'):
            self.client.find_image('..')

    def test_a_refusal_is_no_absence(self):
        self.server.on(
            f'GET /v2/images/{ID}', stub.Reply(403, {'message': 'No.'})
        )
        with self.assertRaises(client.Refused) as raised:
            self.client.find_image(ID)
        self.assertEqual(403, raised.exception.status)

    def test_an_answer_that_is_no_list(self):
        self.server.on(listing('a+b', False), stub.Reply(200, {'a': 1}))
        with self.assertRaises(client.UnexpectedAnswer):
            self.client.find_image('a b')
