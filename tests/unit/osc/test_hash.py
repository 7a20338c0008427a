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

import csv
import io
import json
import subprocess
import sys
import unittest

from tests.unit.client import stub
from tests.unit.osc import shell

CALCULATE = 'image hash calculate'
COLUMNS = [
    'image_id',
    'image_name',
    'action_id',
    'status',
    'os_hash_algo',
    'os_hash_value',
    'checksum',
    'message',
]
RESULT = {
    'image_id': 'i1',
    'os_hash_algo': 'sha256',
    'os_hash_value': 'ab' * 32,
    'checksum': 'cd' * 16,
    'size': 5,
}


def action(name='a1', status='pending', **fields):
    body = {'id': name, 'action_type': 'hash', 'status': status}
    return body | {'message': f'It is {status}.'} | fields


class CalculateHashTest(shell.ShellCase):
    def accepted(self, image_id, *replies, name='legacy'):
        self.image(image_id, name=name)
        self.server.on(f'POST /v2/images/{image_id}/hash', *replies)

    def accepts(self, *seen):
        self.accepted('i1', stub.Reply(202, action()))
        self.server.on(
            'GET /v2/image-actions/a1',
            *(stub.Reply(200, each) for each in seen),
        )

    def calculate(self, *arguments):
        """Return the exit status, standard output and standard error."""
        return self.openstack(CALCULATE, *arguments)

    def test_accepted(self):
        self.accepts()
        status, output, errors = self.calculate('-f', 'json', 'i1')
        self.assertEqual((0, ''), (status, errors))
        (row,) = json.loads(output)
        self.assertEqual(COLUMNS, list(row))
        self.assertEqual(
            {
                'image_id': 'i1',
                'image_name': 'legacy',
                'action_id': 'a1',
                'status': 'pending',
                'os_hash_algo': None,
                'os_hash_value': None,
                'checksum': None,
                'message': 'It is pending.',
            },
            row,
        )
        self.assertEqual([('POST /v2/images/i1/hash', {})], self.sent())

    def test_the_options_reach_the_server(self):
        self.accepts()
        self.calculate('--algorithm', 'sha256', '--rehash', 'i1')
        self.assertEqual(
            [
                (
                    'POST /v2/images/i1/hash',
                    {'os_hash_algo': 'sha256', 'rehash': True},
                )
            ],
            self.sent(),
        )

    def test_wait_shows_the_result(self):
        self.accepts(
            action(status='processing'),
            action(status='success', result=RESULT),
        )
        status, output, errors = self.calculate('--wait', '-f', 'json', 'i1')
        self.assertEqual((0, 'legacy: success\n'), (status, errors))
        (row,) = json.loads(output)
        self.assertEqual('success', row['status'])
        for name in ('os_hash_algo', 'os_hash_value', 'checksum'):
            self.assertEqual(RESULT[name], row[name])

    def test_an_action_that_fails(self):
        error = {'code': 'hash_mismatch', 'message': 'The data differs.'}
        self.accepts(action(status='failure', error=error))
        status, output, errors = self.calculate('--wait', '-f', 'json', 'i1')
        self.assertEqual(1, status)
        self.assertIn('legacy: The data differs. (hash_mismatch)\n', errors)
        (row,) = json.loads(output)
        self.assertEqual('failure', row['status'])
        self.assertEqual('The data differs. (hash_mismatch)', row['message'])

    def test_an_action_that_cannot_be_seen_any_more(self):
        self.accepts()
        status, output, errors = self.calculate('--wait', '-f', 'json', 'i1')
        self.assertEqual(1, status)
        self.assertIn('legacy: Not known. (HTTP 404)\n', errors)
        (row,) = json.loads(output)
        self.assertEqual('a1', row['action_id'])
        self.assertEqual('Not known. (HTTP 404)', row['message'])

    def test_each_image_is_attempted(self):
        refused = stub.Reply(409, {'message': 'Not active.<br /><br />'})
        self.accepted('i1', refused)
        self.accepted('i2', stub.Reply(202, action('a2')), name='other')
        for hidden in ('false', 'true'):
            self.server.on(
                f'GET /v2/images?name=i3&visibility=all&os_hidden={hidden}',
                stub.Reply(200, {'images': []}),
            )
        status, output, errors = self.calculate(
            '-f', 'json', 'i1', 'i3', 'i2', 'i1'
        )
        self.assertEqual(1, status)
        self.assertEqual(
            'legacy: Not active. (HTTP 409)\n'
            'i3: No image found with name or ID "i3"\n',
            errors,
        )
        rows = json.loads(output)
        self.assertEqual(
            [
                ('i1', 'legacy', None, 'error', 'Not active. (HTTP 409)'),
                (
                    None,
                    'i3',
                    None,
                    'error',
                    'No image found with name or ID "i3"',
                ),
                ('i2', 'other', 'a2', 'pending', 'It is pending.'),
            ],
            [
                tuple(
                    row[name]
                    for name in (
                        'image_id',
                        'image_name',
                        'action_id',
                        'status',
                        'message',
                    )
                )
                for row in rows
            ],
        )

    def test_the_columns_are_the_same_in_every_format_for_programs(self):
        self.accepts()
        _, output, _ = self.calculate('-f', 'csv', 'i1')
        self.assertEqual(COLUMNS, next(csv.reader(io.StringIO(output))))
        _, output, _ = self.calculate('-f', 'value', '-c', 'action_id', 'i1')
        self.assertEqual('a1\n', output)

    def test_the_table_of_one_image_stands_upright(self):
        self.accepts()
        table = self.table(CALCULATE, 'i1')
        self.assertEqual(
            [
                ['Field', 'Value'],
                ['image_id', 'i1'],
                ['image_name', 'legacy'],
                ['action_id', 'a1'],
                ['status', 'pending'],
                ['message', 'It is pending.'],
            ],
            table,
        )
        table = self.table(CALCULATE, '-c', 'checksum', 'i1')
        self.assertEqual([['checksum'], ['']], table)

    def test_the_table_of_several_leaves_out_what_is_empty(self):
        self.accepts()
        refused = stub.Reply(409, {'message': 'Not active.<br /><br />'})
        self.accepted('i2', refused, name='other')
        table = self.table(CALCULATE, 'i1', 'i2')
        self.assertEqual(
            [
                ['image_id', 'image_name', 'action_id', 'status', 'message'],
                ['i1', 'legacy', 'a1', 'pending', 'It is pending.'],
                ['i2', 'other', '', 'error', 'Not active. (HTTP 409)'],
            ],
            table,
        )

    def test_no_table_of_nothing_but_errors(self):
        self.accepted('i1', stub.Reply(403, {'message': 'No.'}))
        self.assertEqual(
            (1, '', 'legacy: No. (HTTP 403)\n'), self.calculate('i1')
        )

    def test_a_glance_without_the_extension(self):
        self.accepted('i1')
        self.server.on('GET /v2/info/glance-ext')
        status, _, errors = self.calculate('i1')
        self.assertEqual(1, status)
        self.assertIn('This Glance does not run glance-ext', errors)

    def test_a_name_cannot_speak_to_the_terminal(self):
        name = '\x1b[2Jevil\n'
        refused = stub.Reply(409, {'message': 'No.'})
        self.accepted('i1', refused, name=name)
        _, _, errors = self.calculate('i1')
        self.assertEqual('?[2Jevil: No. (HTTP 409)\n', errors)
        self.accepted('i1', stub.Reply(202, action()), name=name)
        table = self.table(CALCULATE, 'i1')
        self.assertIn(['image_name', '?[2Jevil'], table)
        _, output, _ = self.calculate('-f', 'json', 'i1')
        self.assertEqual(name, json.loads(output)[0]['image_name'])

    def test_wrong_usage_ends_with_2(self):
        for arguments, words in (
            ('', 'which images?'),
            ('--algorithm', 'expected one argument'),
            ('--nonsense i1', '--nonsense'),
            ('--missing i1', 'either named or chosen'),
            ('--tag t i1', 'either named or chosen'),
            ('--property os_hidden=true', 'os_hidden is not a property'),
            ('--parallel 0 i1', '--parallel'),
        ):
            with self.subTest(arguments):
                said = self.misused(f'{CALCULATE} {arguments}')
                self.assertIn(words, said)

    def test_a_dry_run_says_what_would_be_asked(self):
        self.image('i1', name='legacy')
        self.image('i2', name='hashed', os_hash_value='ab')
        self.image('i3', name='off', status='deactivated')
        rows = self.rows(
            f'{CALCULATE} --dry-run --algorithm md5 i1 i2 i3'
        )
        self.assertEqual([], self.sent())
        self.assertEqual(
            {
                'image_id': 'i1',
                'image_name': 'legacy',
                'status': 'planned',
                'os_hash_algo': 'md5',
                'size': 5,
                'message': 'The server would be asked to read and hash it.',
            },
            rows[0],
        )
        self.assertEqual(
            [
                'It would be refused: it has a hash.',
                'It would be refused: it is deactivated.',
            ],
            [row['message'] for row in rows[1:]],
        )

    def test_missing_means_those_that_lack_a_hash(self):
        self.images(
            'status=active&',
            {'id': 'i1', 'name': 'legacy'},
            {'id': 'i2', 'os_hash_value': 'ab'},
            hidden=[{'id': 'i3'}],
        )
        for name in ('i1', 'i3'):
            self.server.on(
                f'POST /v2/images/{name}/hash',
                stub.Reply(202, action(f'of-{name}')),
            )
        rows = self.rows(f'{CALCULATE} --missing')
        self.assertEqual(
            [('i1', 'legacy', 'of-i1'), ('i3', 'i3', 'of-i3')],
            [
                (row['image_id'], row['image_name'], row['action_id'])
                for row in rows
            ],
        )


