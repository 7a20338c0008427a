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
"""Transactions stay whole under random faults; the soak tests try more."""

import contextlib
import dataclasses
import threading
import time
import unittest

from hypothesis import strategies as some

from glance_ext import errors
from glance_ext.stores import fixture
from glance_ext.stores import writing
from glance_ext.transfer import digests
from glance_ext.transfer.progress import Progress
from tests.unit.stores import schedules

FOREIGN = b'what somebody else has written'


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
    breaks_after: int | None
    targets: list[Target]

    @property
    def stalls(self):
        return any(fault.kind == 'stall' for target in self.targets
                   for fault in target.faults)


@some.composite
def writings(draw):
    """Draw everything at once, or drivers that fail, and nothing else.

    What nobody can notice is left out: a store that keeps other bytes than
    it tells.
    """
    size = draw(schedules.SIZES)
    calm = draw(some.booleans())
    targets = []
    for _ in range(draw(some.integers(1, 3))):
        honest = draw(some.booleans())
        spoils = ['corrupt', 'zeros'] if honest else []
        plan = [] if draw(some.integers(0, 3)) == 0 else sum((draw(
            schedules.faults(size, call, *draw(schedules.some_of(kinds))))
            for call, kinds in (
                ('add', ['raise', 'stall', 'cut', 'lose', *spoils]),
                ('get_size', ['raise', 'stall', 'lie']),
                ('delete', ['raise', 'stall']),
                ('clean', ['raise', 'stall']))), [])
        targets.append(Target(
            tidy=draw(some.booleans()), honest=honest,
            occupied=not calm and draw(some.integers(0, 3)) == 0,
            commits=draw(some.booleans()),
            capacity=None if calm else draw(
                some.none() | schedules.byte(size)),
            chunk=draw(schedules.CHUNKS), faults=plan))
    return Writing(
        size, chunk=draw(schedules.CHUNKS),
        told=draw(some.sampled_from(
            [None, 0] if calm else [None, 0, 0, -1, 1, 900, -900])),
        threads=draw(some.integers(0, 2)),
        breaks_at=None if calm else draw(
            some.none() | schedules.byte(size)),
        cancel_at=None if calm else draw(
            some.none() | some.integers(1, 60)),
        breaks_after=None if calm else draw(
            some.none() | some.integers(1, 3)), targets=targets)


def check_writing(schedule):
    """Stores hold what was committed, and nothing else that is not named."""
    data = schedules.content(schedule.size)
    known = {f's{index}': fixture.Store(
        target.faults, tidy=target.tidy, honest=target.honest,
        capacity=target.capacity, chunk_size=target.chunk)
        for index, target in enumerate(schedule.targets)}
    targets = dict(zip(known, schedule.targets, strict=True))
    for name, target in targets.items():
        if target.occupied:
            known[name].objects[schedules.IMAGE] = bytearray(FOREIGN)
    committed = set()
    with schedules.small_scale(0.05), fixture.stores(known):
        transactions = []
        try:
            transactions.append(schedules.within_time(
                lambda: _write(schedule, data, known, targets, committed)))
            _see(data, known, targets, committed, transactions)
            rest = {name: known[name] for name in known.keys() - committed}
            if schedule.stalls and rest:
                # Who tries again must not be hurt by those who still hang.
                again = dataclasses.replace(
                    schedule, told=0, breaks_at=None, cancel_at=None,
                    breaks_after=None)
                transactions.append(schedules.within_time(
                    lambda: _write(again, data, rest, targets, committed)))
        finally:
            schedules.let_go(known.values())
        _see(data, known, targets, committed, transactions)


def _write(schedule, data, known, targets, committed):
    """Write as scheduled; return the transaction."""
    checks = []

    def check():
        checks.append(1)
        if len(checks) == schedule.cancel_at:
            raise schedules.Broken

    def chunks():
        for start in range(0, len(data), schedule.chunk):
            chunk = data[start:start + schedule.chunk]
            if schedule.breaks_at is not None and (
                    start + len(chunk) > schedule.breaks_at):
                raise schedules.Broken
            yield chunk

    size = None if schedule.told is None else max(
        0, len(data) + schedule.told)
    unbroken = schedule.breaks_at is None and schedule.cancel_at is None
    told = {}

    def finished(name, each, found):
        assert threading.current_thread() is caller
        assert name not in told, f'{name}: told twice'
        told[name] = each
        if isinstance(each, writing.Written):
            assert known[name].objects[schedules.IMAGE] == data
            assert found == schedules.found_in(data, ('md5', 'sha256'))
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
                        and size in (None, len(data))), each
        if len(told) == schedule.breaks_after:
            raise schedules.Broken

    caller = threading.current_thread()
    transaction = writing.Transaction(schedules.IMAGE, None, fixture.Owner())
    with contextlib.suppress(schedules.Broken):
        with (transaction,
              digests.Digests(['md5', 'sha256'], schedule.threads) as taken):
            outcome, _found = transaction.write(
                chunks(), list(known), size=size, algorithm='sha256',
                digests=taken, progress=Progress(size), check=check,
                sleep=time.sleep,
                stall_timeout=0.05 if schedule.stalls else 60,
                finished=finished)
            assert outcome == told and told.keys() == known.keys()
    return transaction


def _see(data, known, targets, committed, transactions):
    left = {name for each in transactions for name in each.left}
    for name, store in known.items():
        held = {key: bytes(value) for key, value in store.objects.items()}
        if name in committed:
            assert held == {schedules.IMAGE: data}, f'{name}: wrong'
        elif targets[name].occupied:
            assert held == {schedules.IMAGE: FOREIGN}, f'{name}: not ours'
        elif name in left:
            why = {fault.call for fault in targets[name].faults
                   if fault.kind == 'raise'}
            assert store.plan.stalled or why & {'delete', 'clean'}, (
                f'{name}: left for no reason')
        else:
            assert held == {}, f'{name}: left and not named'


class TestWritings(unittest.TestCase):

    examples = 120

    def test_stores_hold_what_was_committed_and_nothing_else(self):
        schedules.explore(check_writing, writings(), self.examples)
