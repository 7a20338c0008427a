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
"""Random schedules of faults, and what has to hold whatever they are.

The same seed gives the same schedules. Another one is tried with
``GLANCE_EXT_SEED``, and a failure names the one it happened with.
"""

import contextlib
import dataclasses
import faulthandler
import hashlib
import os
import random
import threading
import time
from unittest import mock

from glance_store import exceptions
import hypothesis
from hypothesis import strategies as some

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import digesting
from glance_ext.stores import fixture
from glance_ext.stores import reading
from glance_ext.stores import writing
from glance_ext.transfer import ahead
from glance_ext.transfer import digests
from glance_ext.transfer import feed
from glance_ext.transfer import pump
from glance_ext.transfer.progress import Progress

SEED = int(os.environ.get('GLANCE_EXT_SEED', '3'))
#: Nothing here takes a second, unless it hangs.
WATCHDOG = float(os.environ.get('GLANCE_EXT_WATCHDOG', '30'))
IMAGE = '2b6f3d1e-6a0f-4c7e-9d53-0f6f6d2f7c11'
FOREIGN = b'what somebody else has written'
MOST = 3000


class Broken(Exception):
    """What a source or a check raises in these schedules."""


def explore(check, schedules, examples):
    """Call ``check`` with so many schedules; fail with the seed."""
    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(schedules)
    def run(schedule):
        check(schedule)
    try:
        run()
    except BaseException as exc:
        exc.add_note(f'GLANCE_EXT_SEED={SEED}')
        raise


@contextlib.contextmanager
def small_scale(stall_timeout):
    """Have kilobytes fill what megabytes fill, and nobody wait for long."""
    with (mock.patch.object(ahead, '_BATCH', 256),
          mock.patch.object(ahead, '_LOOK_UP', 0.01),
          mock.patch.object(digests, '_BATCH', 256),
          mock.patch.object(feed, 'LIMIT', 512),
          mock.patch.object(pump, '_LOOK_UP', 0.01),
          mock.patch.dict(pump.pump.__kwdefaults__, grace=stall_timeout)):
        yield


def within_time(work):
    """Return what ``work`` returns, unless it hangs."""
    ended = []

    def run():
        try:
            ended.append((work(), None))
        except BaseException as exc:
            ended.append((None, exc))
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WATCHDOG)
    if not ended:
        faulthandler.dump_traceback(all_threads=True)
        raise AssertionError(f'it hangs, for {WATCHDOG} seconds')
    result, exc = ended.pop()
    if exc is not None:
        raise exc
    return result


def wait_for(condition):
    until = time.monotonic() + WATCHDOG
    while not condition():
        if time.monotonic() > until:
            faulthandler.dump_traceback(all_threads=True)
            raise AssertionError('it does not come')
        time.sleep(0.001)


def living():
    return sum(thread.name.startswith('glance-ext-')
               for thread in threading.enumerate())


def let_go(stores):
    """See that only stalled threads live, release them, see them end."""
    wait_for(lambda: living() <= sum(each.plan.stalled for each in stores))
    for each in stores:
        each.plan.release()
    wait_for(lambda: not living())
    assert not any(each.readers for each in stores), 'left open'


def content(size):
    """Return data without zeros, so that zeros are wrong anywhere."""
    return bytes(random.Random(size).randrange(1, 256)
                 for _ in range(size))


def found_in(data, algorithms):
    return {name: hashlib.new(name, data).hexdigest() for name in algorithms}


# What is drawn -----------------------------------------------------------

_at = some.integers(0, MOST + 100)
_maybe_at = some.none() | _at
_raised = some.sampled_from([
    OSError, KeyError, exceptions.NotFound, exceptions.StorageFull,
    exceptions.BackendException, errors.StoreError('of our own')])
_chunk = some.integers(1, 700)


def _faults(call, *kinds, most=2):
    """Draw a plan for a call: in half of all calls nothing happens."""
    events = [kind for kind in kinds if kind in ('raise', 'stall')]
    bytes_ = [kind for kind in kinds if kind not in events]
    one = some.just(fixture.Fault(call, 'nothing'))
    if events:
        one |= some.builds(fixture.Fault, some.just(call),
                           some.sampled_from(events), _maybe_at, _raised)
    if bytes_:
        one |= some.builds(fixture.Fault, some.just(call),
                           some.sampled_from(bytes_), _at)
    return some.lists(one, max_size=most)


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


