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
"""glance_store's filesystem driver, made to fail as it is told.

Lives in the server process of a Glance under test.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
import errno
import os
import time
from typing import Any

from tests.harness import dying
from tests.harness import faults


def install(directory: str) -> None:
    """Patch the driver; the faults are those of ``directory``."""
    from glance_store._drivers import filesystem

    told = faults.Faults(directory)
    get, delete = filesystem.Store.get, filesystem.Store.delete
    add = filesystem.Store.add

    def faulty_get(
        self: Any,
        location: Any,
        offset: int = 0,
        chunk_size: int | None = None,
        context: Any = None,
    ) -> tuple[Any, int]:
        here = (self.backend_group, _image(location))
        for fault in told.read():
            opens = fault.kind == 'notfound' or (
                fault.kind == 'raise' and fault.at is None
            )
            if opens and fault.meets('get', *here) and told.claim(fault):
                missing = fault.kind == 'notfound'
                raise _error('NotFound' if missing else fault.error)
        pieces, size = get(
            self, location, offset=offset, chunk_size=chunk_size
        )
        end = offset + chunk_size if chunk_size else size
        return Reader(pieces, told, here, offset, end), size

    def faulty_delete(self: Any, location: Any, context: Any = None) -> None:
        here = (self.backend_group, _image(location))
        for fault in told.read():
            if fault.meets('delete', *here) and told.claim(fault):
                if fault.kind == 'in_use':
                    delete(self, location)
                    raise _error('InUseByStore')
                raise _error(fault.error)
        delete(self, location)

    def faulty_add(self: Any, image_id: str, data: Any, *more: Any,
                   **named: Any) -> Any:
        # What an attempt writes has its own name until it is whole.
        here = (self.backend_group, image_id.partition('.')[0])
        source: Any = Source(data, told, here)
        if not hasattr(data, 'read'):
            source = source.pieces()
        return add(self, image_id, source, *more, **named)

    filesystem.Store.get = faulty_get
    filesystem.Store.add = faulty_add
    filesystem.Store.delete = faulty_delete


def _image(location: Any) -> str:
    return os.path.basename(location.store_location.path)


def _error(name: str) -> Exception:
    from glance_store import exceptions

    if name == 'OSError':
        return OSError(errno.EIO, 'injected')
    kind = getattr(exceptions, name, None) or getattr(builtins, name)
    return kind('injected')


class Source:
    """What a store reads while it writes an object, with its faults."""

    def __init__(
        self, data: Any, told: faults.Faults, here: tuple[str | None, str]
    ) -> None:
        self._data = data
        self._told = told
        self._here = here
        self._position = 0
        self._done: set[str] = set()

    def read(self, size: int) -> bytes:
        """Read on, or do what a fault says."""
        piece: bytes = self._data.read(self._meet(size))
        self._position += len(piece)
        return piece

    def pieces(self) -> Iterator[bytes]:
        """Yield what an iterable has, or do what a fault says."""
        for piece in self._data:
            self._meet(len(piece))
            self._position += len(piece)
            yield piece
        self._meet(0)

    def _meet(self, size: int) -> int:
        for fault in self._told.read():
            if (
                fault.id in self._done
                or not fault.meets('add', *self._here)
                or self._position < (fault.at or 0)
            ):
                continue
            if fault.kind == 'slow':
                size = min(size, max(fault.bytes_per_second // 10, 1))
                time.sleep(size / fault.bytes_per_second)
                continue
            self._done.add(fault.id)
            if not self._told.claim(fault):
                continue
            if fault.kind == 'raise':
                raise _error(fault.error)
            if fault.kind == 'die':
                dying.die()
            stall(fault, self._told)
        return size


def stall(fault: faults.Fault, told: faults.Faults) -> None:
    """Wait until the fault is cleared, or its time is over."""
    limit = fault.seconds or float('inf')
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        if fault not in told.read():
            return
        time.sleep(0.02)


class Reader:
    """The pieces of an object from byte ``position``, with its faults.

    ``end`` is the length that the driver declared, where zeros stop.
    """

    def __init__(
        self,
        pieces: Any,
        told: faults.Faults,
        here: tuple[str | None, str],
        position: int,
        end: int,
    ) -> None:
        self._pieces = pieces
        self._told = told
        self._here = here
        self._position = position
        self._end = end
        self._flip = 0
        self._done: set[str] = set()

    def close(self) -> None:
        """Close the driver's own reader."""
        self._pieces.close()

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                while piece:
                    fault = self._due(self._position + len(piece) - 1)
                    if fault is None:
                        yield from self._give(piece)
                        break
                    ahead = (fault.at or 0) - self._position
                    if ahead > 0:
                        yield from self._give(piece[:ahead])
                        piece = piece[ahead:]
                        continue
                    self._done.add(fault.id)
                    if not self._told.claim(fault):
                        continue
                    if fault.kind == 'cut':
                        return
                    if fault.kind == 'zeros':
                        yield from self._zeros()
                        return
                    self._suffer(fault)
            fault = self._due(self._position)
            if fault and fault.kind in ('raise', 'stall', 'die'):
                self._done.add(fault.id)
                if self._told.claim(fault):
                    self._suffer(fault)
        finally:
            self.close()

    def _due(self, last: int) -> faults.Fault | None:
        found = [
            fault
            for fault in self._told.read()
            if fault.meets('get', *self._here)
            and fault.kind not in ('slow', 'notfound')
            and fault.at is not None
            and fault.at <= last
            and fault.id not in self._done
        ]
        return min(found, key=lambda fault: fault.at or 0, default=None)

    def _suffer(self, fault: faults.Fault) -> None:
        if fault.kind == 'raise':
            raise _error(fault.error)
        if fault.kind == 'die':
            dying.die()
        if fault.kind == 'stall':
            stall(fault, self._told)
        else:
            self._flip = fault.length

    def _zeros(self) -> Iterator[bytes]:
        while self._position < self._end:
            size = min(65536, self._end - self._position)
            yield from self._give(bytes(size))

    def _give(self, piece: bytes) -> Iterator[bytes]:
        flipped = bytes(byte ^ 0xFF for byte in piece[: self._flip])
        piece = flipped + piece[len(flipped) :]
        self._flip -= len(flipped)
        while piece:
            rate = self._rate()
            part = piece[: max(rate // 10, 1)] if rate else piece
            if rate:
                time.sleep(len(part) / rate)
            self._position += len(part)
            piece = piece[len(part) :]
            yield part

    def _rate(self) -> int:
        """Return the bytes per second that a slow store allows; 0 is all."""
        for fault in self._told.read():
            if fault.kind == 'slow' and fault.meets('get', *self._here):
                if fault.id not in self._done:
                    self._done.add(fault.id)
                    self._told.claim(fault)
                return fault.bytes_per_second
        return 0
