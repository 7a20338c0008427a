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
import json
import os
import pathlib
import resource
import shutil
import stat
import subprocess
import tempfile
import unittest

from glance_ext.cmd import manage

INI = (
    b'# gr\xfc\xdfe, in Latin-1\n'
    b'[pipeline:glance-api]\n'
    b'pipeline = cors context rootapp\n'
    b'\n'
    b'[filter:context]\n'
    b'use = x'
)


class EnableTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.ini = self.folder / 'glance-api-paste.ini'
        self.ini.write_bytes(INI)

    def manage(self, *arguments):
        """Return status, standard output and standard error of a command."""
        output = io.TextIOWrapper(io.BytesIO())
        errors = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            status = manage.main([*arguments[:1], '--paste', *arguments[1:]])
        return status, output.buffer.getvalue(), errors.getvalue()

    def test_says_it_in_json(self):
        for flags, written in (([], False), (['--in-place'], True)):
            status, output, _ = self.manage(
                'enable', str(self.ini), '--json', *flags
            )
            told = json.loads(output)
            self.assertIn('+[filter:glance_ext]', told.pop('difference'))
            self.assertEqual(
                {'paste': str(self.ini), 'changed': True, 'written': written},
                told,
            )
            self.assertEqual(0, status)
        output = self.manage('enable', str(self.ini), '--json')[1]
        told = json.loads(output)
        self.assertEqual((False, ''), (told['changed'], told['difference']))

    def test_shows_the_difference_and_writes_nothing(self):
        for flags in ([], ['--dry-run']):
            status, output, errors = self.manage(
                'enable', str(self.ini), *flags
            )
            self.assertEqual(0, status)
            self.assertIn(b'-pipeline = cors context rootapp\n', output)
            self.assertIn(
                b'+pipeline = cors context glance_ext rootapp\n', output
            )
            self.assertIn('--in-place changes it', errors)
            self.assertEqual(INI, self.ini.read_bytes())
            self.assertEqual([self.ini], list(self.folder.iterdir()))

    @unittest.skipUnless(shutil.which('patch'), 'no patch program')
    def test_the_difference_is_what_patch_takes(self):
        patched = self.folder / 'patched'
        patched.write_bytes(INI)
        _, output, _ = self.manage('enable', str(self.ini), '--in-place')
        subprocess.run(
            ['patch', '--silent', str(patched)], input=output, check=True
        )
        self.assertEqual(self.ini.read_bytes(), patched.read_bytes())

    def test_in_place_there_and_back_again(self):
        status, output, errors = self.manage(
            'enable', str(self.ini), '--in-place'
        )
        self.assertEqual(0, status)
        self.assertIn(b'+use = egg:glance-ext#glance_ext\n', output)
        self.assertIn('once the Glance API restarts', errors)
        enabled = self.ini.read_bytes()
        self.assertIn(b'context glance_ext rootapp', enabled)

        status, output, errors = self.manage(
            'enable', str(self.ini), '--in-place'
        )
        self.assertEqual((0, b''), (status, output))
        self.assertIn('enabled already', errors)
        self.assertEqual(enabled, self.ini.read_bytes())

        status, output, _ = self.manage('disable', str(self.ini), '--in-place')
        self.assertEqual(0, status)
        self.assertIn(b'-use = egg:glance-ext#glance_ext\n', output)
        self.assertEqual(INI, self.ini.read_bytes())

        status, output, errors = self.manage(
            'disable', str(self.ini), '--in-place'
        )
        self.assertEqual((0, b''), (status, output))
        self.assertIn('disabled already', errors)
        self.assertEqual([self.ini], list(self.folder.iterdir()))

    def test_a_link_stays_and_its_target_keeps_owner_and_mode(self):
        self.ini.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(self.ini, 12345, 54321)
        before = self.ini.stat()
        link = self.folder / 'link.ini'
        link.symlink_to(self.ini.name)
        self.manage('enable', str(link), '--in-place')
        self.assertTrue(link.is_symlink())
        after = self.ini.stat()
        self.assertNotEqual(before.st_ino, after.st_ino)
        self.assertIn(b'glance_ext', self.ini.read_bytes())
        self.assertEqual(0o640, stat.S_IMODE(after.st_mode))
        self.assertEqual(
            (before.st_uid, before.st_gid), (after.st_uid, after.st_gid)
        )
        self.assertGreater(after.st_mtime_ns, before.st_mtime_ns)

    def test_a_full_disk_leaves_the_file_as_it_was(self):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
        try:
            status, output, errors = self.manage(
                'enable', str(self.ini), '--in-place'
            )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertEqual((1, b''), (status, output))
        self.assertIn(f'{self.ini}: File too large', errors)
        self.assertEqual(INI, self.ini.read_bytes())
        self.assertEqual([self.ini], list(self.folder.iterdir()))

    def test_says_what_is_wrong_with_a_file(self):
        self.ini.write_text('[pipeline:a]\npipeline = cors rootapp\n')
        for path, words in (
            (self.folder / 'absent.ini', 'No such file or directory'),
            (self.folder, 'Is a directory'),
            (self.ini, 'no pipeline names the filter context'),
            ('/dev/null', 'no pipeline found'),
        ):
            with self.subTest(words):
                status, output, errors = self.manage('enable', str(path))
                self.assertEqual((1, b''), (status, output))
                self.assertIn(f'{path}: {words}', errors)

    @unittest.skipIf(os.geteuid() == 0, 'root reads every file')
    def test_says_that_it_may_not_read_a_file(self):
        self.ini.chmod(0)
        status, _, errors = self.manage('enable', str(self.ini))
        self.assertEqual(1, status)
        self.assertIn('Permission denied', errors)

    def test_says_what_it_left_alone(self):
        probe = b'[pipeline:probe]\npipeline = cors healthcheckapp\n'
        self.ini.write_bytes(probe + INI)
        _, _, errors = self.manage('enable', str(self.ini))
        self.assertIn('"pipeline" in [pipeline:probe] names no', errors)

        by_hand = b'[filter:glance_ext]\nuse = egg:other\n\n'
        self.ini.write_bytes(by_hand + INI)
        _, _, errors = self.manage('disable', str(self.ini))
        self.assertIn('[filter:glance_ext] was written by hand', errors)
