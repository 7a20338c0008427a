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
"""``glance-ext-manage hash-missing`` and ``report``, beside a real Glance."""

import hashlib
import json
import signal
from xml.etree import ElementTree

from tests.functional import cases
from tests.harness import commands

DATA = b'data' * 1000


class ManageCase(cases.HashCase):
    arguments = {'config': {'DEFAULT': {'http_retries': 0},
                            'glance_ext': {'heartbeat_timeout': 10}},
                 'database': None, 'stores': ('fast', 'slow')}

    def setUp(self):
        super().setUp()
        self.glance.sql("update images set deleted = 1, status = 'deleted'")

    def begin(self, *arguments):
        """Start the command."""
        config = self.glance.directory / 'etc' / 'glance-api.conf'
        command = commands.Command(
            'glance_ext.cmd.manage',
            ['--config-file', str(config), *arguments],
            self.glance.directory)
        self.addCleanup(command.kill)
        return command

    #: Seconds that a program may take.
    patience = 60

    def manage(self, *arguments, status=0):
        """Run the program; return what it printed."""
        process = self.begin(*arguments)
        out, errors = process.communicate(self.patience)
        self.assertEqual(status, process.returncode, errors + out)
        return out

    def lines(self, *arguments, status=0):
        """Run it with ``--json``; return its lines, the summary apart."""
        out = self.manage(*arguments, '--json', status=status)
        *lines, last = map(json.loads, out.splitlines())
        return {line['image_id']: line for line in lines}, last


