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

VERIFY = 'POST /v2/images/i1/verify'


class VerifyImageTest(shell.ShellCase):
    def test_what_is_asked(self):
        self.action(VERIFY)
        for options, body in (
            ('', {}),
            ('--store far,slow', {'stores': ['far', 'slow']}),
            ('--repair', {'repair': True}),
        ):
            with self.subTest(options):
                (row,) = self.rows(f'image verify {options} i1')
                self.assertEqual('a1', row['action_id'])
                self.assertEqual((VERIFY, body), self.sent()[-1])

    def test_the_verdicts(self):
        stores = {'far': 'good', 'slow': {'verdict': 'corrupt', 'from': 7}}
        error = {'code': 'bad_copy', 'message': 'One copy is bad.'}
        self.action(
            VERIFY,
            {
                'status': 'failure',
                'error': error,
                'result': {'stores': stores},
            },
        )
        (row,) = self.rows('image verify --wait i1', status=1)
        self.assertEqual(stores, row['stores'])
        self.assertEqual('One copy is bad. (bad_copy)', row['message'])
        self.assertIn(
            ['stores', 'far good, slow corrupt'],
            self.table('image verify --wait i1'),
        )

    def test_deactivated_images_are_verified_too(self):
        self.images(
            'tag=old&status=in%3Aactive%2Cdeactivated&',
            {'id': 'i1', 'status': 'deactivated', 'stores': 'far,slow'},
        )
        (row,) = self.rows('image verify --dry-run --tag old')
        self.assertEqual(['far', 'slow'], row['stores'])
        self.assertEqual('It has no hash to compare with.', row['message'])
        self.assertEqual([], self.sent())

    def test_a_server_that_does_not_offer_it(self):
        info = shell.INFO | {'action_types': ['hash']}
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, info))
        self.assertEqual(
            (1, '', 'The server does not offer this: verify\n'),
            self.openstack('image verify i1'),
        )
