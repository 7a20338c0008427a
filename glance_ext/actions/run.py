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
"""One action at one owner, from the moment it is accepted."""

from collections.abc import Callable, Collection, Mapping
import datetime
import time

from oslo_log import log as logging
from oslo_utils import uuidutils

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions import secrets
from glance_ext.actions.hold import HandedBack
from glance_ext.actions.hold import Hold
from glance_ext.actions.hold import Lost
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import tasks

LOG = logging.getLogger(__name__)

#: Seconds between two attempts, at the most: 1, 2, 4 and so on up to this.
_LONGEST_WAIT = 30
#: Glance deletes an image's data first, and says so within these seconds.
DELETION_LAG = 2.0


class Run(Hold):
    """What an action's work does to its row, and what is done to the work.

    The thread that does the work and the keeper's thread share one of
    these.
    """

    def __init__(self, action: record.Action, context: contexts.Context,
                 kept: Mapping[str, str] | None = None) -> None:
        super().__init__(action)
        self._secrets = kept
        #: The caller's, with a token only in the process that accepted it.
        self.context = context
        #: Set when this process was told to stop.
        self.process_ends = False
        #: The stores that count it as one of theirs, if they count.
        self.stores: Collection[str] = ()
        #: What the image may be while the action is at work; the plugin's.
        #: None where there is no image yet.
        self.statuses: Collection[str] = ()

    # What the work calls ------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Wait, or raise as :meth:`check` does as soon as there is cause."""
        self._wake.wait(seconds)
        self.check()

    def write(self, phase: str,
              work: Callable[[db.Connection], bool] | None = None,
              message: str | None = None) -> bool:
        """Write the action's state, and ``work`` in the same transaction.

        :returns: what ``work`` returned; its False undoes nothing
        :raises Lost, errors.Cancelled: nothing was written
        """
        with self._writing:
            self.check()
            self.action.phase = phase
            return self.fenced(work, message or self.say())

    def retry(self, cause: errors.ActionError) -> None:
        """Return after a while for another attempt, and count it.

        :raises errors.ActionError: ``cause``, where it was the last one
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

    def require_image(self) -> images.Image:
        """Return the image if the action may go on with it.

        :raises errors.ImageDeleted:
        :raises errors.ImageNotActive: it is in none of the plugin's statuses
        """
        image = images.read(self.action.image_id)
        if image is None or image.is_gone:
            raise errors.ImageDeleted('The image was deleted')
        if image.status not in self.statuses:
            raise errors.ImageNotActive(
                f'The image is {image.status}; it has to be '
                f'{" or ".join(self.statuses)}')
        return image

    def require_image_after(self, cause: errors.ActionError) -> None:
        """See that it is not a deletion that has made a store fail.

        An action without statuses has no image yet that could be deleted.

        :raises errors.ActionError: as for :meth:`require_image`
        """
        if not self.statuses:
            return
        self.require_image()
        until = time.monotonic() + DELETION_LAG
        while (isinstance(cause, errors.DataMissing)
               and time.monotonic() < until):
            self.sleep(DELETION_LAG / 10)
            self.require_image()

    @property
    def lacks_token(self) -> bool:
        """Whether a store works only with a token that is not here."""
        return bool(self.action.spec.get('store_needs_token')
                    and not self.context.auth_token)

    def require_token(self) -> None:
        """See that what a store works with is here.

        :raises errors.StoreNeedsUserToken: it went with another process
        """
        if self.lacks_token:
            raise errors.StoreNeedsUserToken(
                'A store works only with the token of the caller, which went '
                'with the process that accepted the action')

    def secret(self, name: str) -> str:
        """Return what only this process knows, or the row has encrypted.

        :raises errors.CredentialsLost: neither
        """
        if self._secrets is not None:
            return self._secrets[name]
        return secrets.unseal(self.action.spec.get('sealed', {}), name)

    def succeed(self, message: str,
                work: Callable[[db.Connection], bool] = lambda _: True
                ) -> bool:
        """End the action well, and let go of the image.

        :param work: done in the same transaction; where it returns False,
            nothing has ended and nothing but its effects was written
        :returns: what ``work`` returned
        """
        return self.insist(lambda: self.end(tasks.SUCCESS, message, work))

    # What the executor and the keeper call ------------------------------

    @property
    def is_stopped(self) -> bool:
        """Whether all that is left to do is to undo the action."""
        return (self.action.status == tasks.FAILURE
                or isinstance(self._stop, errors.ActionError))

    def start(self) -> None:
        """Leave the queue. :raises Lost: somebody else has the action"""
        self.fenced(None, 'Starting', new_status=tasks.PROCESSING)
        LOG.info('Action %s (%s) of image %s: attempt %s of %s',
                 self.action.id, self.action.action_type,
                 self.action.image_id, self.action.attempt,
                 self.action.max_attempts)

    def take_over(self, cause: errors.ActionError | None = None,
                  offer: str = '') -> None:
        """Become the owner of an action without one. :raises Lost: it has

        :param cause: why it has failed, where it is not to be run again
        :param offer: instead, let any worker have it; what its message says
        """
        self.action.runner = '' if offer else uuidutils.generate_uuid()
        if self.action.status == tasks.FAILURE:
            self.fenced(None, self.action.message)
            return
        if cause is not None:
            self.fail(cause)
            return
        if self.action.status == tasks.PROCESSING:
            self.action.attempt += 1
        self.action.phase = record.QUEUED
        self.fenced(None, offer or 'Waiting for its turn, elsewhere now',
                     new_status=tasks.PENDING, last=bool(offer))

    def beat(self) -> None:
        """Show that the action is alive, how far it is, and look around.

        A hold that is lost, and an image that the work makes no sense for
        any more, stop the work at its next :meth:`check`.
        """
        if self.is_over:
            return
        with self._writing:
            self.action.measure(self.progress)
        try:
            self.fenced(None, self.say())
        except (Lost, errors.Cancelled) as exc:
            self.stop(exc)
            return
        except Exception as exc:
            LOG.warning('The state of action %s could not be written: %s',
                        self.action.id, type(exc).__name__)
            self.stop_if_stale()
            return
        if self.action.status == tasks.PROCESSING and self.statuses:
            try:
                self.require_image()
            except errors.ActionError as exc:
                self.stop(exc)
            except Exception as exc:
                LOG.warning('Image %s could not be looked at: %s',
                            self.action.image_id, type(exc).__name__)

    def stop_if_stale(self) -> None:
        """Stop what any other process may have taken by now."""
        if self.silence() > self.action.timeout:
            self.stop(Lost())

    def fail(self, cause: errors.ActionError) -> None:
        """Say that the action has failed, before what it did is undone."""
        def work() -> None:
            self.action.phase = record.ROLLING_BACK
            self.action.error = {'code': cause.code,
                                 'message': cause.message}
            self.action.result = cause.result
            try:
                self.fenced(None, cause.message, new_status=tasks.FAILURE)
            except errors.Cancelled:
                pass  # and so it has failed already
        self.insist(work)

    def end_failed(self, roll_back: Callable[
            [db.Connection, record.Action], None]) -> None:
        """End a failed action that is undone, and let go of the image."""
        def work(connection: db.Connection) -> bool:
            roll_back(connection, self.action)
            return True
        error = self.action.error or {}
        self.insist(lambda: self.end(
            tasks.FAILURE, error['message'], work))

    def leave(self, cause: errors.ActionError) -> None:
        """Let go of an action that cannot be undone now.

        It is taken over like one whose process died, and then tried again.
        """
        def work(connection: db.Connection) -> bool:
            locks.drop(connection, self.action.image_id, self.action.id)
            return True
        error = self.action.error or {}
        self.fenced(work, f'{error["message"]} (not undone yet: '
                           f'{cause.message})', last=True)

    def hand_back(self) -> None:
        """Put the action back into the queue, for any process at once."""
        failed = self.action.status == tasks.FAILURE
        if not failed:
            self.action.phase = record.QUEUED
            self.progress.restart()
        timeout = self.action.spec['heartbeat_timeout']
        self.fenced(None, 'Waiting for another process to go on',
                     new_status=None if failed else tasks.PENDING,
                     new_stamp=db.now() - datetime.timedelta(
                         seconds=timeout + 1), last=True)
