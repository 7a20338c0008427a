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

COPY = 'image copy'
IMPORT = 'POST /v2/images/i1/import'
PLAN = {
    'action_type': 'copy-image',
    'image_id': 'i1',
    'sources': ['fast'],
    'targets': [{'store': 'far', 'bytes': 5}],
    'bytes_total': 5,
    'quota': {'used': 1},
}
METHOD = {'name': 'copy-image'}


class CopyImageTest(shell.ShellCase):
    def test_what_is_asked(self):
        self.action(IMPORT)
        for options, body in (
            (
                '--store far --store slow',
                {'stores': ['far', 'slow'], 'all_stores_must_succeed': True},
            ),
            (
                '--stores far,slow --allow-failure',
                {'stores': ['far', 'slow'], 'all_stores_must_succeed': False},
            ),
            (
                '--all-stores',
                {'all_stores': True, 'all_stores_must_succeed': True},
            ),
        ):
            with self.subTest(options):
                rows = self.rows(f'{COPY} {options} i1')
                self.assertEqual(
                    [
                        'image_id',
                        'image_name',
                        'action_id',
                        'status',
                        'stores',
                        'message',
                    ],
                    list(rows[0]),
                )
                self.assertEqual('a1', rows[0]['action_id'])
                self.assertEqual(
                    (IMPORT, {'method': METHOD} | body), self.sent()[-1]
                )

    def test_wait_shows_what_became_of_each_store(self):
        stores = {
            'far': {'status': 'success', 'bytes_done': 5},
            'slow': {'status': 'failure', 'bytes_done': 1},
        }
        self.action(
            IMPORT, {'status': 'success', 'progress': {'stores': stores}}
        )
        line = f'{COPY} --wait --all-stores --allow-failure i1'
        self.assertEqual(stores, self.rows(line)[0]['stores'])
        self.assertIn(
            ['stores', 'far success, slow failure'], self.table(line)
        )

    def move(self, verdict, options='--store far', **values):
        self.image('i1', name='legacy', stores='fast,slow')
        self.action(IMPORT, {'status': 'success'})
        self.action(
            'POST /v2/images/i1/verify', {'status': verdict}, name='a2'
        )
        for store in ('fast', 'slow'):
            self.server.on(f'DELETE /v2/stores/{store}/i1', stub.Reply(204))
        return self.openstack(f'{COPY} --move {options} i1')

    def test_a_move_removes_the_others_once_the_new_one_is_good(self):
        self.assertEqual(0, self.move('success')[0])
        self.assertEqual(
            [
                IMPORT,
                'POST /v2/images/i1/verify',
                'DELETE /v2/stores/fast/i1',
                'DELETE /v2/stores/slow/i1',
            ],
            [call for call, _ in self.sent()],
        )
        self.assertEqual({'stores': ['far']}, self.sent()[1][1])

    def test_a_move_removes_nothing_where_the_new_one_is_bad(self):
        self.assertEqual(1, self.move('failure')[0])
        self.assertEqual(2, len(self.sent()))

    def test_a_move_to_where_it_is_already_reads_it_back(self):
        status, output, _ = self.move('success', '--store fast')
        self.assertEqual(0, status)
        self.assertNotIn('There was nothing to do.', output)
        self.assertEqual(
            ['POST /v2/images/i1/verify', 'DELETE /v2/stores/slow/i1'],
            [call for call, _ in self.sent()],
        )

    def test_a_move_to_where_it_is_already_and_bad_removes_nothing(self):
        status, output, _ = self.move('failure', '--store fast')
        self.assertEqual(1, status)
        self.assertEqual(
            ['POST /v2/images/i1/verify'], [call for call, _ in self.sent()]
        )
        self.assertIn('| failure', output)

    def test_a_move_tells_what_it_was_not_allowed_to_remove(self):
        self.server.on(
            'DELETE /v2/stores/fast/i1', stub.Reply(403, {'message': 'No.'})
        )
        self.image('i1', name='legacy', stores='fast,far')
        self.action('POST /v2/images/i1/verify', {'status': 'success'})
        self.assertEqual(
            (1, 'legacy: success\nlegacy: No. (HTTP 403)\n'),
            self.openstack(f'{COPY} --move --store far i1')[::2],
        )

    def test_a_move_in_a_dry_run(self):
        self.image('i1', name='legacy', stores='far,slow')
        (row,) = self.rows(f'{COPY} --move --store far --dry-run i1')
        self.assertEqual('It is in these stores already.', row['message'])
        self.assertEqual([], self.sent())

    def test_a_move_goes_to_named_stores_one_image_at_a_time(self):
        for options in (
            '--all-stores',
            '--store far --allow-failure',
            '--store far --parallel 2',
        ):
            self.assertIn(
                'argument --move: not allowed with',
                self.misused(f'{COPY} --move {options} i1'),
            )

    def test_a_copy_that_fails(self):
        error = {'code': 'store_full', 'message': 'No room.'}
        self.action(IMPORT, {'status': 'failure', 'error': error})
        status, _, errors = self.openstack(f'{COPY} --wait --store far i1')
        self.assertEqual(1, status)
        self.assertIn('legacy: No room. (store_full)\n', errors)

    def test_the_servers_no(self):
        self.server.on(IMPORT, stub.Reply(400, {'message': 'No such store.'}))
        self.assertEqual(
            (1, '', 'legacy: No such store. (HTTP 400)\n'),
            self.openstack(f'{COPY} --store nowhere i1'),
        )

    def test_an_answer_of_a_node_without_the_extension(self):
        self.server.on(IMPORT, stub.Reply(202, '', 'text/plain'))
        status, _, errors = self.openstack(f'{COPY} --store far i1')
        self.assertEqual(1, status)
        self.assertIn('Do all nodes of this Glance run glance-ext?', errors)

    def test_all_stores_where_every_store_has_it(self):
        self.server.on(IMPORT, stub.Reply(202, '', 'text/plain'))
        self.server.on(
            'GET /v2/info/stores', stub.Reply(200, {'stores': [{'id': 'far'}]})
        )
        self.image('i1', name='legacy', stores='far')
        (row,) = self.rows(f'{COPY} --all-stores --wait i1')
        self.assertEqual('success', row['status'])
        self.assertEqual('There was nothing to do.', row['message'])
        self.image('i1', name='legacy', stores='slow')
        (row,) = self.rows(f'{COPY} --all-stores i1', status=1)
        self.assertIn('Do all nodes of this Glance run', row['message'])

    def test_missing_asks_for_the_copies_that_are_not_there(self):
        self.images(
            'status=active&',
            {'id': 'i1', 'stores': 'far'},
            {'id': 'i2', 'stores': 'far,slow'},
        )
        self.action(IMPORT)
        rows = self.rows(f'{COPY} --missing --store far --store slow')
        self.assertEqual(['i1'], [row['image_id'] for row in rows])
        self.assertEqual(['slow'], self.sent()[0][1]['stores'])

    def test_missing_from_any_store(self):
        self.server.on(
            'GET /v2/info/stores',
            stub.Reply(
                200,
                {
                    'stores': [
                        {'id': 'far'},
                        {'id': 'slow'},
                        {'id': 'web', 'read-only': 'true'},
                    ]
                },
            ),
        )
        self.images(
            'status=active&',
            {'id': 'i1', 'stores': 'far'},
            {'id': 'i2', 'stores': 'far,slow'},
        )
        self.action(IMPORT)
        rows = self.rows(f'{COPY} --missing --all-stores')
        self.assertEqual(['i1'], [row['image_id'] for row in rows])
        self.assertNotIn('stores', self.sent()[0][1])

    def test_a_dry_run_is_the_servers_plan(self):
        self.server.on(IMPORT, stub.Reply(200, PLAN))
        line = f'{COPY} --dry-run --store far i1'
        self.assertEqual(
            [
                {
                    'image_id': 'i1',
                    'image_name': 'legacy',
                    'status': 'planned',
                    'sources': ['fast'],
                    'targets': [{'store': 'far', 'bytes': 5}],
                    'bytes_total': 5,
                    'quota': {'used': 1},
                    'message': '',
                }
            ],
            self.rows(line),
        )
        self.assertTrue(self.sent()[0][1]['dry_run'])
        table = self.table(line)
        self.assertIn(['targets', 'store=far bytes=5'], table)
        self.assertIn(['sources', 'fast'], table)

    def test_a_server_that_does_not_offer_it(self):
        for info, words in (
            (
                stub.Reply(200, shell.INFO | {'import_methods': []}),
                'The server does not offer this: copy-image\n',
            ),
            (stub.NOT_FOUND, 'This Glance does not run glance-ext'),
        ):
            with self.subTest(words):
                self.server.on('GET /v2/info/glance-ext', info)
                for option in ('', '--dry-run'):
                    status, output, errors = self.openstack(
                        f'{COPY} --store far {option} i1 i2'
                    )
                    self.assertEqual((1, ''), (status, output))
                    self.assertIn(words, errors)
                self.assertEqual([], self.sent())

    def test_wrong_usage(self):
        for arguments in ('i1', '--store far', '--store far --all-stores i1'):
            with self.subTest(arguments):
                said = self.misused(f'{COPY} {arguments}')
                self.assertIn('usage: ', said)
