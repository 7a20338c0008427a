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
"""Downloads from a mirror that limits connections: ours against Glance's.

Glance reads one answer to its end, through its own readers, and calculates
both digests as it goes; ours does what a web-download does before it writes.
"""

from collections.abc import Callable
import functools
import hashlib
import time
from typing import Any, NamedTuple

from glance.common import config  # noqa: F401 (registers image_size_cap)
from glance.common.scripts import utils as script_utils
from glance_store.common.utils import chunkreadable
from oslo_config import cfg

from bench import images
from bench import mirror
from bench import options
from bench.turns import ratios
from bench.turns import row
from bench.turns import take_turns
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.http_parts import PART
from glance_ext.transfer.http_source import Download

_ALGORITHMS = ('md5', 'sha512')
_RULES = Rules(allowed_hosts=['127.0.0.1'])
#: How many times faster it has to be with so many connections.
_TARGETS = {1: None, 4: 3.2, 8: 5.5}


class Run(NamedTuple):
    """One download; both times in seconds, CPU of all threads."""

    wall: float
    cpu: float
    found: tuple[str, ...]


def theirs(url: str, algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Read as Glance does, as its staging store asks for the bytes."""
    hashers = [hashlib.new(name, usedforsecurity=False)
               for name in algorithms]
    data, _size = script_utils.get_image_data_iter(url)
    for chunk in chunkreadable(data, images.CHUNK):
        for hasher in hashers:
            hasher.update(chunk)
    return tuple(hasher.hexdigest() for hasher in hashers)


def ours(connections: int, url: str, algorithms: tuple[str, ...]
         ) -> tuple[str, ...]:
    """Read as our actions do."""
    with (Download(url, _RULES, connections=connections) as download,
          Digests(algorithms) as digests):
        for chunk in download.chunks():
            digests.update(chunk)
        return tuple(digests.finish().values())


def _measure(work: Callable[[str, tuple[str, ...]], tuple[str, ...]],
             url: str, algorithms: tuple[str, ...] = _ALGORITHMS) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(url, algorithms)
    return Run(time.perf_counter() - wall, time.process_time() - cpu, found)


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return the ratios of wall clock and CPU, and what a cut costs."""
    mib, rounds = chosen.mib or 128, chosen.rounds or 3
    cfg.CONF.set_override('allowed_hosts', ['127.0.0.1'],
                          'import_filtering_opts')
    cfg.CONF.set_override('allowed_ports', [], 'import_filtering_opts')
    works = {'theirs': theirs} | {
        str(count): functools.partial(ours, count) for count in _TARGETS}
    try:
        with mirror.served(mib) as served:
            limited = take_turns({
                name: functools.partial(_measure, work, served.url('limited'))
                for name, work in works.items()}, rounds)
            free = take_turns({
                name: functools.partial(_measure, work, served.url('free'),
                                        ())
                for name, work in works.items()}, rounds + 2)
            cut = take_turns({
                name: functools.partial(_again, served, work, mib)
                for name, work in works.items() if name != 'theirs'}, 1)
    finally:
        cfg.CONF.clear_override('allowed_hosts', 'import_filtering_opts')
        cfg.CONF.clear_override('allowed_ports', 'import_filtering_opts')
    if len({each.found for runs in limited.values() for each in runs}) != 1:
        raise AssertionError('the digests differ')
    rows = []
    for count, least in _TARGETS.items():
        what = (f'download {mib} MiB, {count} connection'
                + 's' * (count > 1))
        rows += [
            row(f'{what} of 20 MB/s',
                ratios([each.wall for each in limited['theirs']],
                       [each.wall for each in limited[str(count)]]),
                'times faster', least=least, ideal='two idle cores'),
            row(f'{what}, no limit, no digests, CPU',
                ratios([each.cpu for each in free['theirs']],
                       [each.cpu for each in free[str(count)]]),
                'times less'),
            row(f'{what}, cut every 24 MiB, read again',
                cut[str(count)], 'MiB', most=PART / (1 << 20))]
    return rows


def _again(served: mirror.Mirror,
           work: Callable[[str, tuple[str, ...]], tuple[str, ...]],
           mib: int) -> float:
    """Return how many MiB more than the file went out."""
    served.sent()
    work(served.url('cut'), ())
    return served.sent() / (1 << 20) - mib
