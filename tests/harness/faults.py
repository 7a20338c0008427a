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
"""What a store is told to do wrong, and how often it did.

The test writes ``faults.json`` in the instance's directory; the server's
filesystem driver (``tests.harness.faulty``) looks at the file before every
piece it hands out, so a fault also takes hold of a read that is under way.
"""

from __future__ import annotations

import dataclasses
import fcntl
import itertools
import json
import os
from pathlib import Path
from typing import Any

KINDS = {
    'get': (
        'raise', 'notfound', 'cut', 'zeros', 'corrupt', 'stall', 'slow', 'die'
    ),
    'add': ('raise', 'stall', 'slow', 'die'),
    'delete': ('raise', 'in_use'),
    'write': ('die',),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Fault:
    """One misbehaviour of ``operation`` (``get``, ``add`` or ``delete``).

    ``store`` and ``image`` None mean any (but never Glance's staging area).
    ``at`` is the byte of the object from which the fault may happen; None
    makes ``raise`` of ``get`` happen when the object is opened. ``times``
    limits how often it fires, over all processes. ``error`` names a
    glance_store exception or a built-in one; ``seconds`` ends a stall that
    nobody clears. For ``write``, which is of an action's row, ``image`` is
    any text in what was asked for, ``at`` which of its writes, and ``store``
    ``before`` or ``after`` it.
    """

    id: str
    kind: str
    operation: str = 'get'
    store: str | None = None
    image: str | None = None
    at: int | None = 0
    times: int | None = None
    error: str = 'RemoteServiceUnavailable'
    length: int = 1
    seconds: float | None = None
    bytes_per_second: int = 0

    def meets(self, operation: str, store: str | None, image: str) -> bool:
        """Whether this fault is about that object of that store."""
        here = self.store == store or (
            self.store is None and not (store or '').startswith('os_glance_')
        )
        return (
            here
            and self.operation == operation
            and self.image in (None, image)
        )


class Faults:
    """The faults of one instance, shared by its test and its processes."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._file = self.directory / 'faults.json'
        self._counts = self.directory / 'faults'
        self._serial = itertools.count(1)
        self._seen: tuple[int, int] | None = None
        self._faults: list[Fault] = []

    def add(self, kind: str, operation: str = 'get', **values: Any) -> str:
        """Bring a fault about from now on; return its id."""
        if kind not in KINDS[operation]:
            raise ValueError(f'{operation} has no fault {kind}')
        fault = Fault(f'{next(self._serial)}', kind, operation, **values)
        self._counts.mkdir(exist_ok=True)
        (self._counts / fault.id).touch()
        self._write([*self.read(), fault])
        return fault.id

    def clear(self, *ids: str) -> None:
        """End these faults, or all; counts stay readable."""
        kept = [fault for fault in self.read() if fault.id not in ids]
        self._write(kept if ids else [])

    def fired(self, fault: str) -> int:
        """Return how often it has happened so far."""
        return (self._counts / fault).stat().st_size

    def read(self) -> list[Fault]:
        """Return the faults in force."""
        try:
            found = self._file.stat()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen != self._seen:
                values = json.loads(self._file.read_text())
                self._faults = [Fault(**value) for value in values]
                self._seen = seen
        except FileNotFoundError:
            self._faults, self._seen = [], None
        return self._faults

    def claim(self, fault: Fault) -> bool:
        """Count one firing; False when its ``times`` are used up."""
        with (self._counts / fault.id).open('ab') as count:
            fcntl.flock(count, fcntl.LOCK_EX)
            done = os.fstat(count.fileno()).st_size
            if fault.times is not None and done >= fault.times:
                return False
            count.write(b'.')
            return True

    def _write(self, faults: list[Fault]) -> None:
        fresh = self._file.with_suffix('.new')
        fresh.write_text(json.dumps([dataclasses.asdict(f) for f in faults]))
        fresh.replace(self._file)
