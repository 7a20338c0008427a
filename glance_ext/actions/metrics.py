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
"""What the actions of this process did, counted for Prometheus.

``prometheus_client`` is optional: without it nothing is counted. With
``[glance_ext] metrics_dir`` its multiprocess mode adds up the processes of
a host, also those that have ended.
"""

import collections
from collections.abc import Callable, Iterator
import functools
import importlib
import math
import os
import threading
import time
from typing import Any
import weakref

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import sweeps
from glance_ext.host import task_sweeps
from glance_ext.host import tasks

LOG = logging.getLogger(__name__)

CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
#: Images without a hash are counted this seldom, in seconds.
_COUNT_AGAIN = 300
_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_BY_STORE = ('action_type', 'store')

_lock = threading.RLock()
#: When the images without a hash were counted, and how many there were.
_last_count = [-math.inf, 0.0]
#: How many bytes are counted of each action that runs here, by store.
_counted: weakref.WeakKeyDictionary[Run, dict[str, int]] = (
    weakref.WeakKeyDictionary())


class Absent(Exception):
    """``prometheus_client`` is not installed."""


class _Counters:
    def __init__(self, library: Any) -> None:
        self.registry = registry = library.CollectorRegistry()
        self.bytes = library.Counter(
            'glance_ext_action_bytes', 'Bytes that actions read, or wrote '
            'to the store', _BY_STORE, registry=registry)
        self.ended = library.Counter(
            'glance_ext_actions_ended', 'Actions that ended',
            (*_BY_STORE, 'status'), registry=registry)
        self.failures = library.Counter(
            'glance_ext_action_failures', 'Actions that failed; without a '
            'code those that went on without the store',
            (*_BY_STORE, 'code'), registry=registry)
        self.seconds = library.Histogram(
            'glance_ext_action_duration_seconds', 'From the acceptance of '
            'an action to its end', _BY_STORE, buckets=_SECONDS,
            registry=registry)


def _harmless(count: Callable[[Run], None]) -> Callable[[Run], None]:
    """Have no action suffer from a full disk, or a wrong ``metrics_dir``."""
    @functools.wraps(count)
    def counted(run: Run) -> None:
        try:
            count(run)
        except Exception as exc:
            LOG.warning('Action %s could not be counted: %s', run.action.id,
                        exc)
    return counted


@_harmless
def moved(run: Run) -> None:
    """Count the bytes that the action has moved since the last time."""
    counters = _counters()
    if counters is None:
        return
    action, progress = run.action, run.progress
    with _lock:
        counted = _counted.setdefault(run, {})
        for store in _labels(run):
            done = progress.branches.get(store, progress).done
            before, counted[store] = counted.get(store, 0), done
            # Fewer than before are those of a new attempt.
            counters.bytes.labels(action.action_type, store).inc(
                done - before if done >= before else done)


@_harmless
def ended(run: Run) -> None:
    """Count an action that has ended here."""
    moved(run)
    counters = _counters()
    if counters is None:
        return
    action = run.action
    seconds = (action.stamp - action.created_at).total_seconds()
    for store in _labels(run):
        status = action.status
        if action.stores.get(store, {}).get('status') == tasks.FAILURE:
            status = tasks.FAILURE
        labels = action.action_type, store
        counters.ended.labels(*labels, status).inc()
        counters.seconds.labels(*labels).observe(max(0, seconds))
        if status == tasks.FAILURE:
            code = (action.error or {}).get('code', '')
            counters.failures.labels(*labels, code).inc()


def text() -> bytes:
    """Return all that there is to tell, in Prometheus' text format.

    :raises Absent: it takes ``prometheus_client``
    """
    counters = _counters()
    if counters is None:
        raise Absent
    library = importlib.import_module('prometheus_client')
    counted = counters.registry
    if directory := cfg.CONF.glance_ext.metrics_dir:
        multiprocess = importlib.import_module(
            'prometheus_client.multiprocess')
        counted = library.CollectorRegistry()
        multiprocess.MultiProcessCollector(counted, directory)
    seen = library.CollectorRegistry()
    seen.register(_Seen())
    made: bytes = library.generate_latest(counted)
    return made + bytes(library.generate_latest(seen))


class _Seen:
    """What the database tells, the same to every process."""

    def collect(self) -> Iterator[Any]:
        core = importlib.import_module('prometheus_client.core')
        running = core.GaugeMetricFamily(
            'glance_ext_actions_running', 'Actions at work, or being undone',
            labels=['action_type'])
        waiting = core.GaugeMetricFamily(
            'glance_ext_actions_waiting', 'Actions that wait to run',
            labels=['action_type'])
        found: collections.Counter[tuple[str, bool]] = collections.Counter()
        for rows in task_sweeps.unfinished():
            found.update((each.action_type, each.status == tasks.PENDING)
                         for each in record.read_all(rows))
        for action_type in sorted({each for each, _is_waiting in found}):
            running.add_metric([action_type], found[action_type, False])
            waiting.add_metric([action_type], found[action_type, True])
        yield running
        yield waiting
        yield core.GaugeMetricFamily(
            'glance_ext_images_without_hash', 'Active images that have no '
            'os_hash_value', value=_without_hash())


def _without_hash() -> int:
    with _lock:
        counted_at, found = _last_count
        if time.monotonic() - counted_at >= _COUNT_AGAIN:
            found = sum(count.images for stretch in sweeps.counts()
                        for count in stretch if not count.has_hash)
            _last_count[:] = time.monotonic(), found
        return int(found)


def _labels(run: Run) -> list[str]:
    """Return the stores that an action counts for.

    Those that it writes to, or else the one that it reads; the empty name
    stands for any of several.
    """
    if run.action.stores:
        return list(run.action.stores)
    return list(run.stores) if len(run.stores) == 1 else ['']


def _counters() -> _Counters | None:
    with _lock:
        return _load()


@functools.cache
def _load() -> _Counters | None:
    """Make the counters, in the process that counts: servers fork."""
    directory = cfg.CONF.glance_ext.metrics_dir
    if directory:
        os.makedirs(directory, mode=0o750, exist_ok=True)
        # prometheus_client knows of no other way to tell it.
        os.environ['PROMETHEUS_MULTIPROC_DIR'] = directory
    try:
        library = importlib.import_module('prometheus_client')
    except ImportError:
        return None
    values: Any = importlib.import_module('prometheus_client.values')
    if directory and values.ValueClass is values.MutexValue:
        # Somebody has imported it before us.
        values.ValueClass = values.MultiProcessValue()
    return _Counters(library)
