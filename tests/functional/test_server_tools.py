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
"""The tools of a server say why they cannot work, in one line."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from glance.db.sqlalchemy import models
import sqlalchemy as sa

BIN = pathlib.Path(sys.executable).parent
STORES = """
[DEFAULT]
enabled_backends = a:file
[glance_store]
default_backend = a
[a]
filesystem_store_datadir = {0}/a
[os_glance_staging_store]
filesystem_store_datadir = {0}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {0}/tasks
"""
#: Nothing listens there.
NO_DATABASE = '[database]\nconnection = mysql+pymysql://u:s3cret@127.0.0.1:1/g\n'


class ServerToolsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    def options(self, text):
        file = self.folder / 'glance-api.conf'
        file.write_text(STORES.format(self.folder) + text)
        return file

    def run_(self, tool, *arguments, file=None):
        """Return what a tool does that reads ``file``, or finds none."""
        return subprocess.run(
            [BIN / tool, *([f'--config-file={file}'] if file else ()),
             *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=os.environ | {'OS_GLANCE_CONFIG_DIR': str(self.folder / 'x')},
        )

    def assertSays(self, status, text, done):
        self.assertEqual((status, ''), (done.returncode, done.stdout))
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn('s3cret', done.stderr)

    def test_database_that_does_not_answer(self):
        file = self.options(NO_DATABASE)
        for tool, command, status in (
            ('glance-ext-manage', ['hash-missing', '--json'], 1),
            ('glance-ext-manage', ['report'], 1),
            ('glance-ext-status', ['upgrade', 'check', '--json'], 255),
        ):
            with self.subTest(command=command):
                self.assertSays(
                    status,
                    f'{tool}: the database cannot be used: OperationalError',
                    self.run_(tool, *command, file=file),
                )

    def test_no_configuration_at_all(self):
        for tool, command, status in (
            ('glance-ext-manage', ['verify'], 1),
            ('glance-ext-status', ['upgrade', 'check'], 255),
            ('glance-ext-worker', [], 1),
        ):
            with self.subTest(tool):
                self.assertSays(
                    status, f'{tool}: ', self.run_(tool, *command)
                )

    def test_bad_value_in_the_configuration(self):
        file = self.options('[oslo_policy]\n[DEFAULT]\ndebug = maybe\n')
        self.assertSays(
            1, 'glance-ext-manage: argument --debug: Invalid Boolean value',
            self.run_('glance-ext-manage', 'report', file=file),
        )

    def test_database_without_glances_tables(self):
        database = self.folder / 'glance.db'
        self.assertSays(
            1, 'no such table',
            self.run_('glance-ext-manage', 'reap', file=self.options(
                f'[database]\nconnection = sqlite:///{database}\n')),
        )

    def test_version_is_known_to_every_tool(self):
        for tool in ('manage', 'status', 'worker'):
            with self.subTest(tool):
                done = self.run_(f'glance-ext-{tool}', '--version')
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertRegex(
                    done.stdout, rf'^glance-ext-{tool} \d+\.\d\S*\n$')

    def test_logs_of_glance_stay_off_standard_output(self):
        connection = f'sqlite:///{self.folder}/glance.db'
        engine = sa.create_engine(connection)
        models.BASE.metadata.create_all(engine)
        engine.dispose()
        for debug in (False, True):
            with self.subTest(debug=debug):
                done = self.run_('glance-ext-manage', 'reap', '--json', file=(
                    self.options(f'[DEFAULT]\ndebug = {debug}\n'
                                 f'[database]\nconnection = {connection}\n')))
                self.assertEqual((0, ''), (done.returncode, done.stdout))
                self.assertEqual(
                    debug, ' INFO glance.async_ ' in done.stderr, done.stderr)
