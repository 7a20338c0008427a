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

"""``openstack image hash calculate``, and the library beneath it.

The real program, from an environment without Glance, on a real Glance.
"""

import hashlib
import json
import os
import pty
import signal
import subprocess
import unittest
import uuid

import glanceclient
from keystoneauth1 import session
from keystoneauth1 import token_endpoint
import openstack.connection

from glance_ext import client
from tests.functional.cases import until
from tests.harness import glance
from tests.harness import programs
from tests.harness import users
from tests.harness import venvs

DATA = b'what an old cloud holds\n' * 4096
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()

CALCULATE = ('image', 'hash', 'calculate')


def command(server, *arguments, user=users.ADMIN):
    """The words of ``openstack``, authenticated by a header."""
    return [
        'openstack',
        '--os-auth-type=admin_token',
        f'--os-endpoint={server.url}/v2',
        f'--os-token={user.token}',
        *arguments,
    ]


def process(server, *arguments):
    """The same as the words of a process of its own."""
    openstack = str(venvs.ensure('client') / 'bin' / 'openstack')
    return [openstack, *command(server, *arguments)[1:]]


def environment():
    """What the program runs in: no cloud of whoever runs the tests."""
    kept = ('PATH', 'HOME', 'LANG', 'TERM')
    return {name: os.environ[name] for name in kept if name in os.environ}


class OpenstackCase(unittest.TestCase):
    maxDiff = None
    extension = True

    def setUp(self):
        self.server = glance.shared(extension=self.extension)
        self.addCleanup(self.server.clear_faults)

    def openstack(self, *arguments, user=users.ADMIN):
        return self.ended(command(self.server, *arguments, user=user))

    def ended(self, words):
        return programs.shared().run(words)

    def rows(self, *arguments, status=0, user=users.ADMIN):
        """The rows of the command, which ends with ``status``."""
        done = self.openstack(*CALCULATE, '-f', 'json', *arguments, user=user)
        self.assertEqual(status, done.returncode, done.stderr)
        return json.loads(done.stdout), done.stderr


