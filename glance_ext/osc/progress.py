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

"""What a person sees while actions run: bars on a terminal, or plain lines.

Both write to the stream that they are given, standard error as a rule, so
that standard output holds the result and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
import os
import shutil
import time
from typing import Protocol, TextIO

from glance_ext import client
from glance_ext.client import words

#: Seconds between two plain lines about one action.
LINE_EVERY = 30.0

_BAR = 24
_NAME = 36
_UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')


class Display(Protocol):
    """Shows actions under the names of their images."""

    def show(self, name: str, action: client.Action) -> None:
        """Take note of what an action is like now."""

    def close(self) -> None:
        """Leave the stream at the beginning of an empty line."""


def on(stream: TextIO, quiet: bool = False) -> Display:
    """Return the display that suits the stream."""
    if quiet:
        return Silence()
    if stream.isatty() and os.environ.get('TERM') != 'dumb':
        return Bars(stream)
    return Lines(stream)


def describe(action: client.Action) -> str:
    """Say in a few words how far an action is, the most telling first."""
    if action.status == 'pending':
        return 'waits for its turn'
    progress = action.progress
    parts = []
    if progress.percent is not None:
        parts.append(f'{progress.percent:.0f} %')
    if progress.bytes_per_second:
        parts.append(f'{_size(progress.bytes_per_second)}/s')
    if progress.eta_seconds is not None:
        parts.append(f'{_clock(progress.eta_seconds)} left')
    if action.attempt and action.attempt > 1:
        parts.append(f'attempt {action.attempt} of {action.max_attempts}')
    if progress.bytes_done:
        done = _size(progress.bytes_done)
        total = progress.bytes_total
        parts.append(f'{done} of {_size(total)}' if total else done)
    parts.append(action.phase or action.status)
    return ', '.join(parts)


class Silence:
    """Shows nothing."""

    def show(self, name: str, action: client.Action) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """A line when an action ends or begins anew, and now and then between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: For each action: when its last line was, and at which attempt.
        self._said: dict[str, tuple[float, int]] = {}

    def show(self, name: str, action: client.Action) -> None:
        now = time.monotonic()
        attempt = action.attempt or 1
        then, before = self._said.setdefault(action.id, (now, attempt))
        if action.ended or attempt > before or now - then >= LINE_EVERY:
            self._said[action.id] = now, attempt
            line = action.status if action.ended else describe(action)
            print(f'{name}: {line}', file=self._stream, flush=True)

    def close(self) -> None:
        pass


class Bars:
    """A bar for each action that runs, or for each of its stores.

    They are drawn again and again, as actions are seen. The others are
    counted: those that wait for their turn, have ended, or find no room in
    the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._actions: dict[str, tuple[str, client.Action]] = {}
        self._drawn = 0

    def show(self, name: str, action: client.Action) -> None:
        self._actions[action.id] = name, action
        self._draw(self._lines())

    def close(self) -> None:
        self._draw([])

    def _lines(self) -> list[str]:
        columns, rows = shutil.get_terminal_size()
        seen = list(self._actions.values())
        pending = [each for each in seen if each[1].status == 'pending']
        running = [
            each
            for each in seen
            if each[1].status != 'pending' and not each[1].ended
        ]
        width = min(max((len(name) for name, _ in running), default=0), _NAME)
        lines: list[str] = []
        shown = 0
        for name, action in running:
            block = _block(name, action, width)
            if shown and len(lines) + len(block) > rows - 2:
                break
            lines += block[: rows - 2]
            shown += 1
        if len(seen) > 1:
            ended = len(seen) - len(pending) - len(running)
            counts = [f'{ended} of {len(seen)} ended']
            if len(running) > shown:
                counts.append(f'{len(running) - shown} more running')
            if pending:
                counts.append(f'{len(pending)} waiting')
            lines.append(', '.join(counts))
        elif pending:
            lines.append(f'{pending[0][0]}  {describe(pending[0][1])}')
        # A line that wraps would be two, and the next drawing misplaced.
        return [line[: columns - 1] for line in lines]

    def _draw(self, lines: list[str]) -> None:
        back = f'\x1b[{self._drawn}F' if self._drawn else ''
        text = ''.join(f'{line}\n' for line in lines)
        self._stream.write(f'{back}\x1b[J{text}')
        self._stream.flush()
        self._drawn = len(lines)


def _block(name: str, action: client.Action, width: int) -> list[str]:
    """Return the lines of one action: with several stores, one for each."""
    progress = action.progress
    name = f'{name[:width]:{width}}'
    if len(progress.stores) < 2:
        return [f'{name}  {_bar(progress.percent)}  {describe(action)}']
    lines = [f'{name}  {describe(action)}']
    wide = max(map(len, progress.stores))
    for store, seen in progress.stores.items():
        known = seen if isinstance(seen, Mapping) else {}
        total = progress.bytes_total
        percent = 100 * known.get('bytes_done', 0) / total if total else None
        status = words.printable(str(known.get('status', '')))
        if rate := known.get('bytes_per_second'):
            status = f'{_size(rate)}/s, {status}'
        lines.append(f'  {store:{wide}}  {_bar(percent)}  {status}')
    return lines


def _bar(percent: float | None) -> str:
    full = int((percent or 0) / 100 * _BAR)
    full = max(0, min(full, _BAR))
    return f'[{"#" * full}{"." * (_BAR - full)}]'


def _size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count /= 1024
        unit += 1
    return f'{count:.3g} {_UNITS[unit]}'


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f'{hours}:{minutes:02}:{rest:02}'
    return f'{minutes}:{rest:02}'
