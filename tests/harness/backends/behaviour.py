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
"""What the HTTP server of ``http`` serves, how, and to whom it did."""

from __future__ import annotations

import dataclasses
import random
import threading


class Pattern:
    """``size`` bytes that take no memory; sliced and measured like bytes.

    No two of its aligned blocks look alike to a reader that mixes up
    offsets: what repeats has a prime length.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size = size
        self.seed = seed
        self._block = random.Random(seed).randbytes(65537)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> bytes:
        start, stop, _ = wanted.indices(self._size)
        first = start % len(self._block)
        count = max(0, stop - start)
        blocks = self._block * ((first + count) // len(self._block) + 1)
        return blocks[first:first + count]


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What is done to those who GET a path. All offsets are of the file.

    A fault at an offset strikes answers that begin before it (or at 0), so
    a client that goes on from there gets the rest.
    """

    # Another status comes without data; HEAD may have one of its own.
    status: int = 200
    head_status: int | None = None
    location: str | None = None
    # Whether Range is heeded (206, 416 and If-Range), and an ETag sent.
    ranges: bool = True
    etag: bool = True
    # How the end is told: ``length``, ``chunked`` or ``close``.
    framing: str = 'length'
    # Bytes by which Content-Length is wrong.
    length_off_by: int = 0
    # The connection is closed, reset, or left silent at this offset.
    truncate_at: int | None = None
    reset_at: int | None = None
    stall_at: int | None = None
    # The connection is closed after so many bytes of every answer.
    cut_every: int | None = None
    # Bytes per second of one connection.
    rate: int | None = None
    # What the file is from the second GET on, until somebody changes it.
    becomes: bytes | Pattern | None = None
    # The number of GETs that meet status and faults; None is all of them.
    times: int | None = None

    def calmed(self) -> Behaviour:
        """Return it without what ``times`` limits."""
        return dataclasses.replace(
            self,
            status=200,
            head_status=None,
            length_off_by=0,
            truncate_at=None,
            reset_at=None,
            stall_at=None,
            cut_every=None,
        )

    def end(self, start: int, stop: int) -> tuple[int, str]:
        """Return where an answer meets its first fault, and which."""
        cut = start + self.cut_every if self.cut_every else None
        faults = [
            (self.truncate_at, 'truncate'),
            (self.reset_at, 'reset'),
            (self.stall_at, 'stall'),
            (cut, 'truncate'),
        ]
        met = [
            (at, kind)
            for at, kind in faults
            if at is not None
            and at < stop
            and (start < at or at == start == 0)
        ]
        return min(met, default=(stop, ''))


class File:
    """What lies at a path, and how often it was asked for."""

    def __init__(self, data: bytes | Pattern, behaviour: Behaviour) -> None:
        self.data = data
        self.behaviour = behaviour
        self.gets = 0
        self.released = threading.Event()

    def now(self, method: str) -> tuple[bytes | Pattern, Behaviour]:
        """Return what the next request of this method meets."""
        behaviour, before = self.behaviour, self.gets
        self.gets += method == 'GET'
        if before == 1 and behaviour.becomes is not None:
            self.data = behaviour.becomes
        if behaviour.times is not None and before >= behaviour.times:
            behaviour = behaviour.calmed()
        return self.data, behaviour


@dataclasses.dataclass
class Request:
    """One request, and how far it was answered until now."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    status: int = 0
    start: int = 0
    sent: int = 0
    ended: bool = False

    @property
    def range(self) -> str | None:
        """The Range header."""
        return self.headers.get('range')
