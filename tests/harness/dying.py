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
"""A server process that dies where an action writes its row, as it is told.

Between two writes an action does one thing; who dies before and after each
has died everywhere. Heartbeats do not count: they come by the clock.
"""

from __future__ import annotations

import collections
import json
import os
from pathlib import Path
import signal
import sys
import threading
from typing import Any

from tests.harness import faults

WRITES = 'writes'


def install(directory: str) -> None:
    """Patch the extension, which is loaded by now."""
    from glance_ext.actions import hold
    from glance_ext.actions import run

    told = faults.Faults(directory)
    log = Path(directory) / WRITES
    beating, counting = threading.local(), threading.Lock()
    counts: collections.Counter[str] = collections.Counter()
    fenced, beat = hold.Hold.fenced, run.Run.beat

    def quiet(self: Any) -> None:
        beating.now = True
        try:
            beat(self)
        finally:
            beating.now = False

    def mortal(self: Any, *arguments: Any, **named: Any) -> Any:
        action = self.action
        if getattr(beating, 'now', False):
            return fenced(self, *arguments, **named)
        with counting:
            counts[action.id] += 1
            at = counts[action.id]
        about = f'{action.image_id} {action.spec}'
        with log.open('a') as file:
            file.write(json.dumps([action.id, at, action.phase]) + '\n')
        _die(told, 'before', about, at)
        done = fenced(self, *arguments, **named)
        _die(told, 'after', about, at)
        return done

    run.Run.beat = quiet  # type: ignore[method-assign]
    hold.Hold.fenced = mortal  # type: ignore[method-assign]


def _die(told: faults.Faults, side: str, about: str, at: int) -> None:
    for fault in told.read():
        if (fault.meets('write', side, fault.image or '') and fault.at == at
                and (fault.image or '') in about and told.claim(fault)):
            die()


def die() -> None:
    """End this process as ``kill -9`` does."""
    # Where it is measured, what it has reached is written down before.
    coverage = sys.modules.get('coverage')
    if coverage and (measured := coverage.Coverage.current()):
        measured.save()
    os.kill(os.getpid(), signal.SIGKILL)


def writes(directory: Path) -> list[tuple[str, int, str]]:
    """Return every write so far: action, which of its writes, and phase."""
    path = directory / WRITES
    return [tuple(json.loads(line))  # type: ignore[misc]
            for line in path.read_text().splitlines()] if path.exists() else []
