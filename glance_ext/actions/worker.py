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
"""A process that runs what is on the jobboard."""

from collections.abc import Iterable
import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext.actions import jobboard
from glance_ext.actions import keeper
from glance_ext.actions import node
from glance_ext.actions import posting
from glance_ext.actions import reach
from glance_ext.actions import record
from glance_ext.host import task_sweeps
from glance_ext.host import tasks

LOG = logging.getLogger(__name__)

#: Seconds between two looks at the board.
_LOOK = 1.0
#: For so many seconds an action that needs other stores is passed over.
_PASS_OVER = 10


class Worker:
    """Claims actions whose stores it has, as long as it has room.

    The claim lasts for ``heartbeat_timeout`` and is extended; the row of the
    action decides all the same. So a job that is lost, doubled or claimed by
    a process that hangs does no harm.
    """

    def __init__(self, board: jobboard.Board) -> None:
        self._board = board
        self._executor = node.start()
        self._extended = float('-inf')
        self._passed_over: dict[str, float] = {}
        #: Whose the actions are that are offered.
        self._owners: dict[str, str] = {}
        self._is_away = False
        #: Set from outside to end :meth:`run`.
        self.stopped = threading.Event()

    def run(self) -> None:
        """Work until it is stopped, then hand back what has not ended."""
        LOG.info('Looking for actions on the jobboard')
        while not self.stopped.wait(_LOOK):
            self._try(self._take)
        end = threading.Thread(target=self._executor.close)
        end.start()
        while end.is_alive():
            self._try(self._tend)
            end.join(_LOOK)
        self._try(self._tend)
        self._try(self._board.disappear)
        self._board.close()

    def _try(self, work: Any) -> None:
        try:
            self._board.connect()
            work()
            self._is_away = False
        except jobboard.Unavailable as exc:
            if not self._is_away:
                LOG.warning('%s. What runs goes on.', exc)
            self._is_away = True
        except Exception:
            LOG.exception('Looking at the jobboard failed; it is done again')

    def _take(self) -> None:
        self._tend()
        if self._executor.has_room():
            jobs = dict(self._board.offers())
            for action_id in self._by_turns(jobs):
                if not self._executor.has_room():
                    break
                self._consider(action_id, jobs[action_id])

    def _tend(self) -> None:
        """Keep what is claimed, and settle what this process is done with.
        """
        timeout = cfg.CONF.glance_ext.heartbeat_timeout
        now = time.monotonic()
        if now - self._extended >= timeout / 4:
            if self._board.is_seen():
                self._board.extend(timeout)
            elif not self.stopped.is_set():
                self._board.appear(reach.stores(), timeout)
            self._extended = now
        held = {run.action.id for run in self._executor.held()}
        for action_id in self._board.claimed:
            if action_id not in held:
                self._settle(action_id)

    def _settle(self, action_id: str) -> None:
        if _is_over(node.show(action_id)):
            self._board.consume(action_id)
        else:
            self._board.abandon(action_id)

    def _by_turns(self, action_ids: Iterable[str]) -> list[str]:
        """Return them so that their projects take turns.

        A project that has some here already has had as many turns.
        """
        known = {each: self._owners[each] for each in action_ids
                 if each in self._owners}
        self._owners = known | task_sweeps.owners([
            each for each in action_ids if each not in known])
        turns = self._executor.running()
        found = []
        for action_id in action_ids:
            owner = self._owners.get(action_id, '')
            found.append((turns.get(owner, 0), action_id))
            turns[owner] = turns.get(owner, 0) + 1
        return [action_id for _, action_id in sorted(
            found, key=lambda each: each[0])]

    def _consider(self, action_id: str, job: Any) -> None:
        if self._passed_over.get(action_id, 0) > time.monotonic():
            return
        action = node.show(action_id)
        seconds = cfg.CONF.glance_ext.heartbeat_timeout
        if action is None and tasks.get(action_id) is not None:
            # Another worker may have the key with which it is signed.
            self._pass_over(action_id)
            return
        if action is None or _is_over(action):
            if self._board.claim(action_id, job, seconds):
                self._board.consume(action_id)
            return
        if not posting.is_free(action) or not self._executor.has_room(
                None if action.status == tasks.FAILURE else action.owner):
            return
        if reach.lacking(action, reach.stores()):
            self._pass_over(action_id)
            return
        if self._board.claim(action_id, job, seconds) and (
                not keeper.take_over(action, self._executor)):
            self._settle(action_id)

    def _pass_over(self, action_id: str) -> None:
        """Leave an action to other workers for a while."""
        now = time.monotonic()
        self._passed_over = {
            other: until for other, until in self._passed_over.items()
            if until > now}
        self._passed_over[action_id] = now + _PASS_OVER


def _is_over(action: record.Action | None) -> bool:
    return action is None or action.phase == record.ENDED
