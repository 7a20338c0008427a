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

Beside it the same list while Glance's own import copies the same bytes, and
while nothing happens. Its figures are printed; ``GLANCE_EXT_SOAK_MIB`` is
the size of each image (48).
"""

import os
import signal
import statistics
import time

from bench import turns
from tests.functional import import_life
from tests.harness import glance
from tests.harness import mariadb
from tests.harness import workers
from tests.harness.soaking import soak

SIZE = int(os.environ.get('GLANCE_EXT_SOAK_MIB', '48')) << 20
IMAGES, ROUNDS, PAUSE = 20, 3, 0.005
STORES = ('fast', 'slow')


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

    def p99(self, server, copies):
        """Return the milliseconds that 99 of 100 lists take at the most."""
        if copies:
            for image in self.images[server]:
                answer = server.request(
                    'POST', f'/v2/images/{image}/import',
                    import_life.copying('slow'))
                self.assertEqual(202, answer.status, answer.text)
        found, begun_at = [], time.monotonic()
        while (self.lacking(server) if copies
               else time.monotonic() < begun_at + 4):
            self.assertLess(time.monotonic(), begun_at + 300)
            begun = time.perf_counter()
            answer = server.request('GET', '/v2/images?limit=20')
            found.append((time.perf_counter() - begun) * 1000)
            self.assertEqual(200, answer.status)
            time.sleep(PAUSE)
        if copies:
            self.assertGreater(len(found), 20)
            for image in self.images[server]:
                answer = server.request('DELETE',
                                        f'/v2/stores/slow/{image}')
                self.assertEqual(204, answer.status, answer.text)
        return turns.percentile(found, 99)

    def lacking(self, server):
        """Tell whether images are still being copied; no request asks."""
        ((held,),) = server.sql(
            'select count(*) from image_properties where deleted = 0 and '
            "name = 'os_glance_import_task'")
        return held

    def test_the_list_of_images_meanwhile(self):
        one, other = self.cores
        everywhere = set(self.cores)
        found = {}
        for _ in range(ROUNDS):
            for name, server, copies, api, worker in (
                    ('idle, own core', self.ours, False, {one}, {other}),
                    ('a worker copies, own core each', self.ours, True,
                     {one}, {other}),
                    ('idle', self.ours, False, everywhere, everywhere),
                    ('a worker copies', self.ours, True, everywhere,
                     everywhere),
                    ("Glance's own import copies", self.theirs, True,
                     everywhere, everywhere)):
                self.pin(*server.processes_alive(), cores=api)
                self.pin(self.worker.pid, cores=worker)
                found.setdefault(name, []).append(self.p99(server, copies))
        for name, values in found.items():
            print(f'p99 of GET /v2/images, {name}: '
                  f'{statistics.median(values):.1f} ms '
                  f'({min(values):.1f} .. {max(values):.1f})')
