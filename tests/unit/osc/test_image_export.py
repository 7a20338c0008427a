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
from tests.unit.client import stub
from tests.unit.osc import shell

CREATE = 'image export create'
POST = 'POST /v2/images/i1/export'
PLACE = 'https://glance.example.com/v2/image-exports/a1'
UPLOADING = {'id': 'a1', 'status': 'uploading', 'image_id': 'i1'}


class ExportTest(shell.ShellCase):
    def setUp(self):
        super().setUp()
        self.server.on(
            POST, stub.Reply(201, '', 'text/plain', {'Location': PLACE})
        )
        self.server.on(
            'GET /v2/image-exports/a1',
            stub.Reply(200, UPLOADING),
            stub.Reply(200, UPLOADING | {'status': 'success'}),
        )

    def test_what_is_asked(self):
        line = f'{CREATE} i1 --location https://example.com/put'
        self.rows(f'{line} --disk-format raw --idempotency-key once')
        self.assertEqual(
            [
                (
                    POST,
                    {
                        'location': 'https://example.com/put',
                        'disk_format': 'raw',
                    },
                )
            ],
            self.sent(),
        )

    def test_wait(self):
        self.server.on(
            'GET /v2/image-actions/a1',
            stub.Reply(200, {'id': 'a1', 'status': 'success'}),
        )
        shown = self.rows(f'{CREATE} i1 --location https://u --wait')
        self.assertEqual('success', shown['status'])
        self.assertEqual('i1', shown['image_id'])

    def test_list_show_and_delete(self):
        self.server.on(
            'GET /v2/image-exports',
            stub.Reply(200, {'image_exports': [UPLOADING]}),
        )
        (row,) = self.rows('image export list')
        self.assertEqual(('a1', 'uploading'), (row['id'], row['status']))
        shown = self.rows('image export show a1')
        self.assertEqual('uploading', shown['status'])
        ended = stub.Reply(409, {'message': 'It has ended.'})
        self.server.on('DELETE /v2/image-exports/a1', ended)
        self.assertEqual(
            (1, '', 'a1: It has ended. (HTTP 409)\n'),
            self.openstack('image export delete a1'),
        )

    def test_a_server_that_does_not_offer_it(self):
        info = shell.INFO | {'action_types': ['import']}
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, info))
        for line in (
            f'{CREATE} i1 --location https://example.com/put',
            'image export list',
            'image export show a1',
        ):
            with self.subTest(line):
                self.assertEqual(
                    (1, '', 'The server does not offer this: export\n'),
                    self.openstack(line),
                )

    def test_wrong_usage(self):
        for arguments in ('i1', '--location https://u'):
            with self.subTest(arguments):
                said = self.misused(f'{CREATE} {arguments}')
                self.assertIn(CREATE, said)
