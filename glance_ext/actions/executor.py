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
"""When actions run: in this process, a few at once, the rest in order."""

import collections
from collections.abc import Collection, Iterator
import contextlib
import itertools
import threading

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import hold
from glance_ext.actions import metrics
from glance_ext.actions import plugin as plugins
from glance_ext.actions.hold import HandedBack
from glance_ext.actions.hold import Lost
from glance_ext.actions.run import Run
from glance_ext.host import locks
from glance_ext.host import notifications
from glance_ext.host import pools
from glance_ext.host import tasks

LOG = logging.getLogger(__name__)

#: How long a run that was told to stop gets for it when the process ends:
#: the time that a driver takes to return from one read.
_LAST_SECONDS = 5
#: Seconds between attempts to undo an action.
_UNDO_AGAIN = (1, 2, 4, 0)


class Executor:
    """Holds every action that this process has accepted or taken over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: By project, each in order.
        self._waiting: dict[str, collections.deque[Run]] = {}
        self._running: set[Run] = set()
        self._kept: set[Run] = set()
        #: When a project last had an action begin, while it has more.
        self._served: dict[str, int] = {}
        self._begun = itertools.count(1)
        self._closing = False

    def submit(self, run: Run) -> None:
        """Run it as soon as there is room; hand it back while closing."""
        if cfg.CONF.glance_ext.max_running_actions_per_store:
            run.stores = _stores(run)
        with self._changed:
            closing = self._closing
            if not closing:
                self._waiting.setdefault(
                    run.action.owner, collections.deque()).append(run)
        if closing:
            _hand_back(run)
        self._fill()

    def beat(self) -> None:
        """Keep alive what runs, and then what waits."""
        with self._changed:
            waiting = self._in_line()
            others = [*self._running, *self._kept]
        for run in others:
            run.beat()
            metrics.moved(run)
        try:
            for run in hold.keep_waiting(waiting):
                run.beat()
        except Exception as exc:
            LOG.warning('The state of the actions that wait here could not '
                        'be written: %s', type(exc).__name__)
            for run in waiting:
                run.stop_if_stale()
        self._fill()

    @contextlib.contextmanager
    def keeping(self, run: Run) -> Iterator[None]:
        """Keep an action alive that a request works at, as long as it does.
        """
        with self._changed:
            self._kept.add(run)
        try:
            yield
        finally:
            with self._changed:
                self._kept.discard(run)

    def look_at(self, action_id: str) -> None:
        """Have a cancellation noticed at once, if the action is here."""
        for run in self.held():
            if run.action.id == action_id:
                run.beat()
        self._fill()

    def has_room(self, owner: str | None = None) -> bool:
        """Tell whether one more action would run at once.

        :param owner: the project whose action it is
        """
        most = pools.room_of_project() if owner is not None else 0
        with self._changed:
            here = [*self._in_line(), *self._running]
            return (not self._closing and len(here) < pools.room()
                    and (not most or most > sum(
                        run.action.owner == owner for run in here)))

    def running(self) -> collections.Counter[str]:
        """Return how many actions of each project are here, or wait here."""
        with self._changed:
            return collections.Counter(
                run.action.owner
                for run in (*self._in_line(), *self._running))

    def close(self, seconds: float | None = None) -> None:
        """Let what runs end, for a while; hand back the rest.

        What is handed back is pending, and any process may have it at once.

        :param seconds: the default is ``shutdown_timeout``
        """
        with self._changed:
            self._closing = True
            waiting = self._in_line()
            self._waiting.clear()
            for run in self._running:
                run.process_ends = True
        for run in waiting:
            _hand_back(run)
        if self._wait_idle(pools.seconds_to_end() if seconds is None
                           else seconds):
            return
        for run in self.held():
            run.stop(HandedBack())
        self._wait_idle(_LAST_SECONDS)
        # A driver that does not return from a call keeps its thread.
        for run in self.held():
            _hand_back(run)

    def held(self) -> list[Run]:
        """Return what waits, what runs, and what requests work at here."""
        with self._changed:
            return [*self._in_line(), *self._running, *self._kept]

    def _wait_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _fill(self) -> None:
        while (run := self._next()) is not None:
            pools.run(self._work, run)

    def _next(self) -> Run | None:
        with self._changed:
            run = None if self._closing else self._first()
            if run is not None:
                self._take_out(run)
                self._running.add(run)
            return run

    def _take_out(self, run: Run) -> None:
        owner = run.action.owner
        self._waiting[owner].remove(run)
        if not self._waiting[owner]:
            del self._waiting[owner]
        self._served = {each: when for each, when in self._served.items()
                        if each in self._waiting}
        self._served[owner] = next(self._begun)

    def _first(self) -> Run | None:
        """Return the first that may run; the others learn what they wait for.

        The projects take turns: the one with the fewest running is first,
        and of these the one that waited longest for its turn.
        """
        for run in self._in_line():
            # What is only to be undone holds a lock, and takes a moment.
            if run.is_stopped:
                return run
        if len(self._running) >= pools.room():
            return None
        running = collections.Counter(
            run.action.owner for run in self._running)
        most = pools.room_of_project()
        for owner in sorted(self._waiting, key=lambda owner: (
                running[owner], self._served.get(owner, 0))):
            full = most and running[owner] >= most
            for run in self._waiting[owner]:
                held_back = (f'one of {most} running actions of its project '
                             f'to end' if full else self._held_back_by(run))
                run.waits_for = held_back or 'its turn'
                if not held_back:
                    return run
        return None

    def _in_line(self) -> list[Run]:
        return list(itertools.chain.from_iterable(self._waiting.values()))

    def _held_back_by(self, run: Run) -> str | None:
        """Return what has to happen on its stores before it may run."""
        most = cfg.CONF.glance_ext.max_running_actions_per_store
        for store in sorted(run.stores) if most else ():
            if most <= sum(store in each.stores for each in self._running):
                return f'one of {most} running actions on {store} to end'
        return None

    def _work(self, run: Run) -> None:
        run.stores = run.stores or _stores(run)
        try:
            _execute(run)
        except Lost:
            LOG.warning('Action %s has another owner now, or was ended; '
                        'this process leaves it alone', run.action.id)
        except HandedBack:
            _hand_back(run)
        except Exception:
            # Its row says what it said last. It is taken over when it is
            # stale, and then ends.
            LOG.exception('Action %s was left unfinished', run.action.id)
        finally:
            with self._changed:
                self._running.discard(run)
                self._changed.notify_all()
            self._fill()


def _execute(run: Run) -> None:
    """Run an action to its end, good or bad.

    :raises Lost, HandedBack: it did not come to an end here
    """
    plugin = plugins.load(run.action.action_type)
    if run.action.status != tasks.FAILURE:
        cause = _do(run, plugin)
        if cause is None:
            metrics.ended(run)
            _announce(run, plugin, 'end')
            return
        run.fail(cause)
    run.turn_back()
    if _undo(run, plugin):
        run.end_failed(plugin.roll_back)
        metrics.ended(run)
        _announce(run, plugin, 'error')


def _do(run: Run, plugin: plugins.Plugin) -> errors.ActionError | None:
    """Do the work; return why it failed, if it did."""
    try:
        run.start()
        run.statuses = plugin.statuses
        _announce(run, plugin, 'start')
        run.require_token()
        plugin.run(run)
    except (Lost, HandedBack):
        raise
    except errors.ActionError as exc:
        return exc
    except Exception as exc:
        if run.process_ends:
            # An interpreter that ends starts no more threads, for one.
            raise HandedBack from exc
        LOG.exception('Action %s failed unexpectedly', run.action.id)
        return errors.InternalError(
            f'Unexpected {type(exc).__name__}; the log of the process that '
            f'ran it has the details')
    if not run.is_over:
        return errors.InternalError('The action came to no end')
    return None


def _undo(run: Run, plugin: plugins.Plugin) -> bool:
    """Undo what a failed action did outside of the database.

    Under the image's lock, because somebody else may have begun to write
    where we did.

    :returns: False where that cannot be done now, and another process, or
        this one later, tries again
    """
    action = run.action
    for wait in _UNDO_AGAIN:
        try:
            if action.locks_image and not locks.ensure(
                    action.image_id, action.id):
                raise errors.ImageChanged('another operation has the image')
            plugin.undo(run)
        except errors.ActionError as exc:
            cause = exc
        else:
            return True
        run.sleep(wait)
    LOG.error('What action %s did could not be undone: %s. It is tried '
              'again later.', action.id, cause.message)
    run.leave(cause)
    return False


def _stores(run: Run) -> Collection[str]:
    try:
        return frozenset(plugins.load(run.action.action_type).stores(
            run.action))
    except Exception as exc:
        LOG.warning('The stores of action %s could not be found out: %s',
                    run.action.id, type(exc).__name__)
        return ()


def _hand_back(run: Run) -> None:
    try:
        run.hand_back()
    except (Lost, errors.Cancelled):
        pass  # somebody else has it already, or will undo it
    except Exception as exc:
        LOG.warning('Action %s could not be handed back: %s. It is taken '
                    'over when it is stale.', run.action.id,
                    type(exc).__name__)


def _announce(run: Run, plugin: plugins.Plugin, what: str) -> None:
    action = run.action
    common = {'action_id': action.id, 'image_id': action.image_id,
              'owner': action.owner, 'attempt': action.attempt,
              'error': action.error}
    try:
        for event, payload in plugin.events(action, what):
            notifications.send(event, {**common, **payload},
                               error=event.endswith('.error'))
    except Exception as exc:
        LOG.warning('An event of action %s was not sent: %s', action.id,
                    type(exc).__name__)
