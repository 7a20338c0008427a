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
import io
import logging
import os
from unittest import mock

from glance_ext.osc import shell
from tests.unit.client import stub
from tests.unit.osc import shell as cases

ACTION = {'id': 'a1', 'action_type': 'hash', 'status': 'success'}
REQUEST = {'id': 'a1', 'status': 'success'}
GONE = stub.Reply(204, '', 'text/plain')

#: Each command of openstack, and something to say to it.
COMMANDS = {
    'image hash calculate': 'i1 --wait --os-hash-algo sha256',
    'image hash report': 'i1',
    'image copy': 'i1 --stores far --wait',
    'image web-download': 'i1 --uri https://example.com/i --wait',
    'image verify': 'i1 --wait',
    'image action list': '',
    'image action show': 'a1',
    'image action cancel': 'a1',
    'image import request create': 'mine --location https://example.com/i',
    'image import request list': '',
    'image import request show': 'a1',
    'image import request delete': 'a1',
    'image export create': 'i1 --location https://example.com/put',
    'image export list': '',
    'image export show': 'a1',
    'image export delete': 'a1',
}
SHOWS_NOTHING = ('cancel', 'delete')


class GlanceExtTest(cases.ShellCase):
    def setUp(self):
        super().setUp()
        for call in ('hash', 'import', 'verify'):
            self.action(f'POST /v2/images/i1/{call}', ACTION)
        self.server.on('POST /v2/images/i1/hash', stub.Reply(202, ACTION))
        for kind in ('imports', 'exports'):
            place = f'https://u/v2/image-{kind}/a1'
            created = stub.Reply(201, '', 'text/plain', {'Location': place})
            post = 'images/i1/export' if kind == 'exports' else 'image-imports'
            self.server.on(f'POST /v2/{post}', created)
            self.server.on(
                f'GET /v2/image-{kind}',
                stub.Reply(200, {f'image_{kind}': [REQUEST]}),
            )
            self.server.on(
                f'GET /v2/image-{kind}/a1', stub.Reply(200, REQUEST)
            )
            self.server.on(f'DELETE /v2/image-{kind}/a1', GONE)
        self.server.on(
            'GET /v2/image-actions',
            stub.Reply(200, {'image_actions': [ACTION]}),
        )
        self.server.on('DELETE /v2/image-actions/a1', GONE)

    def glance_ext(self, line):
        """Return the exit status, standard output and standard error."""
        argv = ['glance-ext', '--os-image-url', self.server.url]
        argv += ['--os-auth-token', 'a-token', *line.split()]
        output, errors = io.StringIO(), io.StringIO()
        logging.root.handlers = []
        logging.root.setLevel(logging.WARNING)
        kept = {k: v for k, v in os.environ.items() if k[:3] != 'OS_'}
        with (
            mock.patch('sys.argv', argv),
            mock.patch.dict(os.environ, kept, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            self.assertRaises(SystemExit) as ended,
        ):
            shell.main()
            # What only prints help does not end the program itself.
            raise SystemExit(0)
        status = ended.exception.code
        if isinstance(status, str):
            errors.write(status)
            status = 1
        return status or 0, output.getvalue(), errors.getvalue()

    def test_every_command_does_what_it_does_in_openstack(self):
        names = [point.name for _, point in shell.commands()]
        self.assertEqual(
            sorted(COMMANDS), sorted(n.replace('_', ' ') for n in names)
        )
        for name, arguments in COMMANDS.items():
            with self.subTest(name):
                if not name.endswith(SHOWS_NOTHING):
                    arguments += ' -f json'
                del self.server.requests[:]
                one = self.openstack(f'{name} {arguments}')
                asked = self.sent()
                del self.server.requests[:]
                other = self.glance_ext(f'{shell.spell(name)} {arguments}')
                self.assertEqual(0, one[0], one[2])
                self.assertEqual(one, other)
                self.assertEqual(asked, self.sent())
                token = self.server.requests[-1].headers['X-Auth-Token']
                self.assertEqual('a-token', token)

    def test_the_names(self):
        self.assertEqual('image-hash', shell.spell('image hash calculate'))
        self.assertEqual('image-copy', shell.spell('image copy'))
        self.assertEqual(
            'image-import-request-list',
            shell.spell('image import request list'),
        )

    def test_an_action_that_fails_ends_with_1(self):
        error = {'code': 'data_missing', 'message': 'It is gone.'}
        failed = ACTION | {'status': 'failure', 'error': error}
        self.server.on('GET /v2/image-actions/a1', stub.Reply(200, failed))
        status, _, errors = self.glance_ext('image-hash i1 --wait')
        self.assertEqual(1, status)
        self.assertIn('legacy: It is gone. (data_missing)\n', errors)

    def test_the_servers_no_ends_with_1(self):
        refused = stub.Reply(403, {'message': 'Not you.<br /><br />'})
        self.server.on('POST /v2/images/i1/hash', refused)
        self.server.on('GET /v2/image-actions', refused)
        self.assertEqual(
            (1, '', 'legacy: Not you. (HTTP 403)\n'),
            self.glance_ext('image-hash i1'),
        )
        self.assertEqual(
            (1, '', 'Not you. (HTTP 403)'),
            self.glance_ext('image-action-list'),
        )

    def test_wrong_usage_ends_with_2(self):
        for line, words in (
            ('image-hash', 'glance-ext image-hash: error: which images?'),
            ('image-copy i1', 'glance-ext image-copy: error: '),
            ('nonsense', "invalid choice: 'nonsense'"),
        ):
            with self.subTest(line):
                status, output, errors = self.glance_ext(line)
                self.assertEqual((2, ''), (status, output))
                self.assertIn(words, errors)

    def test_help(self):
        status, output, _ = self.glance_ext('help')
        self.assertEqual(0, status)
        for name in COMMANDS:
            self.assertIn(f' {shell.spell(name)}', output)
        self.assertIn('--os-auth-url', output)
        # Nothing of glanceclient's own commands, nor of its first version.
        self.assertNotIn('member-create', output)
        self.assertNotIn('v1', output)
        status, output, _ = self.glance_ext('help image-hash')
        self.assertEqual(0, status)
        self.assertIn('usage: glance-ext image-hash ', output)
        self.assertIn('--os-hash-algo', output)
        self.assertIn('image-action-show --wait <action>"', output)
        self.assertNotIn('openstack', output)

    def test_completion_has_every_command(self):
        _, output, _ = self.glance_ext('bash-completion')
        words = output.split()
        for name in COMMANDS:
            self.assertIn(shell.spell(name), words)
        self.assertIn('--os-hash-algo', words)

    def test_the_version_is_ours(self):
        _, output, _ = self.glance_ext('--version')
        self.assertRegex(output, r'^glance-ext \d')

    def test_nothing_but_what_was_asked_for_is_requested(self):
        self.glance_ext('image-action-show a1')
        self.assertEqual(
            ['GET /v2/image-actions/a1'], self.server.calls()
        )

    def test_debugging_shows_no_password(self):
        _, _, errors = self.glance_ext(
            '--debug --os-password s3cret image-action-show a1'
        )
        self.assertIn('run(Namespace(', errors)
        self.assertNotIn('s3cret', errors)
        self.assertNotIn('a-token', errors)

    def test_the_formats(self):
        for form, words in (
            ('json', '"id": "a1"'),
            ('csv', '"a1","hash",'),
            ('yaml', 'id: a1'),
            ('value', 'a1 hash'),
            ('table', '| a1 | hash '),
        ):
            with self.subTest(form):
                _, output, _ = self.glance_ext(f'image-action-list -f {form}')
                self.assertIn(words, output)
