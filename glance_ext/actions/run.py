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
"""An owner's hold on one action, from the moment it is accepted."""

from collections.abc import Callable
import datetime
import threading

from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks
from glance_ext.transfer.progress import Progress

LOG = logging.getLogger(__name__)

#: Seconds between two attempts, at the most: 1, 2, 4 and so on up to this.
_LONGEST_WAIT = 30


class Lost(Exception):
    """The action has another owner, or has ended: touch nothing more."""


class HandedBack(Exception):
    """This process is about to end; another one goes on with the action."""


class Run:
    """The action, its row, and the right to write to it.

    The thread that does the work and the keeper's thread share one of
    these. Every write of either opens with a fence on the row, so that a
    process which has lost its action writes nothing: see
    :func:`glance_ext.host.tasks.fence`.
    """

    def __init__(self, action: record.Action,
                 context: contexts.Context) -> None:
        self.action = action
        #: For stores that need the caller's own token.
        self.context = context
        self._writing = threading.RLock()
        #: Ended or handed back here: the row is no business of ours.
        self._over = False
        #: Set when this process was told to stop.
        self.process_ends = False
        self._stop: Exception | None = None
        self._wake = threading.Event()
        #: Counted by the work, in memory; the keeper writes it.
        self.progress = Progress()

    # What the work calls ------------------------------------------------

    def check(self) -> None:
        """Raise what the work has to end for, if anything."""
        if self._stop is not None:
            raise self._stop

    def sleep(self, seconds: float) -> None:
        """Wait, or raise as :meth:`check` does as soon as there is cause."""
        self._wake.wait(seconds)
        self.check()

    def write(self, phase: str,
              work: Callable[[db.Connection], bool] | None = None,
              message: str | None = None) -> bool:
        """Write the action's state, and ``work`` in the same transaction.

        :returns: what ``work`` returned; its False undoes nothing
        :raises Lost: nothing was written
        """
        self.action.phase = phase
        return self._fenced(work, message or self._say())

    def retry(self, cause: errors.StoreError) -> None:
        """Return after a while for another attempt, and count it.

        :raises errors.StoreError: ``cause``, where it was the last one
        :raises HandedBack: another process makes it
        """
        if self.process_ends:
            raise HandedBack
        action = self.action
        if action.attempt >= action.max_attempts:
            raise cause
        action.attempt += 1
        LOG.warning('Action %s, attempt %s of %s follows: %s', action.id,
                    action.attempt, action.max_attempts, cause.message)
        self.write(action.phase, message=(
            f'{cause.message}; attempt {action.attempt} of '
            f'{action.max_attempts} follows'))
        self.sleep(min(_LONGEST_WAIT, 2 ** (action.attempt - 2)))

    # What the executor and the keeper call ------------------------------

    def start(self) -> None:
        """Leave the queue. :raises Lost: somebody else has the action"""
        self._fenced(None, 'Starting', new_status=tasks.PROCESSING)
        LOG.info('Action %s (%s) of image %s: attempt %s of %s',
                 self.action.id, self.action.action_type,
                 self.action.image_id, self.action.attempt,
                 self.action.max_attempts)

    def take_over(self) -> None:
        """Become the owner of a stale action. :raises Lost: it was not"""
        if self.action.status == tasks.PROCESSING:
            self.action.attempt += 1
        self.action.phase = record.QUEUED
        self._fenced(None, 'Taken over from a process that died',
                     new_status=tasks.PENDING)

    def beat(self) -> None:
        """Show that the action is alive, how far it is, and look around.

        A hold that is lost, and an image that the work makes no sense for
        any more, stop the work at its next :meth:`check`.
        """
        self.action.bytes_per_second = self.progress.rate()
        try:
            self._fenced(None, self._say())
        except Lost as exc:
            self.stop(exc)
            return
        except Exception as exc:
            LOG.warning('The state of action %s could not be written: %s',
                        self.action.id, type(exc).__name__)
            if self.action.is_stale:
                # By now any other process may take it.
                self.stop(Lost())
            return
        if self.action.status == tasks.PROCESSING:
            try:
                require_active(images.read(self.action.image_id))
            except errors.ActionError as exc:
                self.stop(exc)
            except Exception as exc:
                LOG.warning('Image %s could not be looked at: %s',
                            self.action.image_id, type(exc).__name__)

    def stop(self, cause: Exception) -> None:
        """Have the work end for ``cause`` as soon as it looks."""
        self._stop = self._stop or cause
        self._wake.set()

    def succeed(self, message: str) -> None:
        """End the action well, and let go of the image."""
        self._end(tasks.SUCCESS, message, lambda connection: True)

    def fail(self, cause: errors.ActionError,
             roll_back: Callable[[db.Connection, record.Action], None]
             ) -> None:
        """End the action for ``cause``, undone, and let go of the image."""
        def work(connection: db.Connection) -> bool:
            roll_back(connection, self.action)
            return True
        self._end(tasks.FAILURE, cause.message, work,
                  {'code': cause.code, 'message': cause.message})

    def hand_back(self) -> None:
        """Put the action back into the queue, for any process at once."""
        self.action.phase = record.QUEUED
        self.progress.restart()
        timeout = self.action.spec['heartbeat_timeout']
        self._fenced(None, 'Waiting for another process to go on',
                     new_status=tasks.PENDING,
                     new_stamp=db.now() - datetime.timedelta(
                         seconds=timeout + 1), last=True)

    # ---------------------------------------------------------------------

    def _end(self, status: str, message: str,
             work: Callable[[db.Connection], bool],
             error: dict[str, str] | None = None) -> None:
        def all_of_it(connection: db.Connection) -> bool:
            # The image's row first, as Glance locks them.
            done = work(connection)
            locks.drop(connection, self.action.image_id, self.action.id)
            return done

        action = self.action
        # A heartbeat must not tell of an end that is not written yet.
        with self._writing:
            before = action.phase, action.error, action.result
            action.phase, action.error = record.ENDED, error
            if error:
                action.result = {}
            try:
                self._fenced(all_of_it, message, new_status=status, last=True)
            except BaseException:
                action.phase, action.error, action.result = before
                raise
        LOG.info('Action %s (%s) of image %s ended: %s', action.id,
                 action.action_type, action.image_id,
                 error['code'] if error else 'done')

    def _fenced(self, work: Callable[[db.Connection], bool] | None,
                message: str, new_status: str | None = None,
                new_stamp: datetime.datetime | None = None,
                last: bool = False) -> bool:
        def transaction(connection: db.Connection
                        ) -> tuple[datetime.datetime, bool]:
            moment = tasks.fence(
                connection, self.action.id, status=self.action.status,
                stamp=self.action.stamp, new_status=new_status,
                new_stamp=new_stamp, result=self.action.kept(),
                message=message)
            if moment is None:
                raise Lost
            return moment, work(connection) if work else True

        with self._writing:
            if self._over:
                raise Lost
            self.action.bytes_done = self.progress.done
            self.action.bytes_total = self.progress.total
            self.action.stamp, done = db.transaction(transaction)
            self.action.status = new_status or self.action.status
            self.action.message = message
            self._over = last
        return bool(done)

    def _say(self) -> str:
        action = self.action
        if action.status == tasks.PENDING:
            return 'Waiting for its turn'
        text = f'{action.phase.capitalize()}: {self.progress.done >> 20}'
        if self.progress.total:
            text += f' of {self.progress.total >> 20}'
        return (f'{text} MiB, attempt {action.attempt} of '
                f'{action.max_attempts}')


def require_active(image: images.Image | None) -> images.Image:
    """Return the image if an action may go on with it.

    :raises errors.ImageDeleted:
    :raises errors.ImageNotActive:
    """
    if image is None or image.is_gone:
        raise errors.ImageDeleted('The image was deleted')
    if image.status != images.ACTIVE:
        raise errors.ImageNotActive(
            f'The image is {image.status}; it has to be active')
    return image
