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

LIST = 'GET /v2/images?status=active&sort=id%3Aasc&limit=500'


def page(*names, more=False, **values):
    body = {'images': [{'id': name} | values for name in names]}
    return stub.Reply(200, body | ({'next': '/v2/images?x'} if more else {}))


class ImagesTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(stub.Server())
        self.client = client.Client(
            openstack.connection.Connection(session=self.server.session())
        )

    def on(self, reply, marker=None, hidden=False, filters=LIST):
        after = f'&marker={marker}' if marker else ''
        flag = str(hidden).lower()
        self.server.on(
            f'{filters}{after}&visibility=all&os_hidden={flag}', reply
        )

    def ids(self, **filters):
        return [image.id for image in self.client.images(**filters)]

    def test_hidden_ones_come_after_the_others(self):
        self.on(page('i2', 'i3'))
        self.on(page('i1'), hidden=True)
        self.assertEqual(['i2', 'i3', 'i1'], self.ids())

    def test_page_by_page(self):
        self.on(page('i1', 'i2', more=True))
        self.on(page('i3', 'i4', more=True), 'i2')
        self.on(page(), 'i4')
        self.on(page(), hidden=True)
        self.assertEqual(['i1', 'i2', 'i3', 'i4'], self.ids())

    def test_a_page_is_asked_for_when_it_is_needed(self):
        self.on(page('i1', more=True))
        images = self.client.images()
        self.assertEqual('i1', next(images).id)
        self.assertEqual(1, len(self.server.requests))

    def test_a_marker_that_was_deleted_meanwhile(self):
        self.on(page('i1', 'i2', 'i3', more=True))
        # i3 and i2 are not known any more.
        self.on(page('i4'), 'i1')
        self.on(page(), hidden=True)
        self.assertEqual(['i1', 'i2', 'i3', 'i4'], self.ids())

    def test_a_page_that_was_deleted_as_a_whole(self):
        self.on(page('i1', more=True))
        with self.assertRaises(client.UnexpectedAnswer):
            self.ids()

    def test_an_error_on_the_way_is_raised(self):
        self.on(page('i1', more=True))
        self.on(stub.Reply(500, {'message': 'Broken.'}), 'i1')
        with self.assertRaises(client.Refused):
            self.ids()

    def test_the_filters(self):
        filters = (
            'GET /v2/images?os_distro=a+b&tag=x&tag=y&owner=p1'
            '&sort=id%3Aasc&limit=500'
        )
        for hidden in (False, True):
            self.on(page('i1'), hidden=hidden, filters=filters)
        self.ids(
            project_id='p1',
            tags=['x', 'y'],
            properties={'os_distro': 'a b'},
            status=None,
        )
        self.assertEqual(2, len(self.server.requests))

    def test_what_is_known_of_an_image(self):
        self.on(
            page(
                'i1',
                name='mine',
                status='active',
                owner='p1',
                size=7,
                checksum='c',
                os_hash_algo='md5',
                os_hash_value=None,
                stores='fast,far',
            )
        )
        self.assertEqual(
            client.Image(
                'i1',
                'mine',
                status='active',
                owner='p1',
                size=7,
                checksum='c',
                os_hash_algo='md5',
                os_hash_value=None,
                stores=('fast', 'far'),
            ),
            next(self.client.images()),
        )
