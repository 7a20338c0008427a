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
"""Hashing one image: our way of a byte against Glance's own loop."""

from collections.abc import Callable
import functools
import time
from typing import Any, NamedTuple

from bench import images
from bench import options
from bench.turns import ratios
from bench.turns import row
from bench.turns import take_turns
from glance_ext.transfer.progress import Progress


class Run(NamedTuple):
    """One hash of the image; both times in seconds, CPU of all threads."""

    wall: float
    cpu: float
    digests: list[str]


def _measure(work: Callable[[], list[str]]) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return Run(time.perf_counter() - wall, time.process_time() - cpu, found)


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return the ratios of wall clock and CPU."""
    mib = chosen.mib or 256
    with images.image(chosen.directory, mib) as path:
        ours = {threads: functools.partial(
            _measure, lambda threads=threads: images.hash_ours(
                path, threads, Progress(mib * images.MIB)))
            for threads in (1, 2)}
        found = take_turns({
            'theirs': lambda: _measure(
                lambda: images.hash_theirs(path, lambda count: None)),
            'one': ours[1], 'two': ours[2]}, chosen.rounds or 7)
    if len({tuple(each.digests) for runs in found.values()
            for each in runs}) != 1:
        raise AssertionError('the digests differ')
    walls = {name: [each.wall for each in runs]
             for name, runs in found.items()}
    cpus = {name: [each.cpu for each in runs] for name, runs in found.items()}
    speed = [mib / wall for wall in walls['theirs']]
    what = f'hash {mib} MiB, md5 + sha512'
    return [
        row(f"{what}, Glance's own loop", speed, 'MiB/s', digits=0),
        row(f'{what}, 2 threads', ratios(walls['theirs'], walls['two']),
            'times faster', least=1.8, ideal='two idle cores'),
        row(f'{what}, 2 threads, CPU', ratios(cpus['two'], cpus['theirs']),
            "of Glance's", most=1.06),
        row(f'{what}, 1 thread', ratios(walls['theirs'], walls['one']),
            'times faster'),
        row(f'{what}, 1 thread, CPU', ratios(cpus['one'], cpus['theirs']),
            "of Glance's", most=1.06),
    ]