def _undoubted(schedule):
    """Leave out what nobody can notice, whatever he does."""
    sized = schedule.told and schedule.size
    for copy in schedule.copies:
        for fault in (*copy.gets, *copy.sizes):
            if fault.kind in ('corrupt', 'zeros') and not schedule.recorded:
                return False
            if fault.kind == 'lie' and fault.at == schedule.size or (
                    fault.kind == 'lie' and not sized
                    and not schedule.recorded):
                return False
            if fault.kind == 'stall' and not schedule.threads:
                return False
    return True


READINGS = some.builds(
    Reading, size=some.integers(0, MOST), told=some.booleans(),
    recorded=some.sampled_from([(), ('md5',), ('md5', 'sha256')]),
    threads=some.integers(0, 2), attempts=some.integers(0, 6),
    cancel_at=some.none() | some.integers(1, 60),
    copies=some.lists(some.builds(
        Held, rests=some.sampled_from(
            ['whole', 'whole', 'whole', 'other', 'short', 'long']),
        at=_at, chunk=_chunk, seeks=some.booleans(),
        gets=_faults('get', 'raise', 'stall', 'cut', 'corrupt', 'zeros',
                     'more', 'vanish', most=3),
        sizes=_faults('get_size', 'raise', 'lie')),
        min_size=1, max_size=3)).filter(_undoubted)


def check_reading(schedule):
    """No digest of other data than lies in the copy that is named."""
    data = content(schedule.size)
    recorded = found_in(data, schedule.recorded)
    known = {f's{index}': fixture.Store(
        [*held.gets, *held.sizes], seeks=held.seeks, chunk_size=held.chunk)
        for index, held in enumerate(schedule.copies)}
    rests = [held.rest(data) for held in schedule.copies]
    failures, checks = [], []
    stalls = any(fault.kind == 'stall' for held in schedule.copies
                 for fault in held.gets)

    def retry(cause):
        failures.append(type(cause))
        if len(failures) > schedule.attempts:
            raise cause

    def check():
        checks.append(1)
        if len(checks) == schedule.cancel_at:
            raise Broken

    with small_scale(1), fixture.stores(known):
        copies = []
        for (name, store), rest in zip(known.items(), rests, strict=True):
            store.objects[IMAGE] = bytearray(rest)
            copies.append(reading.Copy(
                Location(1, name, store.url_prefix + IMAGE), None))
        work = digesting.Pass(
            algorithms=frozenset({'md5', 'sha256'}), recorded=recorded,
            size=schedule.size if schedule.told else 0,
            threads=schedule.threads, stall_timeout=0.05 if stalls else 60,
            check=check, retry=retry, sleep=time.sleep, progress=Progress())
        try:
            copy, found = within_time(lambda: work.read(copies))
        except (errors.StoreError, errors.HashMismatch):
            assert not _must_be_read(schedule), 'a good copy was not read'
        except Broken:
            assert schedule.cancel_at
        else:
            index = copies.index(copy)
            assert IMAGE in known[f's{index}'].objects, 'it vanished'
            assert found == found_in(rests[index], ('md5', 'sha256'))
            assert recorded.items() <= found.items()
        finally:
            let_go(known.values())


def _must_be_read(schedule):
    """Tell whether there is no reason to fail: one good copy suffices.

    Faults that come and go cost an attempt each; with none recorded, two
    copies that differ may have to be given up.
    """
    met = [fault.kind for held in schedule.copies
           for fault in (*held.gets, *held.sizes)
           if fault.kind != 'nothing']
    good = [held.rests == 'whole' for held in schedule.copies]
    return (schedule.told and schedule.size and schedule.cancel_at is None
            and set(met) <= {'raise', 'cut', 'more'}
            and not any(held.sizes for held in schedule.copies)
            and (all(good) or schedule.recorded and good[0] and not met)
            and len(met) <= schedule.attempts)


@dataclasses.dataclass(frozen=True)
class Target:
    """A store that is written to."""

    tidy: bool
    honest: bool
    occupied: bool
    commits: bool
    capacity: int | None
    chunk: int
    faults: list[fixture.Fault]

    @property
    def sound(self):
        return not self.faults and not self.occupied and (
            self.capacity is None)


@dataclasses.dataclass(frozen=True)
class Writing:
    """How an image is written to several stores."""

    size: int
    chunk: int
    told: int | None
    threads: int
    breaks_at: int | None
    cancel_at: int | None
    breaks_after: bool
    targets: list[Target]

    @property
    def stalls(self):
        return any(fault.kind == 'stall' for target in self.targets
                   for fault in target.faults)


