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
"""How much memory a hash and a copy take, whatever the image's size.

Each is measured in a process of its own, from what the idle process has to
the most that it had meanwhile. ``python -m bench.memory`` is that process.
"""

from collections.abc import Callable, Iterator
import contextlib
import functools
import gc
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

from bench import copying
from bench import images
from bench import options
from bench.turns import row
from glance_ext.transfer.progress import Progress

_MOST = 8


def _status(name: str) -> int:
    """Return a number of /proc/self/status, in KiB."""
    text = pathlib.Path('/proc/self/status').read_text()
    found = re.search(rf'^{name}:\s+(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


@contextlib.contextmanager
def _hash(threads: int, directory: str | None, mib: int
          ) -> Iterator[Callable[[], object]]:
    with (images.image(directory, mib, sparse=True) as path,
          images.image(directory, 0) as empty):
        # Whatever Python loads for a hash, it loads now.
        images.hash_ours(empty, threads, Progress())
        yield functools.partial(images.hash_ours, path, threads, Progress())


@contextlib.contextmanager
def _copy(count: int, directory: str | None, mib: int
          ) -> Iterator[Callable[[], object]]:
    with copying.stores(directory, 1, count) as known:
        copying.ours(known, count)
        known.clear()
    with copying.stores(directory, mib, count) as known:
        yield functools.partial(copying.ours, known, count)


_CASES = {'hash': _hash, 'copy': _copy}


def _measure(case: str, number: int, mib: int, directory: str | None) -> int:
    """Return how many KiB a case has taken beyond the idle process."""
    with _CASES[case](number, directory, mib) as work:
        gc.collect()
        # The peak is forgotten, and begins again at what there is now.
        pathlib.Path('/proc/self/clear_refs').write_text('5')
        before = _status('VmRSS')
        work()
        return _status('VmHWM') - before


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return the memory of a hash and of a copy, in MiB."""
    rows = []
    for what, case, number, mib in (
            ('hash {} MiB, 2 threads', 'hash', 2, chosen.mib or 1024),
            ('hash {} MiB, 1 thread', 'hash', 1, chosen.mib or 1024),
            ('copy {} MiB to 3 file stores', 'copy', 3, chosen.mib or 256)):
        values = [json.loads(subprocess.run(
            [sys.executable, '-W', 'ignore', '-m', 'bench.memory', case,
             str(number), str(mib), chosen.directory or ''],
            stdout=subprocess.PIPE, check=True).stdout) / 1024
            for _ in range(chosen.rounds or 3)]
        rows.append(row(what.format(mib) + ', memory above idle', values,
                        'MiB', most=_MOST, digits=1))
    return rows


if __name__ == '__main__':
    _case, _number, _mib, _directory = sys.argv[1:]
    print(json.dumps(_measure(_case, int(_number), int(_mib),
                              _directory or None)))
