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
import os
import subprocess
import sys
import tempfile
import unittest

from glance_ext.cmd import manage

PROGRAM = [sys.executable, '-m', 'glance_ext.cmd.manage']


class ManageTest(unittest.TestCase):
    def test_wrong_usage_ends_with_2(self):
        for arguments in (
            [],
            ['unknown'],
            ['enable'],
            ['enable', '--paste'],
            ['disable', '--paste', 'f', '--in-place', '--dry-run'],
        ):
            with (
                self.subTest(arguments),
                contextlib.redirect_stderr(io.StringIO()) as errors,
                self.assertRaises(SystemExit) as ended,
            ):
                manage.main(arguments)
            self.assertEqual(2, ended.exception.code)
            self.assertIn('usage: glance-ext-manage', errors.getvalue())

    def test_a_reader_that_goes_away_is_no_traceback(self):
        reader, writer = os.pipe()
        os.close(reader)
        with tempfile.NamedTemporaryFile('w', suffix='.ini') as ini:
            ini.write('[pipeline:a]\npipeline = context rootapp\n')
            ini.flush()
            ended = subprocess.run(
                [*PROGRAM, 'enable', '--paste', ini.name],
                check=False,
                stdout=writer,
                stderr=subprocess.PIPE,
            )
        os.close(writer)
        self.assertEqual((1, b''), (ended.returncode, ended.stderr))

    def test_enable_needs_the_standard_library_alone(self):
        ended = subprocess.run(
            [
                sys.executable,
                '-X',
                'importtime',
                *PROGRAM[1:],
                'enable',
                '--paste=/dev/null',
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        self.assertEqual(1, ended.returncode)
        self.assertIn('no pipeline found', ended.stderr)
        roots = {
            line.rpartition('|')[2].strip().partition('.')[0]
            for line in ended.stderr.splitlines()
            if line.startswith('import time:')
        }
        self.assertIn('glance_ext', roots)
        heavy = {'glance', 'oslo_config', 'paste', 'webob', 'sqlalchemy'}
        self.assertEqual(set(), roots & heavy)