class CalculateHashTest(OpenstackCase):
    def test_an_image_by_its_name(self):
        image = self.server.legacy(DATA, name='by its name')
        (row,), errors = self.rows('--wait', 'by its name')
        self.assertEqual('by its name: success\n', errors)
        self.assertEqual(image, row['image_id'])
        self.assertEqual('by its name', row['image_name'])
        self.assertEqual('success', row['status'])
        self.assertEqual('sha512', row['os_hash_algo'])
        self.assertEqual(SHA512, row['os_hash_value'])
        self.assertEqual(MD5, row['checksum'])
        self.assertEqual(SHA512, self.server.image(image)['os_hash_value'])

    def test_several_images_without_waiting(self):
        first = self.server.legacy(DATA, 'checksum')
        second = self.server.legacy(DATA, 'half')
        rows, errors = self.rows('--algorithm', 'sha256', first, second)
        self.assertEqual('', errors)
        self.assertEqual([first, second], [row['image_id'] for row in rows])
        for row in rows:
            action = self.server.wait_action(row['action_id'])
            self.assertEqual('success', action['status'])
            self.assertEqual(SHA256, action['result']['os_hash_value'])

    def test_one_that_is_refused_does_not_stop_the_others(self):
        hashed = self.server.upload(DATA, name='has one')
        queued = self.server.create(name='no data yet')['id']
        legacy = self.server.legacy(DATA, name='lacks one')
        rows, errors = self.rows(
            '--wait', hashed, queued, 'not there', legacy, status=1
        )
        self.assertEqual(
            ['error', 'error', 'error', 'success'],
            [row['status'] for row in rows],
        )
        lines = errors.splitlines()
        self.assertRegex(lines[0], r'^has one: .*has a hash.*\(HTTP 409\)$')
        self.assertRegex(lines[1], r'^no data yet: .*\(HTTP 409\)$')
        self.assertEqual(
            'not there: No image found with name or ID "not there"', lines[2]
        )
        self.assertEqual('lacks one: success', lines[3])

    def test_rehash(self):
        image = self.server.upload(DATA)
        (row,), _ = self.rows(
            '--wait', '--rehash', '--algorithm=sha256', image
        )
        self.assertEqual(SHA256, row['os_hash_value'])
        self.assertEqual('sha256', self.server.image(image)['os_hash_algo'])

    def test_an_action_that_fails(self):
        image = self.server.legacy(DATA, 'checksum', name='damaged')
        self.server.fault('corrupt', image=image)
        (row,), errors = self.rows('--wait', image, status=1)
        self.assertEqual('failure', row['status'])
        self.assertIn('(hash_mismatch)', row['message'])
        self.assertIsNone(row['os_hash_value'])
        self.assertEqual(
            f'damaged: failure\ndamaged: {row["message"]}\n', errors
        )

    def test_hidden_and_community_images_by_their_names(self):
        for properties in (
            {'name': 'out of sight', 'os_hidden': True},
            {'name': 'of another project', 'visibility': 'community'},
        ):
            with self.subTest(**properties):
                image = self.server.legacy(
                    DATA, user=users.OTHER, **properties
                )
                (row,), _ = self.rows('--wait', properties['name'])
                self.assertEqual(image, row['image_id'])

    def test_two_of_one_name(self):
        images = [self.server.legacy(DATA, name='twice') for _ in '12']
        done = self.openstack(*CALCULATE, 'twice')
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertIn('More than one image has the name "twice"', done.stderr)
        for image in images:
            self.assertIn(image, done.stderr)
            self.assertIsNone(self.server.image(image)['os_hash_algo'])

    def test_who_may_not_is_told_so(self):
        image = self.server.legacy(
            DATA, user=users.MEMBER, name='mine', visibility='private'
        )
        for user, words in (
            (users.MEMBER, 'mine: .*not authorized.*HTTP 403'),
            (users.OTHER, f'{image}: No image found'),
        ):
            with self.subTest(user.name):
                done = self.openstack(*CALCULATE, image, user=user)
                self.assertEqual((1, ''), (done.returncode, done.stdout))
                self.assertRegex(done.stderr, words)

    def test_a_token_that_is_not_valid(self):
        done = self.openstack(*CALCULATE, 'any', user=users.User('', None))
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertIn('401', done.stderr)

    def test_an_algorithm_that_is_none(self):
        image = self.server.legacy(DATA)
        done = self.openstack(*CALCULATE, '--algorithm=crc32', image)
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertRegex(done.stderr, "os_hash_algo.*crc32.*HTTP 400")

    def test_wrong_usage(self):
        for arguments in ((), ('--unknown', 'image'), ('--algorithm',)):
            with self.subTest(arguments):
                done = self.openstack(*CALCULATE, *arguments)
                self.assertEqual((2, ''), (done.returncode, done.stdout))
                self.assertIn('usage: openstack image hash', done.stderr)

    def test_the_formats(self):
        image = self.server.upload(DATA, name='formats')
        header = (
            'image_id,image_name,action_id,status,os_hash_algo,'
            'os_hash_value,checksum,message'
        )
        wait = (*CALCULATE, '--wait', '--rehash', '--quiet', image)
        csv = self.openstack(*wait, '-f', 'csv', '--quote', 'none')
        self.assertEqual(header, csv.stdout.splitlines()[0])
        value = self.openstack(*wait, '-f', 'value', '-c', 'os_hash_value')
        self.assertEqual(f'{SHA512}\n', value.stdout)
        table = self.openstack(*wait)
        self.assertRegex(table.stdout, rf'os_hash_value +\| {SHA512}')
        yaml = self.openstack(*wait, '-f', 'yaml')
        self.assertIn(f'os_hash_value: {SHA512}', yaml.stdout)

    def test_it_is_found_by_help_and_completion(self):
        done = self.openstack('help', *CALCULATE)
        self.assertEqual(0, done.returncode, done.stderr)
        for option in ('--wait', '--algorithm', '--rehash', '<image>'):
            self.assertIn(option, done.stdout)
        done = self.openstack('complete')
        self.assertIn("cmds_image_hash='calculate report'", done.stdout)

    def test_interrupted_it_says_how_to_follow(self):
        image = self.server.legacy(DATA)
        fault = self.server.fault('stall', image=image)
        with subprocess.Popen(
            process(self.server, *CALCULATE, '--wait', image),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as program:
            try:
                until(lambda: self.server.fired(fault))
                program.send_signal(signal.SIGINT)
                output, errors = program.communicate(timeout=60)
            finally:
                program.kill()
        self.assertEqual(130, program.returncode)
        self.assertIn(image, output)
        follow = errors.splitlines()[-2].split()
        self.assertEqual(
            ['openstack', 'image', 'action', 'show', '--wait'], follow[:5]
        )
        shown = self.openstack(*follow[1:4], follow[5], '-f', 'json')
        self.assertEqual('processing', json.loads(shown.stdout)['status'])
        self.server.clear_faults(fault)
        done = self.openstack(*follow[1:])
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r'status +\| success')

    def test_a_terminal_shows_a_bar_while_it_runs(self):
        image = self.server.legacy(DATA, name='on a terminal')
        fault = self.server.fault('stall', image=image)
        ours, theirs = pty.openpty()
        with open(ours, 'rb', buffering=0) as terminal:
            with subprocess.Popen(
                process(self.server, *CALCULATE, '--wait', image),
                stdout=subprocess.PIPE,
                stderr=theirs,
                text=True,
                env=environment() | {'TERM': 'xterm'},
            ) as program:
                os.close(theirs)
                try:
                    seen = b''
                    while b'reading' not in seen:
                        seen += terminal.read(4096)
                    self.server.clear_faults(fault)
                    output, _ = program.communicate(timeout=60)
                finally:
                    program.kill()
        self.assertEqual(0, program.returncode)
        self.assertIn(b'on a terminal  [........................]', seen)
        self.assertIn(SHA512, output)


