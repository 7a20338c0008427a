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
"""How long a list of images takes while a worker copies.

Beside it the same list while Glance's own import copies the same bytes, while
nothing happens, and while a process sums up on the other core, which drives
what else runs on this machine onto the core of the API. The figures are
printed; ``GLANCE_EXT_SOAK_MIB`` is the size of each image (96). Who asks, and
MariaDB, are where the API is.
"""

import collections
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from bench import turns
from tests.functional import import_life
from tests.harness import glance
from tests.harness import mariadb
from tests.harness import workers
from tests.harness.soaking import soak

SIZE = int(os.environ.get('GLANCE_EXT_SOAK_MIB', '96')) << 20
IMAGES, ROUNDS, IDLE, PAUSE = 20, 5, 6, 0.005
STORES = ('fast', 'slow')
BUSY = 'sums on the other core'
SUMS = 'import hashlib\nwhile True: hashlib.sha512(bytes(1 << 20))'


@soak
class WorkerLatencyTest(import_life.ImportCase):

    def setUp(self):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            self.skipTest('skipped: one core only')
        self.cores = cores[:2]
        board = workers.redis()
        self.addCleanup(workers.forget, board)
        self.ours, self.theirs = (
            self.started(config=import_life.changed(glance_ext={
                'executor': 'jobboard', 'jobboard_url': board})),
            self.started(extension=False, config=import_life.changed()))
        self.worker = workers.Worker(self.ours)
        self.addCleanup(self.worker.kill)
        self.worker.start()
        self.addCleanup(self.pin, *self.around(), cores=cores)

    def around(self):
        """Return the processes that take part in every answer."""
        ((name, home),) = self.ours.sql('select @@pid_file, @@datadir')
        return os.getpid(), int(Path(home, name).read_text())

    def started(self, **how):
        server = glance.Glance(
            stores=STORES, database=mariadb.Database(), **how)
        self.addCleanup(server.stop, signal.SIGKILL)
        server.start()
        data = os.urandom(SIZE)
        self.images = getattr(self, 'images', {})
        self.images[server] = [server.upload(data, stores=('fast',))
                               for _ in range(IMAGES)]
        return server

    def pin(self, *pids, cores):
        """Keep processes, with all of their threads, on these cores."""
        for pid in pids:
            for thread in os.listdir(f'/proc/{pid}/task'):
                os.sched_setaffinity(int(thread), cores)

    def copy(self, server):
        """Have the images copied, all at once."""
        for image in self.images[server]:
            answer = server.request(
                'POST', f'/v2/images/{image}/import',
                import_life.copying('slow'))
            self.assertEqual(202, answer.status, answer.text)

    def take_back(self, server):
        """Delete the copies."""
        for image in self.images[server]:
            answer = server.request('DELETE', f'/v2/stores/slow/{image}')
            self.assertEqual(204, answer.status, answer.text)

    def lists(self, server, copies):
        """Return the milliseconds of each list while images are copied.

        Without copies for some seconds.
        """
        found, begun_at = [], time.monotonic()
        while self.lacking(server) or (
                not copies and time.monotonic() < begun_at + IDLE):
            self.assertLess(time.monotonic(), begun_at + 300)
            begun = time.perf_counter()
            answer = server.request('GET', '/v2/images?limit=20')
            found.append((time.perf_counter() - begun) * 1000)
            self.assertEqual(200, answer.status)
            time.sleep(PAUSE)
        return found

    def lacking(self, server):
        """Tell whether images are still being copied; no request asks."""
        ((held,),) = server.sql(
            'select count(*) from image_properties where deleted = 0 and '
            "name = 'os_glance_import_task'")
        return held

    @contextlib.contextmanager
    def summing(self, core):
        """Keep a core busy with sums and nothing else."""
        with subprocess.Popen([sys.executable, '-c', SUMS]) as process:
            try:
                self.pin(process.pid, cores={core})
                yield
            finally:
                process.kill()

    def test_the_list_of_images_meanwhile(self):
        one, other = self.cores
        everywhere = set(self.cores)
        found = collections.defaultdict(list)
        for _ in range(ROUNDS):
            for name, server, copies, api, worker in (
                    ('idle, on one core', self.ours, False, {one}, {other}),
                    (BUSY, self.ours, False, {one}, {other}),
                    ('a worker copies on the other core', self.ours, True,
                     {one}, {other}),
                    ('idle', self.ours, False, everywhere, everywhere),
                    ('a worker copies', self.ours, True, everywhere,
                     everywhere),
                    ("Glance's own import copies", self.theirs, True,
                     everywhere, everywhere)):
                self.pin(*self.around(), *server.processes_alive(), cores=api)
                self.pin(self.worker.pid, cores=worker)
                with contextlib.ExitStack() as stack:
                    if name == BUSY:
                        stack.enter_context(self.summing(other))
                    if copies:
                        self.copy(server)
                        stack.callback(self.take_back, server)
                    found[name] += self.lists(server, copies)
        for name, values in found.items():
            self.assertGreater(len(values), 20)
            print(f'GET /v2/images, {name}: median '
                  f'{turns.percentile(values, 50):.1f} ms, p99 '
                  f'{turns.percentile(values, 99):.1f} ms of {len(values)}')