class HashMissingTest(ManageCase):

    def right(self, image, algorithm='sha512'):
        self.assertEqual(
            (hashlib.md5(DATA).hexdigest(), algorithm,
             hashlib.new(algorithm, DATA).hexdigest()),
            self.digests(image))
        self.assertIsNone(self.lock(image))

    def test_every_active_image_without_a_hash_gets_one(self):
        wanted = {self.glance.legacy(DATA, shape)
                  for shape in ('bare', 'checksum', 'half')}
        wanted.add(self.glance.legacy(DATA, os_hidden=True))
        wanted.add(self.glance.legacy(DATA, visibility='community'))
        self.glance.upload(DATA)
        self.glance.create()
        lines, last = self.lines('hash-missing', '--parallel', '2')
        self.assertEqual({image: 'hashed' for image in wanted},
                         {key: line['outcome']
                          for key, line in lines.items()})
        for image in wanted:
            self.right(image)
            self.assertEqual(self.digests(image)[2],
                             lines[image]['os_hash_value'])
        self.assertEqual(
            {'summary': {'images': 5, 'bytes': 5 * len(DATA), 'hashed': 5,
                         'failed': 0, 'busy': 0, 'changed': 0,
                         'handed-back': 0}, 'complete': True}, last)
        text = self.manage('hash-missing')
        self.assertEqual('0 images, 0 B\n', text)

    def test_a_dry_run_lists_and_changes_nothing(self):
        image = self.glance.legacy(DATA)
        before = self.everything(image)
        lines, last = self.lines('hash-missing', '--dry-run')
        self.assertEqual('would-hash', lines[image]['outcome'])
        self.assertEqual(
            {'images': 1, 'bytes': len(DATA), 'would-hash': 1},
            last['summary'])
        self.assertEqual(before, self.everything(image))
        self.assertEqual(
            f'{image} would-hash  3.9 KiB\n1 images, 3.9 KiB: 1 would-hash\n',
            self.manage('hash-missing', '--dry-run'))

    def test_one_algorithm_replaces_another(self):
        weak, strong = self.glance.legacy(DATA), self.glance.upload(DATA)
        self.set_columns(weak, os_hash_algo='md5',
                         os_hash_value=hashlib.md5(DATA).hexdigest())
        lines, _ = self.lines('hash-missing', '--having-algorithm', 'md5',
                              '--algorithm', 'sha256')
        self.assertEqual({weak}, set(lines))
        self.right(weak, 'sha256')
        self.right(strong)

    def test_stores_and_age_narrow_the_sweep(self):
        old, new = (self.glance.legacy(DATA, stores=[store])
                    for store in ('slow', 'fast'))
        self.glance.sql('update images set created_at = ? where id = ?',
                        ('2020-01-01 00:00:00', old))
        for narrow, image in ((['--stores', 'slow'], old),
                              (['--stores', 'fast'], new),
                              (['--older-than', '7d'], old)):
            with self.subTest(narrow):
                lines, _ = self.lines('hash-missing', '--dry-run', *narrow)
                self.assertEqual({image}, set(lines))

    def test_a_failure_is_told_and_the_sweep_goes_on(self):
        bad, good = self.glance.legacy(DATA), self.glance.legacy(DATA)
        self.glance.store_file('fast', bad).unlink()
        lines, _ = self.lines('hash-missing', status=1)
        self.assertEqual('failed', lines[bad]['outcome'])
        self.assertEqual('data_missing', lines[bad]['error']['code'])
        self.right(good)
        self.assertIn(f'{bad} failed      data_missing: ',
                      self.manage('hash-missing', status=1))

    def test_two_at_once_never_hash_an_image_twice(self):
        wanted = {self.glance.legacy(DATA) for _ in range(8)}
        both = [self.begin('hash-missing', '--json', '--parallel', '2')
                for _ in range(2)]
        hashed = []
        for process in both:
            out, errors = process.communicate()
            self.assertEqual(0, process.returncode, errors)
            for line in map(json.loads, out.splitlines()[:-1]):
                self.assertIn(line['outcome'], ('hashed', 'busy', 'changed'))
                if line['outcome'] == 'hashed':
                    hashed.append(line['image_id'])
        self.assertEqual(sorted(wanted), sorted(hashed))

    def test_a_signal_hands_back_and_the_next_run_goes_on(self):
        big = self.glance.legacy(b'x' * (8 << 20))
        state = self.glance.directory / 'state'
        process = self.begin('hash-missing', '--json', '--state', str(state),
                             '--bytes-per-second', '100k')
        cases.until(lambda: self.lock(big))
        process.signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=30)
        self.assertEqual(3, process.returncode, errors)
        line, last = map(json.loads, out.splitlines())
        self.assertEqual('handed-back', line['outcome'])
        self.assertFalse(last['complete'])
        self.assertEqual(big, state.read_text())
        # The API process goes on with it.
        self.succeeded(self.ended(line['action_id']))
        self.manage('hash-missing', '--state', str(state))
        self.assertEqual('', state.read_text())

    def test_time_that_is_up_ends_with_3(self):
        image = self.glance.legacy(DATA)
        out = self.manage('hash-missing', '--max-duration', '0', status=3)
        self.assertEqual('0 images, 0 B; stopped before the end\n', out)
        self.assertIsNone(self.digests(image)[2])

    def test_wrong_usage_and_no_configuration(self):
        self.manage('hash-missing', '--algorithm', 'md6', status=2)
        self.manage('hash-missing', '--parallel', '0', status=2)
        program = self.begin('report', '--config-file', '/nowhere')
        _, errors = program.communicate()
        self.assertEqual(1, program.returncode)
        self.assertIn('/nowhere', errors)


class ReportTest(ManageCase):

    def test_images_bytes_and_stores_without_a_hash_are_counted(self):
        self.glance.legacy(DATA, stores=['fast', 'slow'])
        self.glance.legacy(DATA, 'checksum')
        self.glance.upload(DATA)
        self.glance.create()
        size = len(DATA)
        self.assertEqual({
            'images': 3, 'bytes': 3 * size,
            'missing': {'images': 2, 'bytes': 2 * size},
            'algorithms': {'sha512': {'images': 1, 'bytes': size}},
            'stores': {'fast': {'images': 2, 'bytes': 2 * size},
                       'slow': {'images': 1, 'bytes': size}},
        }, json.loads(self.manage('report', '--json')))

    def test_a_chart_for_the_terminal_and_one_as_svg(self):
        self.glance.legacy(DATA)
        picture = self.glance.directory / 'report.svg'
        text = self.manage('report', '--svg', str(picture))
        self.assertIn('Images without a hash\n  all     ████', text)
        self.assertIn('1 of 1, 3.9 KiB', text)
        root = ElementTree.parse(picture).getroot()
        self.assertEqual('{http://www.w3.org/2000/svg}svg', root.tag)
