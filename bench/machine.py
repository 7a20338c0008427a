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
"""Where the measurements were made, and what disturbed them."""

from collections.abc import Iterator
import contextlib
from importlib import metadata
import os
import platform
import subprocess
import sys
from typing import Any

#: What a line of /proc/stat counts, in ticks.
_KINDS = ('user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq',
          'steal')


def facts() -> dict[str, Any]:
    """Return what a number means nothing without."""
    return {
        'python': platform.python_version(),
        'glance': metadata.version('glance'),
        'glance_store': metadata.version('glance-store'),
        'cpus': len(os.sched_getaffinity(0)),
        'machine': platform.machine(),
        'kernel': platform.release(),
        'load': [round(each, 2) for each in os.getloadavg()],
    }


def ticks() -> dict[str, int]:
    """Return what all processors have done so far."""
    with open('/proc/stat') as file:
        values = map(int, file.readline().split()[1:])
        return dict(zip(_KINDS, values, strict=False))


def stolen(before: dict[str, int], after: dict[str, int]) -> float:
    """Return the percentage that the host took away meanwhile."""
    passed = {kind: after[kind] - before[kind] for kind in before}
    total = sum(passed.values())
    return 100 * passed.get('steal', 0) / total if total else 0.0


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Have so many foreign processes that do nothing but work."""
    processes = [subprocess.Popen(
        [sys.executable, '-S', '-c', 'while True: pass'])
        for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
