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
``GLANCE_EXT_SOAK_SEED``, and a failure names the one it happened with.
"""

import contextlib
import faulthandler
import hashlib
import logging
import os
import random
import threading
import time
from unittest import mock

from glance_store import exceptions
import hypothesis
from hypothesis import strategies as some

from glance_ext import errors
from glance_ext.stores import fixture
from glance_ext.transfer import ahead
from glance_ext.transfer import feed
from glance_ext.transfer import pump

SEED = int(os.environ.get('GLANCE_EXT_SOAK_SEED', '3'))
#: Nothing here takes a second, unless it hangs.
WATCHDOG = 30
IMAGE = '2b6f3d1e-6a0f-4c7e-9d53-0f6f6d2f7c11'


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
    logging.disable(logging.CRITICAL)
    try:
        run()
    except BaseException as exc:
        exc.add_note(f'GLANCE_EXT_SOAK_SEED={SEED}')
        raise
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def small_scale(stall_timeout):
    """Have kilobytes fill what megabytes fill, and nobody wait for long."""
    with (mock.patch.object(ahead, 'UNIT', 256),
          mock.patch.object(ahead, '_LOOK_UP', 0.01),
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

SIZES = some.integers(0, 3000)
CHUNKS = some.integers(1, 700)
_RAISED = some.sampled_from([
    OSError, KeyError, exceptions.NotFound, exceptions.StorageFull,
    exceptions.BackendException, errors.StoreError('of our own')])


def byte(size):
    """Draw a byte of so many, their end, or one beyond."""
    return some.integers(0, size + 1)


def some_of(kinds):
    """Draw a few: all kinds at once hide what two of them would show."""
    return some.lists(some.sampled_from(kinds), min_size=1,
                      unique=True) if kinds else some.just([])


def faults(size, call, *kinds, most=2):
    """Draw a plan for the calls that handle ``size`` bytes.

    No lie about the size is the truth, and no ``delete`` says that there is
    nothing to delete: who could tell?
    """
    events = [kind for kind in kinds if kind in ('raise', 'stall')]
    spoils = [kind for kind in kinds if kind not in events]
    one = some.just(fixture.Fault(call, 'nothing'))
    if events:
        one |= some.builds(
            fixture.Fault, some.just(call), some.sampled_from(events),
            some.none() | byte(size), _RAISED).filter(
                lambda fault: (fault.call, fault.error) != (
                    'delete', exceptions.NotFound))
    if spoils:
        one |= some.builds(
            fixture.Fault, some.just(call), some.sampled_from(spoils),
            byte(size)).filter(
                lambda fault: (fault.kind, fault.at) != ('lie', size))
    return some.lists(one, max_size=most)
