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
"""One look at what died: our own actions, and Glance's jobs."""

from collections.abc import Callable
import datetime
import threading
import time
from typing import Any

from glance_ext import errors
from glance_ext.actions import keeper
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import dead_imports
from glance_ext.host import locks
from glance_ext.plugins import aftercare
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from glance_ext.stores import traits

Tell = Callable[[dict[str, Any]], None]

#: Seconds between two looks at what runs.
_LOOK = 0.1


def end_actions(tell: Tell, stopped: threading.Event, dry_run: bool) -> bool:
    """Go on, here, with every action whose process died, to its end.

    :param stopped: set from outside; what runs is handed back then
    :returns: False where something is left to do
    """
    if dry_run:
        for action in keeper.stale():
            tell(_line(action, 'stale'))
        return True
    executor = node.start(takes_over=False)
    ours: list[record.Action] = []
    #: What cannot be taken over at all.
    left: list[record.Action] = []
    for action in keeper.stale():
        while not executor.has_room() and not stopped.is_set():
            time.sleep(_LOOK)
        if stopped.is_set():
            break
        left.append(action)
        with record.apart(action):
            if keeper.take_over(action, executor):
                ours.append(action)
            left.remove(action)
    while executor.held() and not stopped.is_set():
        time.sleep(_LOOK)
    executor.close(0)
    for action in ours + left:
        ended = action.phase == record.ENDED
        tell(_line(action, action.status if ended else 'left'))
    return not stopped.is_set() and all(
        action.phase == record.ENDED for action in ours + left)


def heal(tell: Tell, after: datetime.timedelta, dry_run: bool) -> bool:
    """End what dead jobs of Glance's left half done.

    :param after: a job of Glance's without a sign of life for so long is
        dead, and for twice as long one that had not begun
    :returns: False where something is left to do
    """
    complete = True
    for dead in dead_imports.find(dead_imports.staged_images(), after):
        outcome, cause = ('dead', '') if dry_run else _heal(dead)
        complete = complete and outcome != 'left'
        line = {'image_id': dead.image_id, 'status': dead.status,
                'task_id': dead.task_id or None, 'signs': list(dead.signs),
                'stores': sorted(dead.stores), 'outcome': outcome}
        tell(line | ({'message': cause} if cause else {}))
    return complete


def _heal(dead: dead_imports.Dead) -> tuple[str, str]:
    task_id = dead_imports.claim(dead)
    if task_id is None:
        return 'taken', ''
    dead_imports.withdraw_locations(dead)
    dead_imports.remove_staged(dead.image_id)

    def is_held() -> bool:
        return locks.holder(dead.image_id) == task_id

    unknown = []
    for store in sorted(dead.stores):
        if aftercare.is_located(dead.image_id, store):
            continue
        try:
            with drivers.translated(drivers.name(store)):
                habits = traits.of(drivers.of_store(store))
            if habits.leftovers is None:
                if not habits.read_only:
                    unknown.append(store)
                continue
            clearing.clear(store, dead.image_id, contexts.admin(), is_held)
        except errors.StoreError as exc:
            return 'left', exc.message
    if not dead_imports.finish(dead, task_id):
        return 'taken', ''
    return 'healed', (f'something may be left in {", ".join(unknown)}'
                      if unknown else '')


def _line(action: record.Action, outcome: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        'action_id': action.id, 'action_type': action.action_type,
        'image_id': action.image_id, 'outcome': outcome}
    if action.error:
        line['error'] = action.error
    return line
