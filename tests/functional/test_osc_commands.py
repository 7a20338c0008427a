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
"""The commands beside ``image hash calculate``, on a real Glance.

Both programs run from an environment without Glance.
"""

import json
import subprocess
import unittest
import uuid

from glance_ext.osc import shell
from tests.functional.cases import until
from tests.harness import glance
from tests.harness import programs
from tests.harness import users
from tests.harness import venvs
from tests.unit.client import stub

#: What an older server says that it offers.
OLDER = {'action_types': ['hash'], 'import_methods': []}
DATA = b'what an old cloud holds\n' * 4096


class CommandsCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.server = glance.shared()
        self.addCleanup(self.server.clear_faults)
        #: What only the images of this test have.
        self.tag = uuid.uuid4().hex

    def openstack(self, *line, user=users.ADMIN):
        told = (
            'openstack',
            '--os-auth-type=admin_token',
            f'--os-endpoint={self.server.url}/v2',
            f'--os-token={user.token}',
        )
        return programs.shared().run([*told, *line])

    def glance_ext(self, *line, user=users.ADMIN):
        told = (
            'glance-ext',
            f'--os-image-url={self.server.url}',
            f'--os-auth-token={user.token}',
        )
        return programs.shared().run([*told, *line])

    def shown(self, done, status=0):
        self.assertEqual(status, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def legacy(self, **properties):
        return self.server.legacy(DATA, tags=[self.tag], **properties)


class ProgramsTest(CommandsCase):
    def test_both_know_every_command(self):
        done = programs.shared().run(['openstack', 'image', '--help'])
        self.assertEqual(0, done.returncode, done.stderr)
        twins = self.glance_ext('help').stdout
        for name, point in shell.commands():
            with self.subTest(name):
                command = point.name.replace('_', ' ')
                self.assertRegex(done.stdout, rf'(?m)^  {command}( |$)')
                self.assertRegex(twins, rf'(?m)^    {name}( |$)')

    def test_their_environment_has_no_glance(self):
        python = venvs.ensure('client') / 'bin' / 'python'
        code = (
            'from importlib import util\n'
            'names = "glance", "glance_store", "oslo_db", "sqlalchemy"\n'
            'print([name for name in names if util.find_spec(name)])\n'
        )
        done = subprocess.run(
            [python, '-c', code], check=True, capture_output=True, text=True
        )
        self.assertEqual('[]\n', done.stdout)

    def test_wrong_usage(self):
        for done in (
            self.openstack('image', 'copy', '--store', 'slow'),
            self.openstack('image', 'web-download', 'an-image'),
            self.glance_ext('image-hash'),
        ):
            self.assertEqual((2, ''), (done.returncode, done.stdout))
            self.assertIn('usage: ', done.stderr)


class MissingTest(CommandsCase):
    def test_report_dry_run_backfill_and_report_again(self):
        lacking = {
            self.legacy(),
            self.legacy(os_hidden=True),
            self.legacy(user=users.OTHER, visibility='community'),
        }
        hashed = self.server.upload(DATA, tags=[self.tag])
        chosen = ('--tag', self.tag, '-f', 'json')
        report = ('image', 'hash', 'report', *chosen)
        counts = self.shown(self.openstack(*report))
        self.assertEqual(
            [
                {
                    'os_hash_algo': None,
                    'images': 3,
                    'bytes': 3 * len(DATA),
                },
                {'os_hash_algo': 'sha512', 'images': 1, 'bytes': len(DATA)},
            ],
            counts,
        )
        calculate = ('image', 'hash', 'calculate', '--missing', *chosen)
        planned = self.shown(self.openstack(*calculate, '--dry-run'))
        self.assertEqual(lacking, {row['image_id'] for row in planned})
        rows = self.shown(self.openstack(*calculate, '--parallel', '2'))
        self.assertEqual(
            {(image, 'success') for image in lacking},
            {(row['image_id'], row['status']) for row in rows},
        )
        self.assertEqual([], self.shown(self.openstack(*calculate)))
        (count,) = self.shown(self.openstack(*report))
        self.assertEqual(4, count['images'])
        self.assertNotIn(hashed, lacking)

    def test_the_project_and_the_store(self):
        mine = self.legacy(user=users.OTHER, stores=['slow'])
        self.legacy(user=users.OTHER)
        self.legacy(stores=['slow'])
        rows = self.shown(
            self.openstack(
                *('image', 'hash', 'report', '--missing', '-f', 'json'),
                *('--tag', self.tag, '--in-store', 'slow'),
                *('--project', users.OTHER.project),
            )
        )
        self.assertEqual([mine], [row['image_id'] for row in rows])

    def test_more_images_than_a_page_holds(self):
        # By hand, since each costs a request otherwise.
        ids = sorted(str(uuid.uuid4()) for _ in range(501))
        for image in ids:
            self.server.sql(
                'insert into images (id, name, status, visibility, '
                'created_at, deleted, min_disk, min_ram, protected, '
                "os_hidden, owner) values (?, 'many', 'active', 'private', "
                "'2020-01-01', 0, 0, 0, 0, 0, ?)",
                (image, self.tag),
            )
        rows = self.shown(
            self.openstack(
                *('image', 'hash', 'report', '--missing', '-f', 'json'),
                *('--project', self.tag),
            )
        )
        self.assertEqual(ids, [row['image_id'] for row in rows])


class CopyTest(CommandsCase):
    def test_plan_copy_and_copy_what_is_missing(self):
        image = self.server.upload(DATA, stores=['fast'], tags=[self.tag])
        copy = ('image', 'copy', '--store', 'slow', '-f', 'json')
        (planned,) = self.shown(self.openstack(*copy, '--dry-run', image))
        self.assertEqual(['fast'], planned['sources'])
        self.assertEqual(len(DATA), planned['bytes_total'])
        (row,) = self.shown(self.openstack(*copy, '--wait', image))
        self.assertEqual('success', row['status'])
        self.assertEqual('success', row['stores']['slow']['status'])
        self.assertEqual('fast,slow', self.server.image(image)['stores'])
        again = ('image-copy', '--stores', 'slow,cold', '--missing')
        done = self.glance_ext(
            *again, '--tag', self.tag, '--wait', '-f', 'json'
        )
        self.assertEqual(['cold'], list(self.shown(done)[0]['stores']))
        done = self.openstack(*copy[:2], '--all-stores', image, '-f', 'json')
        (row,) = self.shown(done)
        self.assertEqual('There was nothing to do.', row['message'])

    def test_move(self):
        image = self.server.upload(
            DATA, stores=['fast', 'slow'], tags=[self.tag]
        )
        move = ('image', 'copy', '--move', '--store', 'cold', '-f', 'json')
        (row,) = self.shown(self.openstack(*move, image))
        self.assertEqual('success', row['status'])
        self.assertEqual('cold', self.server.image(image)['stores'])
        self.assertEqual(DATA, self.server.download(image))
        for store in ('fast', 'slow'):
            self.assertFalse(self.server.store_file(store, image).exists())

    def test_the_servers_no(self):
        image = self.server.upload(DATA, user=users.MEMBER)
        for store, user, words in (
            ('nowhere', users.ADMIN, 'HTTP 409'),
            ('slow', users.MEMBER, 'HTTP 403'),
        ):
            with self.subTest(store):
                done = self.openstack(
                    'image', 'copy', '--store', store, image, user=user
                )
                self.assertEqual((1, ''), (done.returncode, done.stdout))
                self.assertIn(words, done.stderr)


class VerifyTest(CommandsCase):
    def test_every_copy_has_its_verdict(self):
        image = self.server.upload(DATA, stores=['fast', 'slow'])
        line = ('--wait', image, '-f', 'json')
        done = self.openstack('image', 'verify', *line)
        (row,) = self.shown(done)
        self.assertEqual('success', row['status'])
        self.assertEqual({'fast', 'slow'}, set(row['stores']))
        self.server.store_file('slow', image).write_bytes(b'rotten')
        done = self.glance_ext('image-verify', *line)
        (row,) = self.shown(done, 1)
        self.assertIn('(bad_copy)', row['message'])
        done = self.openstack('image', 'verify', '--repair', *line)
        self.assertEqual('success', self.shown(done)[0]['status'])
        table = self.openstack('image', 'verify', '--wait', image).stdout
        self.assertRegex(table, r'stores +\| fast good, slow good')


class ActionsTest(CommandsCase):
    def test_list_show_and_cancel(self):
        image = self.legacy(name=self.tag)
        fault = self.server.fault('stall', image=image)
        done = self.glance_ext(
            *('image-hash', '--os-hash-algo', 'sha256', self.tag),
            *('-f', 'json'),
        )
        action = self.shown(done)[0]['action_id']
        until(lambda: self.server.fired(fault))
        listed = ('image', 'action', 'list', '--image', image, '-f', 'json')
        (row,) = self.shown(self.openstack(*listed))
        self.assertEqual((action, 'hash'), (row['id'], row['action_type']))
        self.assertEqual(
            [], self.shown(self.openstack(*listed, '--status', 'success'))
        )
        done = self.openstack('image', 'action', 'cancel', action)
        self.assertEqual(programs.Ended(0, '', ''), done)
        self.server.clear_faults(fault)
        done = self.glance_ext('image-action-cancel', action)
        self.assertEqual(1, done.returncode)
        self.assertIn('HTTP 409', done.stderr)
        done = self.openstack(
            'image', 'action', 'show', '--wait', action, '-f', 'json'
        )
        shown = self.shown(done, 1)
        self.assertEqual('cancelled', shown['error'])
        self.assertEqual('ended', shown['phase'])
        self.assertIsNone(self.server.image(image)['os_hash_algo'])


class OlderServerTest(CommandsCase):
    def test_what_it_does_not_offer_is_said_before_anything_is_done(self):
        with stub.Server() as self.server:
            self.server.on('GET /v2/info/glance-ext', stub.Reply(200, OLDER))
            for what, line in (
                ('verify', 'image verify my-image'),
                ('copy-image', 'image copy --all-stores my-image'),
                ('web-download', 'image web-download --uri http://u my-image'),
                ('import', 'image import request list'),
                ('export', 'image export list'),
            ):
                with self.subTest(what):
                    self.assertEqual(
                        programs.Ended(
                            1, '', f'The server does not offer this: {what}\n'
                        ),
                        self.openstack(*line.split()),
                    )
            self.assertEqual(
                {'GET /v2/info/glance-ext'}, set(self.server.calls())
            )