class ReportHashesTest(shell.ShellCase):
    def setUp(self):
        super().setUp()
        sha = {'os_hash_algo': 'sha512', 'os_hash_value': 'ab'}
        two = {'stores': 'fast,far', 'size': 5}
        self.images(
            'status=active&',
            {'id': 'i1', 'name': 'legacy', 'status': 'active', **two},
            {'id': 'i2', 'status': 'active', 'size': 7, **sha},
            {'id': 'i3', 'status': 'active', **two, **sha},
            # A half-set hash is none.
            {'id': 'i4', 'status': 'active', 'os_hash_algo': 'md5'},
        )

    def test_counts_by_algorithm(self):
        self.assertEqual(
            [
                {'os_hash_algo': None, 'images': 2, 'bytes': 5},
                {'os_hash_algo': 'sha512', 'images': 2, 'bytes': 12},
            ],
            self.rows('image hash report'),
        )

    def test_counts_by_store(self):
        status, output, _ = self.openstack(
            'image hash report --by-store -f csv --quote none'
        )
        self.assertEqual(0, status)
        self.assertEqual(
            [
                'store,os_hash_algo,images,bytes',
                ',,1,0',
                ',sha512,1,7',
                'far,,1,5',
                'far,sha512,1,5',
                'fast,,1,5',
                'fast,sha512,1,5',
            ],
            output.splitlines(),
        )

    def test_lists_those_that_lack_one(self):
        self.assertEqual(
            [
                {
                    'image_id': 'i1',
                    'image_name': 'legacy',
                    'owner': None,
                    'size': 5,
                    'checksum': None,
                    'stores': 'fast,far',
                },
                {
                    'image_id': 'i4',
                    'image_name': None,
                    'owner': None,
                    'size': None,
                    'checksum': None,
                    'stores': '',
                },
            ],
            self.rows('image hash report --missing'),
        )

    def test_named_images(self):
        self.image('i9', os_hash_algo='md5', os_hash_value='ab')
        self.assertEqual(
            [{'os_hash_algo': 'md5', 'images': 1, 'bytes': 5}],
            self.rows('image hash report i9'),
        )


class ImportTest(unittest.TestCase):
    def test_openstack_help_loads_little_for_us(self):
        # "openstack --help" imports every command for its first line.
        code = (
            'import sys, json\n'
            'from importlib import metadata\n'
            'from osc_lib.cli import format_columns, parseractions\n'
            'from osc_lib.command import command\n'
            'own = metadata.distribution("glance-ext").entry_points\n'
            'before = set(sys.modules)\n'
            'for each in own.select(group="openstack.image.v2"):\n'
            '    each.load()\n'
            'print(json.dumps(sorted(set(sys.modules) - before)))\n'
        )
        done = subprocess.run(
            [sys.executable, '-c', code],
            check=True,
            capture_output=True,
            text=True,
        )
        added = {name.partition('.')[0] for name in json.loads(done.stdout)}
        self.assertNotIn('glance_ext.client.calls', done.stdout)
        self.assertEqual({'glance_ext'}, added - sys.stdlib_module_names)
