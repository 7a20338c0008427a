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
"""The right to write to an action's row, and to nothing once it is lost."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import datetime
import threading
import time
from typing import TypeVar

from oslo_log import log as logging
import tenacity

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import database as db
from glance_ext.host import locks
from glance_ext.host import task_sweeps
from glance_ext.host import tasks
from glance_ext.transfer.progress import Progress

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')
_H = TypeVar('_H', bound='Hold')

#: An owner no longer counts on its hold after this share of
#: ``heartbeat_timeout`` without a write, some time before another process
#: may take the action: what was begun in time has ended by then.
_TRUSTED = 0.75
#: Counts on while a process is stopped or its host suspended, and does not
#: jump as the time of day does.
_CLOCK = getattr(time, 'CLOCK_BOOTTIME', time.CLOCK_MONOTONIC)


class Lost(Exception):
    """The action has another owner, or has ended: touch nothing more."""


class HandedBack(Exception):
    """This process is about to end; another one goes on with the action."""


class Hold:
    """One owner's hold on an action, shared by its threads.

    Every write opens with a fence on the row, so that a process which has
    lost its action writes nothing: see
    :func:`glance_ext.host.tasks.fence`.
    """

    def __init__(self, action: record.Action) -> None:
        self.action = action
        #: Counted by the work, in memory; each write tells it.
        self.progress = Progress()
        #: What the row says while the action is in the queue.
        self.waits_for = 'its turn'
        self._writing = threading.RLock()
        #: Ended or handed back here: the row is no business of ours.
        self._over = False
        self._stop: Exception | None = None
        #: When the work has to have ended, and what is said where it has not.
        self._until: float | None = None
        self._late = ''
        self._wake = threading.Event()
        #: When the last write to the row began, or this was made.
        self._renewed = time.clock_gettime(_CLOCK)

    def check(self) -> None:
        """Raise what the work has to end for, if anything."""
        if self._until is not None and time.monotonic() > self._until:
            self.stop(errors.RemoteTimeout(self._late))
        if self._stop is not None:
            raise self._stop

    def end_within(self, seconds: float, late: str) -> None:
        """Have the work end after a time, with its other attempts.

        :param late: what is said then
        """
        self._until, self._late = time.monotonic() + seconds, late

    def stop(self, cause: Exception) -> None:
        """Have the work end for ``cause`` as soon as it looks."""
        if (self.action.status != tasks.FAILURE
                or not isinstance(cause, errors.ActionError)):
            self._stop = self._stop or cause
            self._wake.set()

    def turn_back(self) -> None:
        """Let the thread go on that was stopped, to undo the action."""
        self._until = None
        if isinstance(self._stop, errors.ActionError):
            self._stop = None
            self._wake.clear()

    def is_ours(self) -> bool:
        """Tell by the clock whether nobody else can have the action by now.

        False may turn into True again; see :meth:`confirm`.
        """
        return not (self._over or isinstance(self._stop, Lost)
                    or self.silence() > _TRUSTED * self.action.timeout)

    def confirm(self) -> bool:
        """Ask the row whether the action is ours, and renew the hold.

        Unlike a clock, the row is right after any freeze. What deletes
        something asks right before it.

        :returns: False where it is not, or the database does not say
        """
        if self._over or isinstance(self._stop, Lost):
            return False
        try:
            self.fenced(None, self.say())
        except errors.Cancelled:
            pass  # and so it is ours to be undone
        except Lost as exc:
            self.stop(exc)
            return False
        except Exception as exc:
            LOG.warning('Whose action %s is could not be asked: %s',
                        self.action.id, type(exc).__name__)
            return False
        return True

    def silence(self) -> float:
        """Return for how many seconds the row has certainly been silent.

        By whichever clock says more: either may have stood still.
        """
        return max((db.now() - self.action.stamp).total_seconds(),
                   time.clock_gettime(_CLOCK) - self._renewed)

    @property
    def is_over(self) -> bool:
        """Whether the action ended or was handed back here."""
        return self._over

    def insist(self, write: Callable[[], _T]) -> _T:
        """Try a write for as long as the action is ours.

        After that another process takes it over and ends it.
        """
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(db.FAILURES),
            stop=lambda state: self.action.is_stale,
            wait=tenacity.wait_fixed(1), sleep=time.sleep, reraise=True
        )(write)

    def end(self, status: str, message: str,
            work: Callable[[db.Connection], bool]) -> bool:
        """Write that the action is over, and let go of the image.

        :param work: done in the same transaction; where it returns False,
            nothing is written
        :returns: what ``work`` returned
        :raises Lost, errors.Cancelled: nothing was written
        """
        def all_of_it(connection: db.Connection) -> bool:
            # The image's row first, as Glance locks them.
            done = work(connection)
            if not done:
                raise _Undone
            locks.drop(connection, self.action.image_id, self.action.id)
            return done

        action = self.action
        # A heartbeat must not tell of an end that is not written yet.
        with self._writing:
            phase, action.phase = action.phase, record.ENDED
            try:
                self.fenced(all_of_it, message, new_status=status, last=True)
            except _Undone:
                action.phase = phase
                return False
            except BaseException:
                action.phase = phase
                raise
        LOG.info('Action %s (%s) of image %s ended: %s', action.id,
                 action.action_type, action.image_id,
                 action.error['code'] if action.error else 'done')
        return True

    def fenced(self, work: Callable[[db.Connection], bool] | None,
               message: str, new_status: str | None = None,
               new_stamp: datetime.datetime | None = None,
               last: bool = False) -> bool:
        """Write the row as ``action`` is now, if it is still this owner's.

        :param work: done in the same transaction; its False undoes nothing
        :param last: this owner writes no more
        :returns: what ``work`` returned
        :raises Lost, errors.Cancelled: nothing was written
        """
        def transaction(connection: db.Connection
                        ) -> tuple[datetime.datetime, bool] | None:
            moment = tasks.fence(
                connection, self.action.id, status=self.action.status,
                stamp=self.action.stamp, new_status=new_status,
                new_stamp=new_stamp, result=self.action.kept(),
                message=message,
                expires=self.action.phase == record.ENDED)
            if moment is None:
                return None
            done = True
            if work:
                done = work(connection)
                # It may have learnt something, such as the id of a row.
                tasks.keep(connection, self.action.id, self.action.kept())
            return moment, done

        with self._writing:
            if self._over:
                raise Lost
            if new_status in (tasks.PROCESSING, tasks.SUCCESS):
                self.check()
            self.action.count(self.progress)
            began = time.clock_gettime(_CLOCK)
            found = db.transaction(transaction)
            if found is None:
                raise self._why_refused()
            self.action.stamp, done = found
            self._renewed = began
            self.action.status = new_status or self.action.status
            self.action.message = message
            self._over = last
        return bool(done)

    def _why_refused(self) -> Exception:
        """Find out whether the action was cancelled, under this owner."""
        action = self.action
        task = tasks.get(action.id)
        now = record.read(task)
        if now is None or action.status == tasks.FAILURE:
            return Lost()
        if now.runner != action.runner or not now.is_cancelled:
            return Lost()
        # Before the lock is free: what the work writes next has to fail.
        cause = errors.Cancelled('The action was cancelled')
        self.stop(cause)
        action.status, action.stamp = now.status, now.stamp
        action.phase, action.error, action.result = now.phase, now.error, {}
        return cause

    def say(self) -> str:
        """Return what the row tells people about the action."""
        action = self.action
        if action.status == tasks.PENDING:
            return f'Waiting for {self.waits_for}'
        if action.status == tasks.FAILURE:
            return action.message
        text = f'{action.phase.capitalize()}: {self.progress.done >> 20}'
        if self.progress.total:
            text += f' of {self.progress.total >> 20}'
        return (f'{text} MiB, attempt {action.attempt} of '
                f'{action.max_attempts}')

    def has_news(self, now: datetime.datetime) -> bool:
        """Tell whether the row of an action that waits is to be written to.

        For its message, or because a quarter of the time is over after which
        another process would take it.
        """
        action = self.action
        return (not self._over and self._stop is None
                and action.status == tasks.PENDING and action.stamp <= now
                and (action.message != self.say()
                     or 4 * (now - action.stamp).total_seconds()
                     >= action.timeout))

    def know(self, moment: datetime.datetime, message: str, began: float
             ) -> None:
        """Take over what was written to the row together with others.

        :param began: when that write began, by the clock of this machine
        """
        self.action.stamp, self.action.message = moment, message
        self._renewed = began

    @contextlib.contextmanager
    def writing(self) -> Iterator[bool]:
        """Have nobody else write to the row meanwhile. False: somebody does.
        """
        taken = self._writing.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._writing.release()


def keep_waiting(holds: Sequence[_H]) -> list[_H]:
    """Show that the actions that wait here are alive.

    By one statement for all of them, and a few where something was lost.

    :returns: those whose row is not as this owner knows it
    :raises Exception: the database does not answer; nothing was written
    """
    gone = task_sweeps.no_longer_waiting([
        hold.action.id for hold in holds])
    now, began = db.now(), time.clock_gettime(_CLOCK)
    with contextlib.ExitStack() as stack:
        news = [(hold, hold.say()) for hold in holds
                if hold.action.id not in gone
                and stack.enter_context(hold.writing())
                and hold.has_news(now)]
        moment, lost = task_sweeps.keep([task_sweeps.Waiting(
            hold.action.id, hold.action.stamp,
            None if message == hold.action.message else message)
            for hold, message in news])
        for hold, message in news:
            if hold.action.id not in lost:
                hold.know(moment, message, began)
    return [hold for hold in holds if hold.action.id in {*gone, *lost}]


class _Undone(Exception):
    """Rolls back the transaction of an end whose work was refused."""
