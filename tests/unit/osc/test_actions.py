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

LIST = 'image action list'
ACTION = {
    'id': 'a1',
    'action_type': 'hash',
    'status': 'processing',
    'phase': 'reading',
    'image_id': 'i1',
    'owner': 'p1',
    'created_at': '2026-11-21T03:00:00Z',
    'updated_at': '2026-11-21T03:00:05Z',
    'progress': {'bytes_done': 1, 'bytes_total': 4, 'percent': 25.0},
    'attempt': 1,
    'max_attempts': 4,
    'message': 'Read 1 of 4 bytes.',
}
FAILED = ACTION | {
    'id': 'a2',
    'status': 'failure',
    'phase': 'ended',
    'error': {'code': 'cancelled', 'message': 'Somebody said stop.'},
}


def listing(*actions, **more):
    return stub.Reply(200, {'image_actions': list(actions)} | more)


class ListActionsTest(shell.ShellCase):
    def test_one_row_for_each(self):
        self.server.on('GET /v2/image-actions', listing(ACTION, FAILED))
        rows = self.rows(LIST)
        self.assertEqual(
            {
                'id': 'a1',
                'action_type': 'hash',
                'image_id': 'i1',
                'status': 'processing',
                'phase': 'reading',
                'percent': 25.0,
                'created_at': '2026-11-21T03:00:00Z',
                'message': 'Read 1 of 4 bytes.',
            },
            rows[0],
        )
        self.assertEqual('Somebody said stop. (cancelled)', rows[1]['message'])
        self.assertEqual(list(rows[0]), self.table(LIST)[0])

    def test_the_filters(self):
        self.server.on(
            'GET /v2/image-actions?action_type=copy-image&status=failure'
            '&image_id=i1&limit=5&marker=a0',
            listing(ACTION),
        )
        rows = self.rows(
            f'{LIST} --type copy-image --status failure --image i1 '
            '--limit 5 --marker a0'
        )
        self.assertEqual(1, len(rows))

    def test_the_id_of_an_image_that_is_gone(self):
        for hidden in ('false', 'true'):
            self.server.on(
                f'GET /v2/images?name=gone&visibility=all&os_hidden={hidden}',
                stub.Reply(200, {'images': []}),
            )
        self.server.on('GET /v2/image-actions?image_id=gone', listing(ACTION))
        self.assertEqual(1, len(self.rows(f'{LIST} --image gone')))

    def test_all_pages_unless_limited(self):
        self.server.on(
            'GET /v2/image-actions',
            listing(ACTION, next='/v2/image-actions?marker=a1'),
        )
        self.server.on(
            'GET /v2/image-actions?limit=1',
            listing(ACTION, next='/v2/image-actions?limit=1&marker=a1'),
        )
        self.server.on(
            'GET /v2/image-actions?marker=a1', listing(FAILED, next=None)
        )
        ids = [row['id'] for row in self.rows(LIST)]
        self.assertEqual(['a1', 'a2'], ids)
        ids = [row['id'] for row in self.rows(f'{LIST} --limit 1')]
        self.assertEqual(['a1'], ids)

    def test_a_server_that_does_not_offer_it(self):
        self.assertEqual(
            (
                1,
                '',
                'The server does not offer this: GET /v2/image-actions\n',
            ),
            self.openstack(LIST),
        )


class ShowActionTest(shell.ShellCase):
    def test_everything(self):
        self.server.on('GET /v2/image-actions/a2', stub.Reply(200, FAILED))
        shown = self.rows('image action show a2')
        self.assertEqual('cancelled', shown['error'])
        self.assertEqual(4, shown['bytes_total'])
        self.assertIsNone(shown['expires_at'])
        self.assertEqual({}, shown['result'])
        table = dict(self.table('image action show a2'))
        self.assertEqual('failure', table['status'])
        self.assertNotIn('expires_at', table)

    def test_wait_follows_to_the_end(self):
        self.server.on(
            'GET /v2/image-actions/a2',
            stub.Reply(200, FAILED | {'status': 'processing'}),
            stub.Reply(200, FAILED),
        )
        status, _, errors = self.openstack('image action show --wait a2')
        self.assertEqual((1, 'a2: failure\n'), (status, errors))

    def test_one_that_is_not_there(self):
        self.assertEqual(
            (1, '', 'Not known. (HTTP 404)\n'),
            self.openstack('image action show a9'),
        )


class CancelActionsTest(shell.ShellCase):
    def test_each_is_attempted(self):
        ended = stub.Reply(409, {'message': 'It has ended.'})
        self.server.on('DELETE /v2/image-actions/a1', ended)
        self.server.on(
            'DELETE /v2/image-actions/a2', stub.Reply(204, '', 'text/plain')
        )
        self.assertEqual(
            (1, '', 'a1: It has ended. (HTTP 409)\n'),
            self.openstack('image action cancel a1 a2'),
        )
        self.assertEqual(2, len(self.sent()))
        self.assertEqual(
            (0, '', ''), self.openstack('image action cancel a2')
        )

    def test_wait_for_everything_to_be_removed(self):
        self.server.on(
            'DELETE /v2/image-actions/a2', stub.Reply(204, '', 'text/plain')
        )
        self.server.on(
            'GET /v2/image-actions/a2',
            stub.Reply(200, FAILED | {'phase': 'rolling-back'}),
            stub.Reply(200, FAILED),
        )
        self.openstack('image action cancel --wait a2')
        self.assertEqual(2, self.server.calls().count(
            'GET /v2/image-actions/a2'
        ))

    def test_a_server_that_does_not_offer_it(self):
        refused = stub.Reply(405, {'message': 'Not allowed.'})
        self.server.on('DELETE /v2/image-actions/a1', refused)
        self.assertEqual(
            (
                1,
                '',
                'a1: The server does not offer this: '
                'DELETE /v2/image-actions/a1\n',
            ),
            self.openstack('image action cancel a1'),
        )
