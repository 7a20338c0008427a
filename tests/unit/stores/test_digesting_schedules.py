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
"""Digests stay right under random faults; the soak tests try more."""

import dataclasses
import time
import unittest

from hypothesis import strategies as some

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import digesting
from glance_ext.stores import fixture
from glance_ext.stores import reading
from glance_ext.transfer.progress import Progress
from tests.unit.stores import schedules


@dataclasses.dataclass(frozen=True)
class Held:
    """One copy of the image: what lies there, and how it reads."""

    rests: str
    at: int
    chunk: int
    seeks: bool
    gets: list[fixture.Fault]
    sizes: list[fixture.Fault]

    def rest(self, data):
        at = min(self.at, max(0, len(data) - 1))
        if self.rests == 'other':
            return data[:at] + bytes(len(data[at:]))
        if self.rests == 'short':
            return data[:at]
        return data + bytes(7) if self.rests == 'long' else data


@dataclasses.dataclass(frozen=True)
class Reading:
    """How an image is read for its digests."""

    size: int
    told: bool
    recorded: tuple[str, ...]
    threads: int
    attempts: int
    cancel_at: int | None
    copies: list[Held]


@some.composite
def readings(draw):
    """Draw everything at once, or stores that just fail for a while.

    What nobody can notice is left out: bytes that are wrong where nothing
    is recorded, and sizes where none is known.
    """
    size = draw(schedules.SIZES)
    told = draw(some.booleans())
    threads = draw(some.integers(0, 2))
    recorded = draw(some.sampled_from([(), (), ('md5',), ('md5', 'sha256')]))
    calm = draw(some.booleans())
    gets, sizes = ['raise', 'cut', 'more'], []
    rests = ['whole', 'other']
    if not calm:
        rests += ['short', 'long']
        gets += ['vanish'] + ['stall'] * (threads > 0) + (
            ['corrupt', 'zeros'] if recorded else [])
        sizes += ['raise', 'stall'] + ['lie'] * bool(
            recorded or told and size)
    copies = some.builds(
        Held, rests=some.sampled_from(draw(schedules.some_of(rests))),
        at=schedules.byte(size), chunk=schedules.CHUNKS,
        seeks=some.booleans(),
        gets=schedules.faults(
            size, 'get', *draw(schedules.some_of(gets)), most=3),
        sizes=schedules.faults(
            size, 'get_size', *draw(schedules.some_of(sizes))))
    return Reading(
        size, told or calm, recorded, threads,
        attempts=9 if calm else draw(some.integers(0, 6)),
        cancel_at=None if calm else draw(
            some.none() | some.integers(1, 60)),
        copies=draw(some.lists(copies, min_size=1, max_size=3)))


def check_reading(schedule):
    """No digest of other data than is recorded, or lies in that copy."""
    data = schedules.content(schedule.size)
    recorded = schedules.found_in(data, schedule.recorded)
    known = {f's{index}': fixture.Store(
        [*held.gets, *held.sizes], seeks=held.seeks, chunk_size=held.chunk)
        for index, held in enumerate(schedule.copies)}
    rests = [held.rest(data) for held in schedule.copies]
    failures, checks = [], []
    stalls = any(fault.kind == 'stall' for held in schedule.copies
                 for fault in (*held.gets, *held.sizes))

    def retry(cause):
        failures.append(type(cause))
        if len(failures) > schedule.attempts:
            raise cause

    def check():
        checks.append(1)
        if len(checks) == schedule.cancel_at:
            raise schedules.Broken

    with schedules.small_scale(1), fixture.stores(known):
        copies = []
        for (name, store), rest in zip(known.items(), rests, strict=True):
            store.objects[schedules.IMAGE] = bytearray(rest)
            copies.append(reading.Copy(
                Location(1, name, store.url_prefix + schedules.IMAGE), None))
        work = digesting.Pass(
            algorithms=frozenset({'md5', 'sha256'}), recorded=recorded,
            size=schedule.size if schedule.told else 0,
            threads=schedule.threads, stall_timeout=0.05 if stalls else 60,
            check=check, retry=retry, sleep=time.sleep, progress=Progress())
        try:
            copy, found = schedules.within_time(lambda: work.read(copies))
        except (errors.StoreError, errors.HashMismatch):
            assert not _must_be_read(schedule), 'a good copy was not read'
        except schedules.Broken:
            assert schedule.cancel_at
        else:
            index = copies.index(copy)
            held = known[f's{index}'].objects
            assert schedules.IMAGE in held, 'it has vanished'
            # What is recorded tells good from bad, of whatever copies.
            assert found == schedules.found_in(
                data if recorded else rests[index], ('md5', 'sha256'))
        finally:
            schedules.let_go(known.values())


def _must_be_read(schedule):
    """Tell whether one good copy has to be enough.

    Each fault that comes and goes costs an attempt. Where nothing is
    recorded, copies that differ may be what stands in the way.
    """
    rests = {held.rests for held in schedule.copies}
    kinds = [fault.kind for held in schedule.copies
             for fault in (*held.gets, *held.sizes)
             if fault.kind != 'nothing']
    return (schedule.told and schedule.size and schedule.cancel_at is None
            and {*kinds} <= {'raise', 'cut', 'more'}
            and not any(held.sizes for held in schedule.copies)
            and len(kinds) <= schedule.attempts
            and (rests == {'whole'} or schedule.recorded
                 and 'whole' in rests <= {'whole', 'other'}))


class TestReadings(unittest.TestCase):

    examples = 150

    def test_no_wrong_digest_no_deadlock_no_thread_left(self):
        schedules.explore(check_reading, readings(), self.examples)
