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

"""Following actions to their ends."""

from collections.abc import Callable, Iterable, Iterator
import itertools
import time

from glance_ext.client import action
from glance_ext.client import errors

#: Seconds between two rounds: quick for a small image, easy on the server
#: with a large one.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
_GROWTH = 1.5

#: For so many seconds an API that restarts is waited for.
PATIENCE = 60.0

Outcome = action.Action | errors.ClientError


def follow(
    show: Callable[[str], action.Action],
    action_ids: Iterable[str],
    timeout: float | None = None,
    parallel: int | None = None,
) -> Iterator[tuple[str, Outcome]]:
    """Yield each action as it is seen, round after round, until all ended.

    Another id is taken when fewer than ``parallel`` actions are followed, so
    that an iterator which starts an action for each id starts it only then.

    An action that cannot be seen any more is yielded once more, as the
    error, and followed no longer; a server that does not answer, or with
    500 and above, is given :data:`PATIENCE` first.

    :param timeout: seconds; None waits for ever
    :param parallel: at least 1; None takes all ids at once
    :raises WaitTimeout: some had not ended by then
    """
    begun = time.monotonic()
    ids = iter(action_ids)
    #: For each action that has not ended: since when it was not seen.
    missed: dict[str, float | None] = {}
    pause = FIRST_PAUSE
    while True:
        room = None if parallel is None else parallel - len(missed)
        if begun_now := dict.fromkeys(itertools.islice(ids, room)):
            missed.update(begun_now)
            pause = FIRST_PAUSE
        followed = len(missed)
        soonest = LONGEST_PAUSE
        for action_id, since in list(missed.items()):
            now = time.monotonic()
            try:
                seen: Outcome = show(action_id)
            except errors.ClientError as error:
                since = now if since is None else since
                if _may_pass(error) and now - since < PATIENCE:
                    missed[action_id] = since
                    continue
                seen = error
            if isinstance(seen, action.Action) and not seen.ended:
                missed[action_id] = None
                soonest = min(soonest, _left(seen))
            else:
                del missed[action_id]
            yield action_id, seen
        if len(missed) < followed and parallel is not None:
            continue
        if not missed:
            return
        remaining = LONGEST_PAUSE
        if timeout is not None:
            remaining = begun + timeout - time.monotonic()
            if remaining <= 0:
                raise errors.WaitTimeout(list(missed), timeout)
        time.sleep(min(pause, soonest, remaining))
        pause = min(pause * _GROWTH, LONGEST_PAUSE)


def _left(seen: action.Action) -> float:
    """In how many seconds to look again, by the server's own estimate."""
    eta = seen.progress.eta_seconds
    return LONGEST_PAUSE if eta is None else max(eta, 0.5)


def _may_pass(error: errors.ClientError) -> bool:
    if isinstance(error, errors.Refused):
        return error.status >= 500
    return isinstance(error, errors.Unreachable)
