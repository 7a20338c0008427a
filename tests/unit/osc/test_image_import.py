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
import pathlib
import tempfile

from tests.unit.client import stub
from tests.unit.osc import shell

CREATE = 'image import request create'
POST = 'POST /v2/image-imports'
PLACE = 'https://glance.example.com/v2/image-imports/a1'
WAITING = {'status': 'waiting', 'image_properties': {'name': 'mine'}}
SUCCESS = {
    'status': 'success',
    'image_ref': '/v2/images/i1',
    'expires-by': '2013-05-21T15:19:56+0000',
}
FAILURE = WAITING | {
    'status': 'failure',
    'message': 'It is a movie.',
    'expires-by': '2013-05-21T15:19:56+0000',
}


class ImportCase(shell.ShellCase):
    def created(self, *seen):
        self.server.on(
            POST, stub.Reply(201, '', 'text/plain', {'Location': PLACE})
        )
        self.server.on(
            'GET /v2/image-imports/a1',
            *(stub.Reply(200, body) for body in seen),
        )

    def ended(self, status):
        self.server.on(
            'GET /v2/image-actions/a1',
            stub.Reply(200, {'id': 'a1', 'status': status}),
        )


class CreateImportTest(ImportCase):
    def test_what_is_asked(self):
        self.created(WAITING)
        shown = self.rows(
            f'{CREATE} mine --location https://example.com/i --min-disk 3 '
            '--disk-format qcow2 --public --tag a --tag b --protected '
            '--property os_distro=debian --property x=y=z --id i7 '
            '--algorithm sha256 --digest ab --store far --allow-failure '
            '--idempotency-key once'
        )
        self.assertEqual('a1', shown['id'])
        self.assertEqual('waiting', shown['status'])
        self.assertEqual('mine', shown['image_name'])
        self.assertEqual(
            [
                (
                    POST,
                    {
                        'location': 'https://example.com/i',
                        'image_properties': {
                            'id': 'i7',
                            'name': 'mine',
                            'disk_format': 'qcow2',
                            'container_format': 'bare',
                            'min_disk': 3,
                            'visibility': 'public',
                            'protected': True,
                            'tags': ['a', 'b'],
                            'os_distro': 'debian',
                            'x': 'y=z',
                        },
                        'os_hash_algo': 'sha256',
                        'os_hash_value': 'ab',
                        'stores': ['far'],
                        'all_stores_must_succeed': False,
                    },
                )
            ],
            self.sent(),
        )
        headers = self.server.requests[1].headers
        self.assertEqual('once', headers['Idempotency-Key'])

    def test_wait_shows_the_image(self):
        self.created(WAITING, SUCCESS)
        self.ended('success')
        shown = self.rows(f'{CREATE} mine --location swift://h/a/c/o --wait')
        self.assertEqual('i1', shown['image_id'])
        self.assertEqual('2013-05-21T15:19:56+0000', shown['expires_by'])

    def test_wait_and_fail(self):
        self.created(WAITING, FAILURE)
        self.ended('failure')
        status, output, errors = self.openstack(
            f'{CREATE} mine --location https://example.com/i --wait'
        )
        self.assertEqual(1, status)
        self.assertEqual('mine: failure\na1: It is a movie.\n', errors)
        self.assertIn('It is a movie.', output)

    def file(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(directory, 'data')
        path.write_bytes(b'bits')
        return str(path)

    def test_a_file_is_sent(self):
        self.created(WAITING, WAITING | {'status': 'verifying'})
        put = 'PUT /v2/image-imports/a1/file'
        self.server.on(put, stub.Reply(204, '', 'text/plain'))
        shown = self.rows(f'{CREATE} mine --file={self.file()}')
        self.assertEqual('verifying', shown['status'])
        (upload,) = [r for r in self.server.requests if r.method == 'PUT']
        self.assertEqual(b'bits', upload.body)
        self.assertEqual(
            'application/octet-stream', upload.headers['Content-Type']
        )

    def test_an_upload_that_fails_leaves_no_import(self):
        self.created(WAITING)
        put = 'PUT /v2/image-imports/a1/file'
        self.server.on(put, stub.Reply(413, {'message': 'Too large.'}))
        delete = 'DELETE /v2/image-imports/a1'
        self.server.on(delete, stub.Reply(204, '', 'text/plain'))
        self.assertEqual(
            (1, '', 'Too large. (HTTP 413)\n'),
            self.openstack(f'{CREATE} mine --file={self.file()}'),
        )
        self.assertEqual(delete, self.server.calls()[-1])

    def test_wrong_usage(self):
        for arguments in (
            '--location u',
            'mine',
            'mine --location u --file f',
            'mine --location u --digest ab',
            'mine --location u --public --private',
        ):
            with self.subTest(arguments):
                said = self.misused(f'{CREATE} {arguments}')
                self.assertIn(CREATE, said)

    def test_a_server_that_does_not_offer_it(self):
        info = shell.INFO | {'action_types': ['hash']}
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, info))
        for line in (
            f'{CREATE} mine --location https://example.com/i',
            'image import request list',
            'image import request show a1',
        ):
            with self.subTest(line):
                self.assertEqual(
                    (1, '', 'The server does not offer this: import\n'),
                    self.openstack(line),
                )


class OtherImportsTest(ImportCase):
    def test_list(self):
        self.server.on(
            'GET /v2/image-imports',
            stub.Reply(
                200,
                {
                    'image_imports': [
                        SUCCESS | {'self': '/v2/image-imports/a1'},
                        FAILURE | {'id': 'a2'},
                    ]
                },
            ),
        )
        line = 'image import request list'
        self.assertEqual(
            [
                {
                    'id': 'a1',
                    'status': 'success',
                    'image_id': 'i1',
                    'image_name': None,
                    'message': '',
                    'expires_by': '2013-05-21T15:19:56+0000',
                },
                {
                    'id': 'a2',
                    'status': 'failure',
                    'image_id': None,
                    'image_name': 'mine',
                    'message': 'It is a movie.',
                    'expires_by': '2013-05-21T15:19:56+0000',
                },
            ],
            self.rows(line),
        )
        self.assertEqual(1, len(self.rows(f'{line} --limit 1')))

    def test_show(self):
        self.created(FAILURE)
        shown = self.rows('image import request show a1')
        self.assertEqual('a1', shown['id'])
        self.assertEqual({'name': 'mine'}, shown['image_properties'])
        table = dict(self.table('image import request show a1'))
        self.assertEqual('name=mine', table['image_properties'])

    def test_delete(self):
        gone = stub.Reply(204, '', 'text/plain')
        self.server.on('DELETE /v2/image-imports/a1', gone)
        self.assertEqual(
            (1, '', 'a2: Not known. (HTTP 404)\n'),
            self.openstack('image import request delete a2 a1'),
        )
        self.assertEqual(2, len(self.sent()))
