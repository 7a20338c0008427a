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
"""Actions that workers run: posted here, and kept until one takes them.

A row that nobody beats and nobody owns belongs to all keepers together. The
first that finds it grown old touches it, which needs the fence as every
write does, and sees that the board still has it. So no action depends on the
process that accepted it, nor on what a jobboard remembers.
"""

import datetime
import functools
import os
import socket

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext.actions import jobboard
from glance_ext.actions import record
from glance_ext.actions.hold import Lost
from glance_ext.actions.run import Run
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import task_sweeps
from glance_ext.host import tasks

LOG = logging.getLogger(__name__)

#: How many actions are told in one go what they wait for.
_TOLD = 100


def is_on() -> bool:
    """Tell whether workers run the actions."""
    return bool(cfg.CONF.glance_ext.executor == 'jobboard')


@functools.cache
def board() -> jobboard.Board:
    """Return this process's board.

    :raises jobboard.Unavailable: it cannot be used
    """
    return jobboard.Board(cfg.CONF.glance_ext.jobboard_url,
                          f'{socket.gethostname()}:{os.getpid()}')


def stays(action: record.Action) -> bool:
    """Tell whether it runs only where the caller's token is."""
    return bool(action.spec.get('needs_token')
                or action.spec.get('store_needs_token'))


def post(action_id: str) -> None:
    """Offer an action to the workers, at once or, if need be, later."""
    try:
        board().connect().post(action_id)
    except jobboard.Unavailable as exc:
        LOG.warning('Action %s is not posted yet: %s', action_id, exc)


def is_free(action: record.Action) -> bool:
    """Tell whether an action is there for whoever takes it first."""
    return not action.awaits_upload and (
        action.was_stale or (not action.runner
                            and action.status != tasks.PROCESSING))


def tend() -> None:
    """Keep what waits for a worker, and see that it is posted.

    All of it is touched, some hundreds by one statement. What an action
    waits for is found out, and told, for no more than a hundred.
    """
    before = db.now() - datetime.timedelta(
        seconds=cfg.CONF.glance_ext.heartbeat_timeout / 2)
    old = record.read_all(task_sweeps.waiting(before, _TOLD))
    if not old:
        return
    posted: set[str] | None = None
    why = {}
    try:
        here = board().connect()
        posted, workers = here.posted(), here.workers()
        for action in old:
            with record.apart(action):
                why[action.id] = jobboard.why_waiting(action, workers)
    except jobboard.Unavailable as exc:
        LOG.warning('%s', exc)
    for action in old:
        with record.apart(action):
            offer(action, why.get(action.id, 'Waiting: the jobboard does not '
                                             'answer'), posted)
    for touched in task_sweeps.touch(before):
        for action_id in touched:
            if posted is not None and action_id not in posted:
                post(action_id)


def offer(action: record.Action, message: str,
          posted: set[str] | None = None) -> None:
    """Let any worker have an action that has no owner.

    :param posted: the actions on the board; None where nobody knows
    """
    try:
        Run(action, contexts.of_caller(action.spec['caller'])).take_over(
            offer=message)
    except Lost:
        return  # a worker has it, or another keeper was faster
    if posted is not None and action.id not in posted:
        post(action.id)
