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
"""Processes that need the signing key at the same moment have the same."""

from pathlib import Path
import subprocess
import sys
import tempfile
import unittest

from tests.harness import database
from tests.harness import mariadb
from tests.harness import venvs

PROCESSES = 4
PROGRAM = """
import sys
from glance.common import config
from oslo_config import cfg
from glance_ext import conf
from glance_ext.host import signatures
cfg.CONF(['--config-file', sys.argv[1]], project='glance')
conf.register_opts(cfg.CONF)
print('ready', flush=True)
sys.stdin.readline()
spec = {'glance_ext': {'action_type': 'hash'}}
print(signatures.sign('id', 'owner', spec)['glance_ext']['signature'])
"""


class SigningKeyTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(self.enterContext(
            tempfile.TemporaryDirectory()))
        self.config = self.directory / 'glance-api.conf'

    def sign(self, processes):
        """Return what so many processes have signed one action with."""
        running = [subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', PROGRAM, str(self.config)],
            cwd=venvs.ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(processes)]
        for each in running:
            self.assertEqual('ready\n', each.stdout.readline())
        for each in running:
            each.stdin.write('now\n')
            each.stdin.flush()
        found = []
        for each in running:
            out, errors = each.communicate(timeout=120)
            self.assertEqual(0, each.returncode, errors)
            found.append(out.strip())
        return found

    def agree(self, where):
        self.addCleanup(where.drop)
        where.create(Path(sys.prefix))
        self.config.write_text(f'[database]\nconnection = {where.url}\n')
        found = [*self.sign(PROCESSES), *self.sign(1)]
        self.assertEqual([found[0]] * (PROCESSES + 1), found)
        rows = where.sql('select id, type, owner, deleted, deleted_at from '
                         'tasks')
        self.assertEqual([('glance-ext-signing-key', 'glance_ext_key',
                           'glance-ext', 1, None)], list(map(tuple, rows)))

    def test_on_sqlite(self):
        self.agree(database.Sqlite(self.directory))

    def test_on_mariadb(self):
        self.agree(mariadb.Database())
