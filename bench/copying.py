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
"""Copying one image to several stores: ours against Glance's own way.

Glance stages the image and then gives each store the staged file, one after
the other, through its own readers. Both sides use glance_store's filesystem
driver; neither has a database or tasks here. The image has a hash, as nearly
all have: ours then calculates that one digest, and compares it.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import functools
import pathlib
import tempfile
import time
from typing import Any, NamedTuple

from glance.common import utils
from glance.common.scripts import utils as script_utils
import glance_store
from oslo_config import cfg
from oslo_utils.imageutils import format_inspector

from bench import images
from bench import options
from bench.turns import ratios
from bench.turns import row
from bench.turns import take_turns
from glance_ext.host.images import Location
from glance_ext.stores import fixture
from glance_ext.stores import writing
from glance_ext.stores.reading import Copy
from glance_ext.transfer.ahead import read_ahead
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.progress import Progress
from tests.harness.backends import stores as harness

_STAGING = 'os_glance_staging_store'
_IMAGE = 'image'
#: What performance is wanted for 1, 2 and 3 stores: CPU, and wall clock.
_TARGETS = {1: (2.6, 5), 2: (4.2, 8), 3: (4.2, 8)}


@dataclass(frozen=True)
class Stores:
    """One that holds an image, and some that will."""

    source: pathlib.Path
    targets: dict[str, pathlib.Path]

    @property
    def size(self) -> int:
        return (self.source / _IMAGE).stat().st_size

    @property
    def url(self) -> str:
        return f'file://{self.source / _IMAGE}'

    def clear(self) -> None:
        """See that each target has a copy, and delete it."""
        for directory in self.targets.values():
            held = directory / _IMAGE
            if held.exists():
                if held.stat().st_size != self.size:
                    raise AssertionError(f'{held} is no copy')
                held.unlink()


@contextlib.contextmanager
def stores(directory: str | None, mib: int, count: int) -> Iterator[Stores]:
    """Set glance_store up with an image of so many MiB."""
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(images.image(directory, mib)).parent
        where = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(dir=directory)))
        names = ['source', _STAGING, *(f's{n}' for n in range(count))]
        places = {name: where / name for name in names} | {'source': source}
        for place in places.values():
            place.mkdir(exist_ok=True)
        stack.enter_context(harness.multi_store({
            f'{name}:file': {'filesystem_store_datadir': str(place)}
            for name, place in places.items()}))
        yield Stores(source, {name: places[name] for name in names[2:]})


def theirs(known: Stores, count: int) -> str:
    """Copy as Glance does; return the multihash."""
    staging = glance_store.get_store_from_store_identifier(_STAGING)
    data, size = glance_store.get(known.url, 'source')
    staged = staging.add(_IMAGE, data, size)[0]
    for store in list(known.targets)[:count]:
        data, size = script_utils.get_image_data_iter(staged)
        data = format_inspector.InspectWrapper(
            script_utils.CallbackIterator(
                data, lambda chunk, total: None, min_interval=60))
        found = glance_store.add_with_multihash(
            cfg.CONF, _IMAGE, utils.wrap_data_for_store_upload(data), size,
            store, 'sha512')
        data.close()
    pathlib.Path(staged.removeprefix('file://')).unlink()
    return str(found[3])


def ours(known: Stores, count: int) -> str:
    """Copy as our actions do; return the multihash."""
    names = list(known.targets)[:count]
    copy = Copy(Location(1, 'source', known.url), None)
    with (writing.Transaction(_IMAGE, None, fixture.Owner()) as transaction,
          Digests(['sha512'], 2) as digests):
        outcome, found = transaction.write(
            read_ahead(copy.chunks(), 60, lambda: None, str(copy)), names,
            size=known.size, algorithm='sha512', digests=digests,
            progress=Progress(known.size), check=lambda: None,
            sleep=time.sleep, stall_timeout=60)
        for name in names:
            if not isinstance(outcome[name], writing.Written):
                raise AssertionError(outcome[name])
            transaction.commit(name)
    return found['sha512']


class Run(NamedTuple):
    """One copy; both times in seconds, CPU of all threads."""

    wall: float
    cpu: float
    multihash: str


def _measure(work: Callable[[Stores, int], str], known: Stores, count: int
             ) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(known, count)
    result = Run(time.perf_counter() - wall, time.process_time() - cpu,
                 found)
    known.clear()
    return result


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return the ratios of CPU and wall clock for 1, 2 and 3 stores."""
    mib = chosen.mib or 128
    rows = []
    with stores(chosen.directory, mib, max(_TARGETS)) as known:
        for count, (cpu, wall) in _TARGETS.items():
            found = take_turns({
                work.__name__: functools.partial(_measure, work, known,
                                                 count)
                for work in (theirs, ours)}, chosen.rounds or 5)
            if len({each.multihash for runs in found.values()
                    for each in runs}) != 1:
                raise AssertionError('the digests differ')
            what = f'copy {mib} MiB to {count} file store' + 's' * (count > 1)
            rows += [
                row(f'{what}, wall',
                    ratios([each.wall for each in found['theirs']],
                           [each.wall for each in found['ours']]),
                    'times faster', least=wall, ideal='two idle cores'),
                row(f'{what}, CPU',
                    ratios([each.cpu for each in found['theirs']],
                           [each.cpu for each in found['ours']]),
                    'times less', least=cpu)]
    return rows
