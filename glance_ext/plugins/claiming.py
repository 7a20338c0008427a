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
"""What a running action asks of its project's limits.

An action has a claim in its spec when whoever asked for it has limits. What
an operator's own tool does has none, and counts when it is there. The limits
are those from when the action was accepted, or its data uploaded; before
copies are recorded they are asked for again.
"""

from typing import Any

from glance_ext import errors
from glance_ext.actions.run import Run
from glance_ext.host import claims
from glance_ext.host import database as db
from glance_ext.host import quotas


def ask(run: Run, size: int | None) -> None:
    """Claim room for data whose size is known by now.

    :param size: bytes of one copy; None, where it is still not known
    :raises errors.ImageTooLarge: it is over a limit
    """
    state = run.action.state
    kept = run.action.spec.get('claim')
    if not kept or size in (None, state.get('size', kept['size'])):
        return
    claim = _claim(run, kept['limits'], size=size, copies=kept['copies'],
                   staged=kept['staged'])
    before = dict(state)

    def work(connection: db.Connection) -> bool:
        claim.require(connection)
        return True

    state['size'] = size
    try:
        run.write(run.action.phase, work)
    except errors.ImageTooLarge:
        run.action.state = before
        raise


def to_record(run: Run, size: int, copies: int) -> claims.Claim:
    """Return what recording so many copies adds."""
    kept = run.action.spec.get('claim')
    if not kept or kept['may_exceed'] and claims.STORAGE not in (
            kept['limits']):
        return claims.NOTHING
    return _claim(run, quotas.limits(run.context, kept['limits']),
                  size=size, copies=copies)


def most(run: Run) -> claims.Room:
    """Return how many bytes the action's data may have."""
    kept = run.action.spec.get('claim')
    return quotas.most(run.context, len(run.action.spec['stores']),
                       kept['limits'] if kept else {})


def most_staged(run: Run) -> claims.Room:
    """Return how many bytes the action may stage, their number not known."""
    kept = run.action.spec.get('claim')
    rooms = [most(run)]
    if kept and kept['staged']:
        room = db.transaction(_claim(run, kept['limits']).staging)
        rooms += [room] if room is not None else []
    return min(rooms)


def _claim(run: Run, limits: dict[str, int], **what: Any) -> claims.Claim:
    return claims.Claim(run.context.project_id, limits,
                        action_id=run.action.id, **what)
