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

DOWNLOAD = 'image web-download --uri https://example.com/i'
IMPORT = 'POST /v2/images/i1/import'


def method(**more):
    name = {'name': 'web-download', 'uri': 'https://example.com/i'}
    return {'method': name | more}


class WebDownloadTest(shell.ShellCase):
    def test_what_is_asked(self):
        self.action(IMPORT)
        for options, body in (
            ('', method()),
            (
                '--algorithm sha256 --digest ab',
                method(os_hash_algo='sha256', os_hash_value='ab'),
            ),
            (
                '--digest-uri https://example.com/SHA256SUMS',
                method(hash_uri='https://example.com/SHA256SUMS'),
            ),
            (
                '--store far --allow-failure',
                method()
                | {'stores': ['far'], 'all_stores_must_succeed': False},
            ),
        ):
            with self.subTest(options):
                (row,) = self.rows(f'{DOWNLOAD} {options} i1')
                self.assertEqual('a1', row['action_id'])
                self.assertEqual((IMPORT, body), self.sent()[-1])

    def test_wait_and_fail(self):
        error = {'code': 'hash_mismatch', 'message': 'Not what you expect.'}
        self.action(IMPORT, {'status': 'failure', 'error': error})
        status, output, errors = self.openstack(f'{DOWNLOAD} --wait i1')
        self.assertEqual(1, status)
        self.assertIn('Not what you expect. (hash_mismatch)', output)
        self.assertIn('legacy: Not what you expect. (hash_mismatch)\n', errors)

    def test_a_dry_run_is_the_servers_plan(self):
        plan = {'targets': [{'store': 'far', 'bytes': None}]}
        self.server.on(IMPORT, stub.Reply(200, plan))
        (row,) = self.rows(f'{DOWNLOAD} --dry-run i1')
        self.assertEqual(plan['targets'], row['targets'])
        self.assertEqual(
            [(IMPORT, method() | {'dry_run': True})], self.sent()
        )

    def test_a_server_that_does_not_offer_it(self):
        info = shell.INFO | {'import_methods': ['copy-image']}
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, info))
        self.assertEqual(
            (1, '', 'The server does not offer this: web-download\n'),
            self.openstack(f'{DOWNLOAD} i1'),
        )

    def test_wrong_usage(self):
        for line in (
            'image web-download i1',
            f'{DOWNLOAD}',
            f'{DOWNLOAD} i1 i2',
            f'{DOWNLOAD} --digest ab i1',
            f'{DOWNLOAD} --algorithm sha256 i1',
            f'{DOWNLOAD} --algorithm md5 --digest ab --digest-uri u i1',
        ):
            with self.subTest(line):
                self.assertIn('image web-download', self.misused(line))
