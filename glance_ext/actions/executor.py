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
import threading
import time

from oslo_log import log as logging
import tenacity

from glance_ext import errors
from glance_ext.actions import plugin as plugins
from glance_ext.actions.run import HandedBack
from glance_ext.actions.run import Lost
from glance_ext.actions.run import Run
from glance_ext.host import notifications
from glance_ext.host import pools

LOG = logging.getLogger(__name__)

#: How long a run that was told to stop gets for it when the process ends:
#: the time that a driver takes to return from one read.
_LAST_SECONDS = 5


class Executor:
    """Holds every action that this process has accepted or taken over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: collections.deque[Run] = collections.deque()
        self._running: set[Run] = set()
        self._closing = False

    def submit(self, run: Run) -> None:
        """Run it as soon as there is room; hand it back while closing."""
        with self._changed:
            closing = self._closing
            if not closing:
                self._waiting.append(run)
        if closing:
            _hand_back(run)
        self._fill()

    def held(self) -> list[Run]:
        """Return what waits and what runs: the keeper keeps it alive."""
        with self._changed:
            return [*self._waiting, *self._running]

    def has_room(self) -> bool:
        """Tell whether one more action would run at once."""
        with self._changed:
            return not self._closing and (
                len(self._waiting) + len(self._running) < pools.room())

    def close(self) -> None:
        """Let what runs end, up to ``shutdown_timeout``; hand back the rest.

        What is handed back is pending, and any process may have it at once.
        """
        with self._changed:
            self._closing = True
            waiting = list(self._waiting)
            self._waiting.clear()
            for run in self._running:
                run.process_ends = True
        for run in waiting:
            _hand_back(run)
        if self._wait_idle(pools.seconds_to_end()):
            return
        for run in self.held():
            run.stop(HandedBack())
        self._wait_idle(_LAST_SECONDS)
        # A driver that does not return from a call keeps its thread.
        for run in self.held():
            _hand_back(run)

    def _wait_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _fill(self) -> None:
        while True:
            with self._changed:
                if (self._closing or not self._waiting
                        or len(self._running) >= pools.room()):
                    return
                run = self._waiting.popleft()
                self._running.add(run)
            pools.run(self._work, run)

    def _work(self, run: Run) -> None:
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
    """Run an action to its end.

    :raises Lost, HandedBack: it did not come to an end here
    """
    plugin = plugins.load(run.action.action_type)
    run.start()
    _announce(run, plugin, 'start')
    cause: errors.ActionError | None = None
    try:
        message = plugin.run(run)
    except (Lost, HandedBack):
        raise
    except errors.ActionError as exc:
        cause = exc
    except Exception as exc:
        if run.process_ends:
            # An interpreter that ends starts no more threads, for one.
            raise HandedBack from exc
        LOG.exception('Action %s failed unexpectedly', run.action.id)
        cause = errors.InternalError(
            f'Unexpected {type(exc).__name__}; the log of the process that '
            f'ran it has the details')
    # An end that cannot be written is tried for as long as the action is
    # ours; after that another process takes it over and ends it.
    end = tenacity.Retrying(
        retry=tenacity.retry_if_not_exception_type(Lost),
        stop=lambda state: run.action.is_stale,
        wait=tenacity.wait_fixed(1), sleep=time.sleep, reraise=True)
    if cause is None:
        end(run.succeed, message)
    else:
        end(run.fail, cause, plugin.roll_back)
    _announce(run, plugin, 'error' if cause else 'end')


def _hand_back(run: Run) -> None:
    try:
        run.hand_back()
    except Lost:
        pass  # somebody else has it already
    except Exception as exc:
        LOG.warning('Action %s could not be handed back: %s. It is taken '
                    'over when it is stale.', run.action.id,
                    type(exc).__name__)


def _announce(run: Run, plugin: plugins.Plugin, what: str) -> None:
    action = run.action
    payload = {'action_id': action.id, 'image_id': action.image_id,
               'owner': action.owner, 'attempt': action.attempt,
               'error': action.error, **plugin.event_payload(action)}
    try:
        notifications.send(f'{plugin.event}.{what}', payload,
                           error=what == 'error')
    except Exception as exc:
        LOG.warning('The event %s.%s of action %s was not sent: %s',
                    plugin.event, what, action.id, type(exc).__name__)
