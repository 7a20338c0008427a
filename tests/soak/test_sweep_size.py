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

"""A sweep over a million rows in MariaDB: CPU, and the time of a stretch.

``GLANCE_EXT_SOAK_ROWS`` is how many (1,000,000).
"""

import json
import os
import subprocess
import sys
import unittest

from tests.harness import glance
from tests.harness import mariadb
from tests.harness.soaking import soak

_BATCH = 20_000
ROWS = int(os.environ.get('GLANCE_EXT_SOAK_ROWS', '1000000'))
SWEEP = """
import json, sys, time
from glance_ext.host import setup
setup.read_options([f'--config-file={sys.argv[1]}'], program='sweep')
from glance_ext.host import sweeps
next(sweeps.candidates(), None)
times, found = [], 0
wall, cpu = time.monotonic(), time.process_time()
begun = wall
for page in getattr(sweeps, sys.argv[2])():
    now = time.monotonic()
    times.append(now - begun)
    begun = now
    found += len(page)
print(json.dumps({'found': found, 'times': times,
                  'cpu': time.process_time() - cpu,
                  'wall': time.monotonic() - wall}))
"""


@soak
class SweepTest(unittest.TestCase):

    def setUp(self):
        self.glance = glance.Glance(database=mariadb.Database())
        self.addCleanup(self.glance.stop)
        self.glance.prepare()
        # A quarter is deleted, a tenth of the rest has no hash. In the order
        # of their keys, or the indexes alone take hours to grow.
        for start in range(1, ROWS + 1, _BATCH):
            self.glance.sql(
                'insert into images (id, name, size, status, visibility, '
                'created_at, updated_at, deleted, min_disk, min_ram, '
                'protected, os_hidden, checksum, os_hash_algo, '
                "os_hash_value) select concat(lpad(hex(seq), 8, '0'), "
                "'-0000-4000-8000-000000000000'), 'image', 1 << 30, "
                "if(seq % 4 = 0, 'deleted', 'active'), 'private', now(), "
                "now(), seq % 4 = 0, 0, 0, 0, 0, lpad(hex(seq), 32, '0'), "
                "if(seq % 10 = 1, null, 'sha512'), "
                "if(seq % 10 = 1, null, lpad(hex(seq), 128, '0')) "
                f'from seq_{start}_to_{min(ROWS, start + _BATCH - 1)}')

    def sweep(self, what):
        before = self.server_cpu()
        config = self.glance.directory / 'etc' / 'glance-api.conf'
        done = subprocess.run(
            [sys.executable, '-c', SWEEP, str(config), what], check=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found = json.loads(done.stdout)
        found['server'] = self.server_cpu() - before
        times = found.pop('times')
        tenth = max(1, len(times) // 10)
        first, last = (sorted(part)[len(part) // 2] for part in (
            times[:tenth], times[-tenth - 1:-1]))
        print(f'\n{what} over {ROWS} rows: {found}; {len(times)} stretches, '
              f'median of the first tenth {first * 1000:.1f} ms, of the last '
              f'{last * 1000:.1f} ms')
        return found, first, last

    def server_cpu(self):
        """Return the CPU seconds that the database has used."""
        ((pid,),) = self.glance.sql('select @@pid_file')
        with open(pid) as file:
            with open(f'/proc/{file.read().strip()}/stat') as stat:
                fields = stat.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def test_a_million_rows_cost_ten_seconds_and_every_stretch_the_same(self):
        for what in ('candidates', 'counts'):
            with self.subTest(what):
                found, first, last = self.sweep(what)
                self.assertLess(found['cpu'] + found['server'],
                                10 * ROWS / 1e6)
                self.assertLess(last, 3 * first + 0.01)
                self.assertGreater(found['found'], 0)
