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
"""How long requests take in a process that hashes an image meanwhile.

A client asks again and again, over one connection, with a pause in between.
The modes take turns: no hash, Glance's own loop, and ours with one and with
two digest threads; first on a machine that is otherwise idle, and then with
two foreign processes that never rest.
"""

from collections.abc import Iterator
import contextlib
import functools
import http.client
import json
import pathlib
import subprocess
import sys
import time
from typing import Any, NamedTuple

from bench import images
from bench import machine
from bench import options
from bench.turns import percentile
from bench.turns import ratios
from bench.turns import row
from bench.turns import take_turns

#: Seconds of one turn, the first of which is not measured, and of the pause
#: between two requests.
_TURN, _WARM_UP, _PAUSE = 1.5, 0.2, 0.002
_MODES = {'idle': 'no hash', 'theirs': "Glance's own loop",
          '1': '1 digest thread', '2': '2 digest threads'}
#: The p99 of ours may be so many times that of Glance's own loop.
_MOST = {'1': 1.0, '2': 1.6}


class Turn(NamedTuple):
    """Microseconds of the requests, MiB/s of the hash, stolen percent."""

    p50: float
    p99: float
    speed: float
    stolen: float


class Client:
    """Asks the process in :mod:`bench.api`."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection('127.0.0.1', port)

    def turn(self, mode: str, seconds: float) -> Turn:
        """Measure one mode for so many seconds."""
        self._ask('PUT', f'/{mode}')
        self._times(_WARM_UP)
        before = machine.ticks()
        found = self._times(seconds)
        stolen = machine.stolen(before, machine.ticks())
        speed = json.loads(self._ask('PUT', '/idle'))
        return Turn(percentile(found, 50), percentile(found, 99), speed,
                    stolen)

    def _times(self, seconds: float) -> list[float]:
        found = []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            self._ask('GET', '/')
            found.append((time.perf_counter() - began) * 1e6)
            time.sleep(_PAUSE)
        return found

    def _ask(self, method: str, path: str) -> bytes:
        self._connection.request(method, path)
        return self._connection.getresponse().read()


@contextlib.contextmanager
def _served(path: pathlib.Path) -> Iterator[Client]:
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-m', 'bench.api', str(path)],
        stdout=subprocess.PIPE, text=True)
    try:
        yield Client(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return p50 and p99 of each mode, and the ratios that count."""
    rows = []
    with (images.image(chosen.directory, chosen.mib or 256) as path,
          _served(path) as client):
        for foreign in (0, 2):
            with machine.busy(foreign):
                found = take_turns({
                    mode: functools.partial(client.turn, mode,
                                            chosen.seconds or _TURN)
                    for mode in _MODES}, chosen.rounds or 9)
            rows += _rows(found, f', {foreign} busy processes'
                          if foreign else '')
    return rows


def _rows(found: dict[str, list[Turn]], where: str) -> list[dict[str, Any]]:
    rows = []
    for mode, name in _MODES.items():
        turns = found[mode]
        more = {'mib_per_second': percentile(
            [turn.speed for turn in turns], 50),
            'stolen': max(turn.stolen for turn in turns)}
        for share in ('p50', 'p99'):
            rows.append(row(
                f'{share} of requests, {name}{where}',
                [getattr(turn, share) for turn in turns], 'us', digits=0,
                **{key: round(value, 1) for key, value in more.items()}))
    for mode, most in _MOST.items():
        rows.append(row(
            f'p99, {_MODES[mode]}{where}',
            ratios([turn.p99 for turn in found[mode]],
                   [turn.p99 for turn in found['theirs']]),
            "of Glance's", most=most))
    return rows