class WithoutAuthenticationTest(OpenstackCase):
    def setUp(self):
        self.server = glance.shared(auth='none')

    def test_without_roles_nobody_may(self):
        # By hand: with today's oslo.policy, a Glance 32 without roles answers
        # 500 to whoever makes an image.
        self.server.sql(
            'insert into images (id, name, status, visibility, created_at, '
            'deleted, min_disk, min_ram, protected, os_hidden) values '
            "(?, 'nobody asks', 'active', 'public', '2020-01-01', "
            '0, 0, 0, 0, 0)',
            (str(uuid.uuid4()),),
        )
        done = self.ended(
            [
                'openstack',
                '--os-auth-type=none',
                f'--os-endpoint={self.server.url}',
                *CALCULATE,
                'nobody asks',
            ]
        )
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertRegex(
            done.stderr, '^nobody asks: .*not authorized.*HTTP 403'
        )


class WithoutExtensionTest(OpenstackCase):
    extension = False

    def test_it_is_said_plainly(self):
        image = self.server.legacy(DATA, name='old')
        done = self.openstack(*CALCULATE, image)
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertEqual(
            'old: This Glance does not run glance-ext (HTTP 404)\n',
            done.stderr,
        )


class LibraryTest(unittest.TestCase):
    def setUp(self):
        self.server = glance.shared()
        self.addCleanup(self.server.clear_faults)

    def libraries(self, user=users.ADMIN):
        url = self.server.url
        ours = token_endpoint.Token(f'{url}/v2', user.token)
        yield openstack.connection.Connection(
            session=session.Session(auth=ours)
        )
        # A glanceclient adds the version itself.
        its = token_endpoint.Token(url, user.token)
        yield glanceclient.Client('2', session=session.Session(auth=its))

    def test_calculates_waits_and_tells(self):
        for library in self.libraries():
            with self.subTest(type(library).__module__):
                images = client.Client(library)
                image = self.server.legacy(DATA)
                seen = []
                action = images.wait(
                    images.calculate_hash(image, 'sha256').id, seen.append
                )
                self.assertTrue(action.succeeded)
                self.assertEqual('hash', action.action_type)
                self.assertEqual('ended', action.phase)
                self.assertEqual(image, action.image_id)
                self.assertEqual(SHA256, action.result['os_hash_value'])
                self.assertEqual(len(DATA), action.result['size'])
                self.assertEqual(action, seen[-1])
                self.assertEqual(action, images.show_action(action.id))

    def test_refusals_are_in_glances_words(self):
        image = self.server.legacy(
            DATA, user=users.MEMBER, visibility='private'
        )
        hashed = self.server.upload(DATA)
        for library, member in zip(
            self.libraries(), self.libraries(users.MEMBER), strict=True
        ):
            with self.subTest(type(library).__module__):
                self.refused(
                    403, 'not authorized', client.Client(member), image
                )
                images = client.Client(library)
                self.refused(409, f'Image {hashed} has', images, hashed)
                absent = '00000000-0000-4000-8000-000000000000'
                self.refused(404, f'ID {absent}', images, absent)
                self.refused(400, 'crc32', images, image, 'crc32')

    def refused(self, status, words, images, *arguments):
        with self.assertRaises(client.Refused) as raised:
            images.calculate_hash(*arguments)
        self.assertNotIsInstance(raised.exception, client.ExtensionAbsent)
        self.assertEqual(status, raised.exception.status)
        self.assertIn(words, raised.exception.words)
        self.assertNotIn('<br', raised.exception.words)
