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
"""The examples of the library's page run, through either library."""

import contextlib
import io
import unittest

import glanceclient
import openstack.connection

from tests.harness import pages
from tests.unit.client import stub

PAGE = pages.SOURCE / 'user' / 'library.rst'
INFO = {
    'action_types': ['hash', 'verify', 'import', 'export'],
    'import_methods': ['copy-image', 'web-download'],
}
ACTION = {
    'id': 'a1',
    'action_type': 'hash',
    'status': 'success',
    'progress': {'percent': 100, 'stores': {'far': {'status': 'success'}}},
    'result': {'os_hash_value': 'ab', 'stores': {'far': 'good'}},
}
IMAGE = {'id': 'i1', 'name': 'my-image', 'stores': 'fast'}
GONE = stub.Reply(204, '', 'text/plain')


def begun(path: str, status: int = 202) -> stub.Reply:
    place = f'https://glance.example.com/v2/{path}'
    return stub.Reply(status, '', 'text/plain', {'Location': place})


class ExamplesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(stub.Server())
        ok = {
            'info/glance-ext': INFO,
            'image-actions/a1': ACTION,
            'image-actions?status=processing': {'image_actions': [ACTION]},
            'image-imports/a1': {
                'status': 'success',
                'image_ref': '/v2/images/i9',
            },
            'image-exports/a1': {'status': 'uploading'},
            'image-exports': {'image_exports': [{'status': 'uploading'}]},
            **{
                f'images?name={name}&visibility=all&os_hidden={hidden}': {
                    'images': found
                }
                for name in ('my-image', 'new-image')
                for hidden, found in (('false', [IMAGE]), ('true', []))
            },
            **{
                'images?tag=old&status=active&sort=id%3Aasc&limit=500'
                f'&visibility=all&os_hidden={hidden}': {'images': [IMAGE]}
                for hidden in ('false', 'true')
            },
        }
        for path, body in ok.items():
            self.server.on(f'GET /v2/{path}', stub.Reply(200, body))
        action = begun('image-actions/a1')
        self.server.on('POST /v2/images/i1/hash', stub.Reply(202, ACTION))
        self.server.on('POST /v2/images/i1/verify', action)
        self.server.on('POST /v2/image-imports', begun('image-imports/a1'))
        self.server.on('POST /v2/images/i1/export', begun('image-exports/a1'))
        for kind in ('actions', 'exports'):
            self.server.on(f'DELETE /v2/image-{kind}/a1', GONE)

    def test_they_run_and_print_what_they_say(self) -> None:
        session = self.server.session()
        for cloud in (
            openstack.connection.Connection(session=session),
            glanceclient.Client('2', self.server.url, token='a-token'),
        ):
            self.server.on(
                'POST /v2/images/i1/import',
                stub.Reply(200, {'bytes_total': 5}),
                begun('image-actions/a1'),
            )
            output = io.StringIO()
            with (
                self.subTest(type(cloud).__module__),
                contextlib.redirect_stdout(output),
            ):
                exec(pages.program(PAGE), {'cloud': cloud})
            self.assertEqual(
                [
                    "i1 None ('fast',)",
                    '100',
                    'success ab',
                    '5',
                    "{'far': {'status': 'success'}}",
                    "True {'far': 'good'}",
                    'a1 hash 100',
                    'i9',
                    ' uploading ',
                    '404 Not known.',
                ],
                output.getvalue().splitlines(),
            )