def _target(honest):
    spoils = ('corrupt', 'zeros') if honest else ()
    faults = some.tuples(
        _faults('add', 'raise', 'stall', 'cut', 'lose', *spoils),
        _faults('get_size', 'raise', 'stall', 'lie'),
        _faults('delete', 'raise', 'stall'),
        _faults('clean', 'raise', 'stall'))
    return some.builds(
        Target, tidy=some.booleans(), honest=some.just(honest),
        occupied=some.sampled_from([False, False, False, True]),
        commits=some.booleans(), capacity=some.none() | _at, chunk=_chunk,
        faults=some.just([]) | faults.map(lambda lists: sum(lists, [])))


WRITINGS = some.builds(
    Writing, size=some.integers(0, MOST), chunk=_chunk,
    told=some.sampled_from([None, 0, 0, 0, -1, 1, 900, -900]),
    threads=some.integers(0, 2), breaks_at=some.none() | _at,
    cancel_at=some.none() | some.integers(1, 60),
    breaks_after=some.booleans(),
    targets=some.lists(_target(False) | _target(True),
                       min_size=1, max_size=3)).filter(
    lambda schedule: all(fault.at != schedule.size
                         for target in schedule.targets
                         for fault in target.faults if fault.kind == 'lie'))


def check_writing(schedule):
    """Stores hold what was committed, and nothing else that is not named."""
    data = content(schedule.size)
    known = {f's{index}': fixture.Store(
        target.faults, tidy=target.tidy, honest=target.honest,
        capacity=target.capacity, chunk_size=target.chunk)
        for index, target in enumerate(schedule.targets)}
    targets = dict(zip(known, schedule.targets, strict=True))
    for name, target in targets.items():
        if target.occupied:
            known[name].objects[IMAGE] = bytearray(FOREIGN)
    committed = set()
    with small_scale(0.1), fixture.stores(known):
        transactions = []
        try:
            transactions.append(within_time(
                lambda: _write(schedule, data, known, targets, committed)))
            _see(data, known, targets, committed, transactions)
            rest = {name: known[name] for name in known.keys() - committed}
            if schedule.stalls and rest:
                # Who tries again must not be hurt by those who still hang.
                again = dataclasses.replace(
                    schedule, told=0, breaks_at=None, cancel_at=None,
                    breaks_after=False)
                transactions.append(within_time(
                    lambda: _write(again, data, rest, targets, committed)))
        finally:
            let_go(known.values())
        _see(data, known, targets, committed, transactions)


def _write(schedule, data, known, targets, committed):
    """Write as scheduled; return the transaction."""
    checks = []

    def check():
        checks.append(1)
        if len(checks) == schedule.cancel_at:
            raise Broken

    def chunks():
        for start in range(0, len(data), schedule.chunk):
            chunk = data[start:start + schedule.chunk]
            if schedule.breaks_at is not None and (
                    start + len(chunk) > schedule.breaks_at):
                raise Broken
            yield chunk

    size = None if schedule.told is None else max(
        0, len(data) + schedule.told)
    unbroken = schedule.breaks_at is None and schedule.cancel_at is None
    transaction = writing.Transaction(IMAGE, None)
    with contextlib.suppress(Broken):
        with (transaction,
              digests.Digests(['md5', 'sha256'], schedule.threads) as taken):
            outcome, found = transaction.write(
                chunks(), list(known), size=size, algorithm='sha256',
                digests=taken, progress=Progress(size), check=check,
                sleep=time.sleep,
                stall_timeout=0.1 if schedule.stalls else 60)
            assert outcome.keys() == known.keys()
            for name, each in outcome.items():
                if isinstance(each, writing.Written):
                    assert bytes(known[name].objects[IMAGE]) == data
                    assert found == found_in(data, ('md5', 'sha256'))
                    assert each.size == len(data)
                    assert size in (None, len(data))
                    if targets[name].commits:
                        transaction.commit(name)
                        committed.add(name)
                else:
                    assert isinstance(each, (errors.StoreError,
                                             errors.HashMismatch)), each
                    assert not (targets[name].sound and unbroken
                                and not schedule.stalls
                                and size in (None, len(data))), repr(each)
            if schedule.breaks_after:
                raise Broken
    return transaction


def _see(data, known, targets, committed, transactions):
    left = {name for each in transactions for name in each.left}
    for name, store in known.items():
        held = {key: bytes(value) for key, value in store.objects.items()}
        if name in committed:
            assert held == {IMAGE: data}, f'{name}: not what was committed'
        elif targets[name].occupied:
            assert held == {IMAGE: FOREIGN}, f'{name}: not ours to touch'
        elif name in left:
            why = {fault.call for fault in targets[name].faults
                   if fault.kind == 'raise'}
            assert store.plan.stalled or why & {'delete', 'clean'}, (
                f'{name}: left for no reason')
        else:
            assert held == {}, f'{name}: left and not named'
