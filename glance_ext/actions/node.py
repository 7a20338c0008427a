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
"""This process's part in the actions: what it accepts, runs and keeps."""

from collections.abc import Callable, Iterator
import json
import threading
from typing import Any, NamedTuple

from oslo_config import cfg
from oslo_db import exception as db_exception

from glance_ext import errors
from glance_ext.actions import keeper
from glance_ext.actions import posting
from glance_ext.actions import reach
from glance_ext.actions import record
from glance_ext.actions import run
from glance_ext.actions import secrets
from glance_ext.actions.executor import Executor
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import deletions
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import pools
from glance_ext.host import task_lists
from glance_ext.host import tasks

#: Bytes of JSON that MariaDB and Glance keep of an action.
_MOST_STORED = 60000


class Busy(Exception):
    """Another operation holds the image."""


class TooLarge(Exception):
    """What was asked for does not fit into the action's row."""


class Stretch(NamedTuple):
    """Some actions of a list, out of the rows that were looked at for them.

    :ivar last: the id of the last of these
    """

    actions: list[record.Action]
    looked_at: int
    last: str


_starting = threading.Lock()
_executor: Executor | None = None


def start(takes_over: bool = True) -> Executor:
    """Begin to run and to keep actions in this process; once is enough.

    Not before a process's first request: servers fork after they loaded
    the application, and a thread does not survive that.

    :param takes_over: whether this process also looks for the actions of
        processes that died
    """
    global _executor
    with _starting:
        if _executor is None:
            _executor = Executor()
            keeper.Keeper(_executor, takes_over).start()
            pools.on_exit(_executor.close)
        return _executor


def begin(spec: dict[str, Any], image: Any, context: contexts.Context, *,
          kept: dict[str, str] | None = None,
          prepare: Callable[[db.Connection], bool] = lambda _: True,
          claim: claims.Claim = claims.NOTHING) -> record.Action:
    """Accept an action on ``image`` and return it.

    :param spec: see :func:`record.new_spec`
    :param image: Glance's image object, as the caller sees it
    :param kept: secrets; see :mod:`glance_ext.actions.secrets`
    :param prepare: writes to the image when its lock is taken, in the same
        transaction; False where the image is not as it was
    :param claim: what the action is to add to what the project has
    :raises errors.ImageTooLarge: that is over a limit
    :raises Busy: the image is locked, or not as it was
    :raises tasks.TooManyWaiting: of the caller's project
    :raises locks.ImageGone: it was deleted meanwhile
    """
    if not _is_free(image, context):
        raise Busy
    task = _insert(spec, image.image_id, image.owner, context, kept,
                   claim=claim)
    # After the row, because a lock without a row counts as stale.
    try:
        taken = locks.take(image.image_id, task.id, prepare)
    except BaseException:
        tasks.remove(task.id)
        raise
    if not taken:
        tasks.remove(task.id)
        raise Busy
    action = record.Action.of(task)
    _set_going(action, context, kept or {})
    return action


def begin_unlocked(spec: dict[str, Any], image: Any | None,
                   context: contexts.Context, *,
                   kept: dict[str, str] | None = None,
                   action_id: str | None = None,
                   claim: claims.Claim = claims.NOTHING) -> record.Action:
    """Accept an action that needs no lock, and perhaps has no image yet.

    One with an ``upload_timeout`` is left to whoever brings its data, and
    one that ``needs_token`` runs here.

    :param action_id: of the action; one that has expired makes room
    :param claim: what the action is to add to what the project has
    :returns: the action; that which there is, where it has this id
    :raises Busy: a task has this id that is not known as an action
    :raises reservations.IdTakenError: the image's id cannot be reserved
    :raises tasks.TooManyWaiting: of the caller's project
    :raises errors.ImageTooLarge: the claim is over a limit
    """
    arguments = (spec, image and image.image_id, image and image.owner,
                 context, kept, action_id, claim)
    try:
        task = _insert(*arguments)
    except db_exception.DBDuplicateEntry:
        there = show(action_id) if action_id else None
        if there is not None and not there.has_expired:
            return there
        if action_id is None:
            raise
        holder = tasks.get(action_id)
        if there is None and holder is not None and not holder.has_expired:
            raise Busy from None
        tasks.remove(action_id)
        task = _insert(*arguments)
    action = record.Action.of(task)
    if not action.awaits_upload:
        _set_going(action, context, kept or {})
    return action


def _set_going(action: record.Action, context: contexts.Context,
               kept: dict[str, str]) -> None:
    executor = start()
    # What nobody else may know can run nowhere else.
    if (posting.is_on() and not posting.stays(action)
            and len(action.spec['sealed']) == len(kept)):
        posting.post(action.id)
    else:
        if not posting.stays(action):
            context = contexts.without_catalog(context)
        executor.submit(run.Run(action, context, kept))


