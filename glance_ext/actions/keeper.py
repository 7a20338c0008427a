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
"""One thread a process that keeps actions from getting stuck.

It shows that this process's own actions are alive; it takes over those of
processes that died; and it looks after what ended lately, because a request
that read an image before we wrote to it may save it as it was.
"""

import collections
from collections.abc import Iterator
import datetime
import threading
import time

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import plugin as plugins
from glance_ext.actions import posting
from glance_ext.actions import record
from glance_ext.actions.executor import Executor
from glance_ext.actions.hold import Lost
from glance_ext.actions.run import Run
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import staging
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from glance_ext.stores import budgets

LOG = logging.getLogger(__name__)

#: Progress is written and cancellations are noticed this often, in seconds,
#: or four times within ``heartbeat_timeout`` where that is more often. With
#: what it takes itself and to stop, a cancelled action stops within 5.
_BEAT = 4
#: For this long after its end an action is looked after: no request of
#: Glance's own that changes an image takes longer from reading to saving.
_LOOK_AFTER = datetime.timedelta(minutes=5)
#: Glance takes any task for dead that was not updated for this long.
_SILENT = datetime.timedelta(hours=2)


class Keeper(threading.Thread):
    """Started with the first request, since servers fork before that."""

    def __init__(self, executor: Executor, takes_over: bool = True) -> None:
        super().__init__(name='glance-ext-keeper', daemon=True)
        self._executor = executor
        self._takes_over = takes_over
        #: Up to which id rows were looked at for being expired.
        self._expired = ''
        #: Whether the last look left stale actions, for want of room.
        self._left_some = False
        self._left_failed = False
        #: When all that was stale and had failed was last dealt with.
        self._looked: datetime.datetime | None = None

    def run(self) -> None:
        swept = float('-inf')
        while True:
            timeout = cfg.CONF.glance_ext.heartbeat_timeout
            budgets.refresh()
            self._executor.beat()
            if self._takes_over and (
                    time.monotonic() - swept >= timeout / 4
                    or self._left_some and self._executor.has_room()):
                swept = time.monotonic()
                self._sweep()
            time.sleep(min(_BEAT, timeout / 4))

    def _sweep(self) -> None:
        self._left_some = self._left_failed = False
        try:
            begun = db.now()
            if posting.is_on():
                posting.tend()
            for action in stale(self._looked):
                with record.apart(action):
                    self._end(action)
            self._looked = None if self._left_failed else begun
            for ended in task_sweeps.ended_since(db.now() - _LOOK_AFTER):
                by_type = collections.defaultdict(list)
                for action in known(ended):
                    by_type[action.action_type].append(action)
                for action_type, actions in by_type.items():
                    _look_after(plugins.load(action_type), actions)
            staging.clean(_has_ended)
            self._expire()
        except Exception:
            self._looked = None
            LOG.exception('Looking for stuck actions failed; it is done '
                          'again in a while')

    def _expire(self) -> None:
        """Look at one stretch of the table, and at more where it was worth it.
        """
        marked = 1
        while marked:
            self._expired, marked = task_sweeps.expire(self._expired)

    def _end(self, action: record.Action) -> None:
        """Have a stale action run again, here or by a worker, or undone."""
        if posting.is_on() and action.status != tasks.FAILURE and (
                not _why_not_restarted(action)):
            if action.status == tasks.PROCESSING:
                posting.offer(action, 'Waiting for another worker', set())
        elif self._executor.has_room(
                None if action.status == tasks.FAILURE else action.owner):
            take_over(action, self._executor)
        else:
            self._left_some = True
            self._left_failed |= action.status == tasks.FAILURE


def take_over(action: record.Action, executor: Executor) -> bool:
    """Go on here with an action that has no owner. False: it has one."""
    was_stale = action.was_stale
    run = Run(action, contexts.of_caller(action.spec['caller']))
    try:
        run.take_over(_why_not_restarted(action))
    except Lost:
        return False
    if was_stale:
        LOG.warning('Action %s: its process gave no sign of life for %s '
                    'seconds; this one goes on with it', action.id,
                    action.spec['heartbeat_timeout'])
    executor.submit(run)
    return True


def stale(looked: datetime.datetime | None = None
          ) -> Iterator[record.Action]:
    """Yield the actions that no living process has.

    :param looked: see :func:`task_sweeps.silent`
    """
    options = cfg.CONF.glance_ext
    for found in task_sweeps.silent(options.heartbeat_timeout,
                                    options.import_upload_timeout, looked):
        yield from (action for action in known(found) if action.was_stale)


def known(rows: list[tasks.Task]) -> list[record.Action]:
    """Return the actions whose type this release of the extension knows.

    A newer one, on another node, may have begun others.
    """
    types = plugins.types()
    return [action for action in record.read_all(rows)
            if action.action_type in types]


def _look_after(plugin: plugins.Plugin, actions: list[record.Action]) -> None:
    """Look after all together, or else after each on its own."""
    try:
        plugin.look_after(actions)
    except db.FAILURES:
        raise
    except Exception:
        for action in actions:
            with record.apart(action):
                plugin.look_after([action])


def _has_ended(action_id: str) -> bool:
    """Tell whether what an action has staged is of no use any more.

    Also of one that is not known as an action here: a node with another
    ``secret_key`` may run it, and shows then that it lives.
    """
    task = tasks.get(action_id)
    if task is None:
        return True
    action = record.read(task)
    if action is not None:
        return action.phase == record.ENDED
    return task.status in (tasks.SUCCESS, tasks.FAILURE) or (
        task.read_at - task.updated_at > _SILENT)


def _why_not_restarted(action: record.Action) -> errors.ActionError | None:
    """Return why an action whose process died is not run again, if so.

    One that waited has not used up an attempt.
    """
    if action.awaits_upload:
        return errors.UploadMissing(
            'Nobody uploaded the data of this import in time')
    if action.status == tasks.PENDING or (
            cfg.CONF.glance_ext.on_worker_loss == 'restart'
            and action.attempt < action.max_attempts):
        return None
    return errors.WorkerLost('The process that ran the action died')
