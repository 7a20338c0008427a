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
"""The only process dies in each phase of each kind of action.

Each dies before and after each write to its row, and in the middle of the
bytes; another process comes, and nobody helps it. ``GLANCE_EXT_SOAK=1`` takes
all these moments, in an hour or so; otherwise ``GLANCE_EXT_SOAK_DEATHS`` (10)
of them are drawn. ``GLANCE_EXT_SOAK_KINDS`` names the kinds, with commas, and
``SEED`` repeats a run.
"""

from __future__ import annotations

from http.client import HTTPException
import os
import random
import signal
import time
from typing import Any

from tests.functional import deaths
from tests.functional import import_life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.harness import dying
from tests.harness import glance
from tests.harness.backends import http
from tests.harness.backends import http_raw
from tests.harness.soaking import SOAK

HEARTBEAT = 10
KINDS = os.environ.get('GLANCE_EXT_SOAK_KINDS')
#: How many moments the short form has.
SHORT = int(os.environ.get('GLANCE_EXT_SOAK_DEATHS', '10'))


class DeathsTest(import_life.ImportCase):

    def setUp(self) -> None:
        self.server = self.enterContext(http.Server())
        self.target, self.refusing = (
            self.enterContext(http_raw.Server(
                lambda headers, body, status=status: http_raw.answer(status)))
            for status in (201, 403))
        self.seed = os.environ.get('SEED') or str(time.time_ns())
        self.chance = random.Random(self.seed)

    def start(self, **options: Any) -> None:
        self.glance = glance.Glance(config={
            # Each takes over what those before it have left.
            'DEFAULT': {'http_retries': 100},
            'glance_ext': {'heartbeat_timeout': HEARTBEAT,
                           'import_upload_timeout': 20, **options}})
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()

    def moments(self, makers: dict[str, Any]) -> list[Any]:
        """Return when each kind can die: those moments that it lives through.

        :returns: kind, phase, and the fault
        """
        found = []
        for name, make in makers.items():
            kind = make()
            kind.prepare()
            kind.ask()
            action = self.find(kind)
            ended = self.glance.wait_action(action)
            self.check(name, kind, ended, {kind.code})
            for id_, at, phase in dying.writes(self.glance.directory):
                if id_ == action:
                    found += [(name, phase, ('write', side, at))
                              for side in ('before', 'after')]
            found += [(name, each, (each, None, len(DATA) // 2))
                      for each in kind.bytes]
        return found

    def find(self, kind: Any) -> str:
        """Return the action, whose process may have died unheard."""
        (found,) = kind.actions() - kind.known
        return str(found)

    def die(self, kind: Any, operation: str, side: str | None, at: int
            ) -> str:
        """Have the process die in the action; start another one."""
        marks = {'image': kind.mark, 'store': side}
        if operation != 'write':
            # In one store: two that are written at once share no byte.
            marks = {'image': getattr(kind, 'image', None),
                     'store': 'slow' if operation == 'add' else None}
        fault = self.glance.fault('die', operation, at=at, times=1, **marks)
        try:
            answer = kind.ask()
        except (OSError, HTTPException):
            pass  # it died before it had answered, or in the middle
        else:
            self.assertLess(answer.status, 300, answer.text)
        until(lambda: self.glance.fired(fault) or (
            operation == 'write' and self.lived(kind, at)))
        if self.glance.fired(fault):
            self.glance.kill()
            self.glance.start()
        else:
            self.survivors += 1
        self.glance.clear_faults(fault)
        return self.find(kind)

    def lived(self, kind: Any, at: int) -> bool:
        """Whether it has ended with fewer writes than that.

        Stores that are written at once are recorded together or one by one.
        """
        ids = kind.actions() - kind.known
        made = [number for id_, number, _ in dying.writes(
            self.glance.directory) if id_ in ids]
        return bool(made) and max(made) < at and bool(self.glance.sql(
            'select task_id from task_info where task_id = ? and result '
            """like '%"phase": "ended"%'""", (self.find(kind),)))

    def check(self, name: str, kind: Any, ended: Any, codes: set[str | None]
              ) -> None:
        code = ended['error'] and ended['error']['code']
        self.assertIn(code, codes, ended)
        (kind.whole if code is None else kind.undone)(ended)

    def check_all(self) -> None:
        """Nothing is left of anything, wherever one looks."""
        sql = self.glance.sql
        self.assertEqual([], sql(
            'select * from image_properties where deleted = 0 and '
            "(name = 'os_glance_import_task' or name like "
            "'os_glance_importing%' and value != '')"))
        self.assertEqual([], sql(
            "select id, status from images where deleted = 0 and status not "
            "in ('active', 'queued')"))
        self.assertEqual([], import_life.staged(self.glance))
        recorded = {row[0].removeprefix('file://') for row in sql(
            'select value from image_locations where deleted = 0')}
        lying = {str(self.glance.directory / path)
                 for path in import_life.objects(self.glance)}
        self.assertEqual(recorded, lying)

    def run_table(self, **options: Any) -> None:
        self.start(**options)
        makers = deaths.kinds(self)
        if KINDS:
            makers = {name: makers[name] for name in KINDS.split(',')}
        moments = self.moments(makers)
        if not SOAK:
            moments = self.chance.sample(
                moments, min(SHORT, len(moments)))
        made = []
        for name, phase, fault in moments:
            kind = makers[name]()
            kind.prepare()
            made.append((name, phase, fault, kind))
        begun = time.monotonic()
        self.survivors = 0
        died = [(*each, self.die(each[3], *each[2])) for each in made]
        last = time.monotonic()
        lost = {'worker_lost'} if options else set()
        rows: dict[Any, list[str]] = {}
        for name, phase, fault, kind, action in died:
            ended = self.glance.wait_action(action, timeout=120)
            rows.setdefault((name, phase), []).append(
                (ended['error'] or {}).get('code', 'success'))
            with self.subTest(name, phase=phase, fault=fault):
                unsent = ({'upload_missing', 'upload_lost'}
                          if 'upload' in name else set())
                self.check(name, kind, ended, {kind.code} | lost | unsent)
        dead = len(died) - self.survivors
        self.assertGreater(dead, self.survivors)
        print(f'\nSEED={self.seed}; {dead} deaths in '
              f'{last - begun:.0f} s; all over {time.monotonic() - last:.0f} '
              f's after the last')
        for (name, phase), ends in rows.items():
            print(f'{name:28} {phase:12} {" ".join(ends)}')
        self.check_all()

    def test_another_process_goes_on(self) -> None:
        self.run_table()

    def test_another_process_undoes_it(self) -> None:
        self.run_table(on_worker_loss='fail')