def _insert(spec: dict[str, Any], image_id: str | None,
            image_owner: str | None, context: contexts.Context,
            kept: dict[str, str] | None, action_id: str | None = None,
            claim: claims.Claim = claims.NOTHING) -> tasks.Task:
    spec = {**spec, 'caller': contexts.caller(context),
            'sealed': secrets.seal(kept or {})}
    if claim.limits:
        spec['claim'] = claim.kept()
    if context.auth_token and reach.needs_token(
            spec.get('stores', ()), image_id):
        spec['store_needs_token'] = True
    # Glance reads these when it breaks a stale lock of an import.
    input_ = {'image_id': image_id,
              'import_req': {'method': {'name': spec['action_type']}},
              'backend': spec.get('stores', []), 'glance_ext': spec}
    if len(json.dumps(input_)) > _MOST_STORED:
        raise TooLarge
    return tasks.insert(
        type_=record.task_type(spec['action_type']),
        owner=context.project_id or image_owner or '',
        image_id=image_id, input_=input_, user_id=context.user_id,
        request_id=context.request_id, message='Waiting for its turn',
        task_id=action_id, claim=claim, future_id=spec.get('future_id'),
        most=(cfg.CONF.glance_ext.max_waiting_actions_per_project
              if context.project_id else 0))


def show(action_id: str) -> record.Action | None:
    """Return an action, or None: no task, or none of ours."""
    return record.read(tasks.get(action_id))


def newest_first(action_type: str | None = None,
                 **wanted: Any) -> Iterator[Stretch]:
    """Yield the actions that have not expired, some at a time.

    :param wanted: see :func:`task_lists.newest_first`
    """
    for found in task_lists.newest_first(action_type=action_type, **wanted):
        yield Stretch([action for action in record.read_all(found.tasks)
                       if action_type in (None, action.action_type)],
                      found.looked_at, found.last)


def cancel(action_id: str) -> bool:
    """Cancel an action; its owner, or the keeper, undoes what it did.

    :returns: False where it had ended already
    """
    while True:
        action = show(action_id)
        if action is None or action.phase == record.ENDED:
            return False
        is_nobodys = action.awaits_upload
        if action.phase == record.ROLLING_BACK or _cancel(action):
            start().look_at(action_id)
            _undo_unowned(action_id, is_nobodys)
            return True


def _undo_unowned(action_id: str, is_nobodys: bool) -> None:
    """Undo here what was cancelled while it waited for a worker, or data."""
    action = show(action_id)
    if action is not None and action.phase == record.ROLLING_BACK and (
            is_nobodys or posting.is_on() and not action.runner):
        keeper.take_over(action, start())


def prepare_delete(image_id: str, context: contexts.Context) -> None:
    """See to it that an image can be restored as it is, if it is deleted.

    Only where that caller may delete it.
    """
    image = images.seen_by(context, image_id)
    if image is not None and not image.protected and policy.ImagePolicy(
            context, image).check('delete_image'):
        deletions.forget_removed(image_id)


def note_failed_delete(image_id: str, context: contexts.Context) -> None:
    """Remember for a running action that somebody tried to delete its image.

    Where none runs, and the deletion has taken the data and every location
    but not the image, it is finished here. Only what that caller was allowed
    to ask for counts.
    """
    image = images.seen_by(context, image_id)
    if image is None or image.protected or not policy.ImagePolicy(
            context, image).check('delete_image'):
        return
    holder = locks.holder(image_id)
    task = tasks.get(holder) if holder else None
    if task and task.ours and task.status in (
            tasks.PENDING, tasks.PROCESSING):
        tasks.note(task.id, delete_failed=True)
    elif holder is None and image.status == images.ACTIVE and (
            not image.locations):
        images.finish_delete(image_id, context)


def _is_free(image: Any, context: contexts.Context) -> bool:
    """Tell whether the image's lock can be taken, after breaking a stale one.

    Ours is stale when its action has ended: one whose process died is
    taken over first. Glance's is when Glance says so, and so is one of a
    row that does not prove to be ours.
    """
    holder = locks.holder(image.image_id)
    if holder is None:
        return True
    action = show(holder)
    if action is None:
        return bool(locks.release_stale_of_host(image, context))
    if action.phase != record.ENDED:
        return False
    db.transaction(lambda connection: locks.drop(
        connection, image.image_id, holder))
    return True


def _cancel(action: record.Action) -> bool:
    """Write that an action is cancelled; its owner undoes it.

    :returns: False where the row is not any more what ``action`` says
    """
    message = 'The action was cancelled'

    def work(connection: db.Connection) -> bool:
        if tasks.fence(connection, action.id, status=action.status,
                       stamp=action.stamp, new_status=tasks.FAILURE,
                       message=message) is None:
            return False
        # The owner may have written more in the second of the stamp.
        tasks.alter(connection, action.id, phase=record.ROLLING_BACK,
                    result={}, error={'code': errors.Cancelled.code,
                                      'message': message})
        return True

    return bool(db.transaction(work))
