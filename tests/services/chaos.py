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

"""Actions under fire: processes die, hang, and lose what they work with.

Three API processes and two workers on one MariaDB and one jobboard. Every
two seconds something is broken. In the end nothing may be wrong.
"""

from __future__ import annotations

from collections import Counter
import functools
import hashlib
import http.server
import os
from pathlib import Path
import random
import re
import signal
import tempfile
import threading
import time
from typing import Any
import unittest

from tests.harness import cutting
from tests.harness import glance
from tests.harness import mariadb
from tests.harness import workers

TIMEOUT = 10
SIZE = 300_000
RATE = 150_000
#: What a failure may honestly say when everything around it breaks.
TRUE_REASONS = {'worker_lost', 'store_error', 'store_stalled',
                'store_unavailable', 'data_missing',
                'remote_unavailable', 'remote_timeout', 'internal_error'}


class ChaosCase(unittest.TestCase):
    """What both forms share."""

    def begin(self, board: str, seed: str | None = None) -> None:
        """Start everything on this jobboard."""
        self.seed = seed or os.environ.get('SEED') or str(
            random.getrandbits(32))
        self.chance = random.Random(self.seed)
        self.broken: Counter[str] = Counter()
        self.actions: dict[str, tuple[str, str, bytes]] = {}
        self.later: list[tuple[float, Any]] = []
        database = mariadb.Database()
        self.wires = [cutting.Wire(database._port) for _ in range(3)]
        for wire in self.wires:
            self.addCleanup(wire.close)
        self.urls = [re.sub(r':\d+/', f':{wire.port}/', database.url)
                     for wire in self.wires]
        self.files = Path(self.enterContext(tempfile.TemporaryDirectory()))
        source = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), functools.partial(
                _Quiet, directory=str(self.files)))
        threading.Thread(target=source.serve_forever, daemon=True).start()
        self.addCleanup(source.server_close)
        self.addCleanup(source.shutdown)
        self.source = f'http://127.0.0.1:{source.server_port}'
        self.glance = glance.Glance(
            server='pyuwsgi', processes=3, database=database, config={
                'DEFAULT': {'http_retries': 8},
                'database': {'max_retries': 3, 'retry_interval': 1},
                'glance_ext': {
                    'executor': 'jobboard', 'jobboard_url': board,
                    'heartbeat_timeout': TIMEOUT, 'shutdown_timeout': 2,
                    'stall_timeout': 5, 'bytes_per_second': RATE}})
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()
        self.workers = [
            workers.Worker(self.glance, f'worker{index}', config={
                'database': {'connection': self.urls[index]}})
            for index in range(2)]
        for worker in self.workers:
            self.addCleanup(worker.kill)
            worker.start()

    def ask(self) -> None:
        """Have one more action begun, of some kind."""
        kind = self.chance.choice(['hash', 'copy', 'download'])
        data = self.chance.randbytes(SIZE)
        if kind == 'download':
            image = self.glance.create()['id']
            (self.files / image).write_bytes(data)
            path, body = 'import', {
                'method': {'name': 'web-download',
                           'uri': f'{self.source}/{image}'},
                'stores': ['fast']}
        else:
            image = self.glance.legacy(data, stores=['fast'])
            path, body = 'hash', {'os_hash_algo': 'sha256'}
            if kind == 'copy':
                path, body = 'import', {'method': {'name': 'copy-image'},
                                        'stores': ['slow', 'cold']}
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/{path}', body)
        self.assertEqual(202, answer.status, answer.text)
        (action,) = self.glance.sql(
            'select id from tasks where image_id = ?', (image,))
        self.actions[action[0]] = kind, image, data

    def try_to_ask(self) -> None:
        """As :meth:`ask`, while the API may be the one that is broken."""
        try:
            self.ask()
        except (OSError, AssertionError, ValueError):
            self.broken['request lost'] += 1

    def fire(self, seconds: float, wanted: int) -> None:
        """Break something every two seconds, and ask for actions."""
        until = time.monotonic() + seconds
        begun = time.monotonic()
        hit = begun
        while (now := time.monotonic()) < until:
            for entry in [each for each in self.later if each[0] <= now]:
                self.later.remove(entry)
                entry[1]()
            if len(self.actions) < wanted * (now - begun) / seconds + 4:
                self.try_to_ask()
            if now >= hit:
                hit = now + 2
                self._break()
            time.sleep(0.1)
        for _, mend in self.later:
            mend()
        self.later.clear()

    def _break(self) -> None:
        how = self.chance.choice(
            [self._kill_worker, self._kill_api, self._freeze_worker,
             self._freeze_api, self._cut_database, self._cut_store])
        self.broken[how.__name__.strip('_')] += 1
        how()

    def _after(self, seconds: float, mend: Any) -> None:
        self.later.append((time.monotonic() + seconds, mend))

    def _kill_worker(self) -> None:
        worker = self.chance.choice(self.workers)
        worker.kill()
        worker.start(wait=False)

    def _kill_api(self) -> None:
        if pid := self._api():
            os.kill(pid, signal.SIGKILL)

    def _freeze_worker(self) -> None:
        worker = self.chance.choice(self.workers)
        self._freeze(worker.pid)

    def _freeze_api(self) -> None:
        self._freeze(self._api())

    def _freeze(self, pid: int) -> None:
        if not pid:
            return
        _send(pid, signal.SIGSTOP)
        # Often longer than it takes until others count it as dead.
        self._after(self.chance.choice([1, 3, TIMEOUT + 4]),
                    lambda: _send(pid, signal.SIGCONT))

    def _cut_database(self) -> None:
        wire = self.chance.choice(self.wires)
        wire.cut()
        self._after(self.chance.choice([0.5, 3]), wire.mend)

    def _cut_store(self) -> None:
        fault = self.glance.fault(
            self.chance.choice(['raise', 'notfound', 'stall']),
            store=self.chance.choice(['fast', 'slow']))
        self._after(3, lambda: self.glance.clear_faults(fault))

    def _api(self) -> int:
        master, *others = self.glance.processes_alive()
        return self.chance.choice(others) if others else 0

    def settle(self, seconds: float) -> dict[str, Any]:
        """Wait until every action has ended; return them."""
        self.glance.clear_faults()
        for worker in self.workers:
            if not worker.alive():
                worker.start()
        until = time.monotonic() + seconds
        found = {action: self._action(action) for action in self.actions}
        while time.monotonic() < until and any(
                each['phase'] != 'ended' for each in found.values()):
            time.sleep(0.5)
            found |= {action: self._action(action) for action, each
                      in found.items() if each['phase'] != 'ended'}
        return found

    def _action(self, action: str) -> Any:
        until = time.monotonic() + 30
        while True:
            try:
                return self.glance.action(action)
            except (OSError, AssertionError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def check(self, found: dict[str, Any]) -> None:
        """See that nothing is wrong with anything."""
        wrong = []
        ends: Counter[str] = Counter()
        for action, (kind, image, data) in self.actions.items():
            ended = found[action]
            code = (ended['error'] or {}).get('code')
            ends[f'{kind} {code or ended["status"]}'] += 1
            if ended['phase'] != 'ended':
                wrong.append(('unfinished', ended))
            elif ended['status'] == 'success':
                wrong += self._not_real(kind, image, data)
            elif code not in TRUE_REASONS:
                wrong.append(('reason', ended))
        wrong += [('lock', row) for row in self.glance.sql(
            "select * from image_properties where deleted = 0 and name in "
            "('os_glance_import_task', 'os_glance_importing_to_stores') "
            "and value != ''")]
        wrong += [('status', row) for row in self.glance.sql(
            "select id, status from images where status not in "
            "('active', 'queued')")]
        wrong += self._strays()
        print(f'\nseed {self.seed}; broken: {dict(self.broken)}\n'
              f'ends: {dict(sorted(ends.items()))}; taken over: '
              f'{sum(each["attempt"] > 1 for each in found.values())}; '
              f'stopped after losing: {self._losses()}', flush=True)
        self.assertEqual([], wrong)
        self.assertIn('success', str(ends))

    def _not_real(self, kind: str, image: str, data: bytes) -> list[Any]:
        row = self.glance.image(image)
        stores = {'copy': {'fast', 'slow', 'cold'}}.get(kind, {'fast'})
        wrong: list[Any] = []
        if row['status'] != 'active' or row['os_hash_value'] is None:
            wrong.append(('not real', kind, row))
        if set(row['stores'].split(',')) != stores:
            wrong.append(('stores', kind, row))
        wrong += [('data', store, row) for store in stores
                  if self._read(store, image) != data]
        if row['os_hash_value'] and row['os_hash_value'] != hashlib.new(
                row['os_hash_algo'], data).hexdigest():
            wrong.append(('hash', kind, row))
        return wrong

    def _strays(self) -> list[Any]:
        """Return what lies in a store and is no location's, or the reverse.
        """
        recorded = {row[0].removeprefix('file://') for row in self.glance.sql(
            'select value from image_locations where deleted = 0')}
        lying = {str(path) for store in self.glance.stores
                 for path in (self.glance.directory / store).glob('*')}
        return [('stray', path) for path in recorded ^ lying]

    def _read(self, store: str, image: str) -> bytes | None:
        path = self.glance.store_file(store, image)
        return path.read_bytes() if path.exists() else None

    def _losses(self) -> int:
        logs = [self.glance.log(), *(each.log() for each in self.workers)]
        return sum(log.count('has another owner now') for log in logs)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the test has a report of its own."""


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it was killed meanwhile
