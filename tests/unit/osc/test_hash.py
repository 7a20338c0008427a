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

import contextlib
import csv
import io
import json
import logging
import subprocess
import sys
import unittest

from glance_ext.osc import hash as hash_commands
from tests.unit.client import stub
from tests.unit.osc import shell

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


class CalculateHashTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(stub.Server())
        self.image('i1', 'legacy')
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, {}))
        root = logging.getLogger()
        self.addCleanup(setattr, root, 'handlers', root.handlers[:])
        self.addCleanup(root.setLevel, root.level)

    def image(self, name_or_id, name, *replies):
        self.server.on(
            f'GET /v2/images/{name_or_id}',
            stub.Reply(200, {'id': name_or_id, 'name': name}),
        )
        self.server.on(f'POST /v2/images/{name_or_id}/hash', *replies)

    def accepts(self, *seen):
        self.image('i1', 'legacy', stub.Reply(202, action()))
        self.server.on(
            'GET /v2/image-actions/a1',
            *(stub.Reply(200, each) for each in seen),
        )

    def openstack(self, *arguments):
        """Return the exit status, standard output and standard error."""
        program = shell.Shell(
            self.server, 'image hash calculate', hash_commands.CalculateHash
        )
        status = program.run(['image', 'hash', 'calculate', *arguments])
        return status, program.output.getvalue(), program.errors.getvalue()

    def sent(self):
        return [
            (each.path, each.body)
            for each in self.server.requests
            if each.method == 'POST'
        ]

    def test_accepted(self):
        self.accepts()
        status, output, errors = self.openstack('-f', 'json', 'i1')
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
        self.assertEqual([('/v2/images/i1/hash', {})], self.sent())

    def test_the_options_reach_the_server(self):
        self.accepts()
        self.openstack('--algorithm', 'sha256', '--rehash', 'i1')
        self.assertEqual(
            [
                (
                    '/v2/images/i1/hash',
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
        status, output, errors = self.openstack('--wait', '-f', 'json', 'i1')
        self.assertEqual((0, 'legacy: success\n'), (status, errors))
        (row,) = json.loads(output)
        self.assertEqual('success', row['status'])
        for name in ('os_hash_algo', 'os_hash_value', 'checksum'):
            self.assertEqual(RESULT[name], row[name])

    def test_an_action_that_fails(self):
        error = {'code': 'hash_mismatch', 'message': 'The data differs.'}
        self.accepts(action(status='failure', error=error))
        status, output, errors = self.openstack('--wait', '-f', 'json', 'i1')
        self.assertEqual(1, status)
        self.assertIn('legacy: The data differs. (hash_mismatch)\n', errors)
        (row,) = json.loads(output)
        self.assertEqual('failure', row['status'])
        self.assertEqual('The data differs. (hash_mismatch)', row['message'])

    def test_an_action_that_cannot_be_seen_any_more(self):
        self.accepts()
        status, output, errors = self.openstack('--wait', '-f', 'json', 'i1')
        self.assertEqual(1, status)
        self.assertIn('legacy: Not known. (HTTP 404)\n', errors)
        (row,) = json.loads(output)
        self.assertEqual('a1', row['action_id'])
        self.assertEqual('Not known. (HTTP 404)', row['message'])

    def test_each_image_is_attempted(self):
        refused = stub.Reply(409, {'message': 'Not active.<br /><br />'})
        self.image('i1', 'legacy', refused)
        self.image('i2', 'other', stub.Reply(202, action('a2')))
        for hidden in ('false', 'true'):
            self.server.on(
                f'GET /v2/images?name=i3&visibility=all&os_hidden={hidden}',
                stub.Reply(200, {'images': []}),
            )
        status, output, errors = self.openstack(
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
        _, output, _ = self.openstack('-f', 'csv', 'i1')
        self.assertEqual(COLUMNS, next(csv.reader(io.StringIO(output))))
        _, output, _ = self.openstack('-f', 'value', '-c', 'action_id', 'i1')
        self.assertEqual('a1\n', output)

    def table(self, output):
        """The cells of a table, row by row."""
        return [
            [cell.strip() for cell in line.strip('|').split('|')]
            for line in output.splitlines()
            if line.startswith('|')
        ]

    def test_the_table_of_one_image_stands_upright(self):
        self.accepts()
        _, output, _ = self.openstack('i1')
        self.assertEqual(
            [
                ['Field', 'Value'],
                ['image_id', 'i1'],
                ['image_name', 'legacy'],
                ['action_id', 'a1'],
                ['status', 'pending'],
                ['message', 'It is pending.'],
            ],
            self.table(output),
        )
        _, output, _ = self.openstack('-c', 'checksum', 'i1')
        self.assertEqual([['checksum'], ['']], self.table(output))

    def test_the_table_of_several_leaves_out_what_is_empty(self):
        self.accepts()
        refused = stub.Reply(409, {'message': 'Not active.<br /><br />'})
        self.image('i2', 'other', refused)
        _, output, _ = self.openstack('i1', 'i2')
        self.assertEqual(
            [
                ['image_id', 'image_name', 'action_id', 'status', 'message'],
                ['i1', 'legacy', 'a1', 'pending', 'It is pending.'],
                ['i2', 'other', '', 'error', 'Not active. (HTTP 409)'],
            ],
            self.table(output),
        )

    def test_no_table_of_nothing_but_errors(self):
        self.image('i1', 'legacy', stub.Reply(403, {'message': 'No.'}))
        self.assertEqual(
            (1, '', 'legacy: No. (HTTP 403)\n'), self.openstack('i1')
        )

    def test_a_glance_without_the_extension(self):
        self.image('i1', 'legacy')
        self.server.on('GET /v2/info/glance-ext')
        status, _, errors = self.openstack('i1')
        self.assertEqual(1, status)
        self.assertIn('This Glance does not run glance-ext', errors)

    def test_a_name_cannot_speak_to_the_terminal(self):
        name = '\x1b[2Jevil\n'
        self.image('i1', name, stub.Reply(409, {'message': 'No.'}))
        _, _, errors = self.openstack('i1')
        self.assertEqual('?[2Jevil: No. (HTTP 409)\n', errors)
        self.image('i1', name, stub.Reply(202, action()))
        _, output, _ = self.openstack('i1')
        self.assertIn(['image_name', '?[2Jevil'], self.table(output))
        _, output, _ = self.openstack('-f', 'json', 'i1')
        self.assertEqual(name, json.loads(output)[0]['image_name'])

    def test_wrong_usage_ends_with_2(self):
        for arguments in ([], ['--algorithm'], ['--nonsense', 'i1']):
            with (
                self.subTest(arguments),
                contextlib.redirect_stderr(io.StringIO()),
                self.assertRaises(SystemExit) as ended,
            ):
                self.openstack(*arguments)
            self.assertEqual(2, ended.exception.code)


class ImportTest(unittest.TestCase):
    def test_openstack_help_loads_little_for_us(self):
        # "openstack --help" imports every command for its first line.
        code = (
            'import sys, json\n'
            'from osc_lib.command import command\n'
            'before = set(sys.modules)\n'
            'import glance_ext.osc.hash\n'
            'print(json.dumps(sorted(set(sys.modules) - before)))\n'
        )
        done = subprocess.run(
            [sys.executable, '-c', code],
            check=True,
            capture_output=True,
            text=True,
        )
        added = {name.partition('.')[0] for name in json.loads(done.stdout)}
        self.assertEqual({'glance_ext'}, added - sys.stdlib_module_names)
