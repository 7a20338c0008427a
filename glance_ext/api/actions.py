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
"""``/v2/image-actions``"""

import functools
import re

from oslo_utils import uuidutils
import webob.exc

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.api import pages
from glance_ext.host import contexts
from glance_ext.host import images
from glance_ext.host import policy
from glance_ext.host import tasks
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.policies.actions import CANCEL_IMAGE_ACTION
from glance_ext.policies.actions import GET_IMAGE_ACTION
from glance_ext.policies.actions import GET_IMAGE_ACTIONS

_PATH = '/v2/image-actions'
_FILTERS: dict[str, pages.Check] = {
    # Other nodes may have types that this one does not know.
    'action_type': lambda value: bool(re.fullmatch(r'[\w-]{1,30}', value)),
    'status': tasks.STATUSES.__contains__,
    'image_id': uuidutils.is_uuid_like,
}


def index(request: wsgi.Request) -> Answer:
    """List the actions that :func:`show` would show, the newest first."""
    context = request.context
    owner = context.project_id or ''
    if not (owner or context.is_admin) or not policy.allows(
            context, GET_IMAGE_ACTIONS, owner):
        raise webob.exc.HTTPForbidden()
    page = pages.read(request, _FILTERS)
    _check_marker(context, page.marker)
    actions, last = pages.fill(page, node.newest_first(
        after=page.marker, count=page.limit + 1, **page.filters,
        owner=None if context.is_admin else owner),
        functools.partial(_shown, context))
    return Answer({
        'image_actions': [action.view() for action in actions],
        **page.links(_PATH, last),
        'schema': '/v2/schemas/image-actions',
    })


def show(request: wsgi.Request, action_id: str) -> Answer:
    """Show one action. 404 for those that are not for this caller."""
    return Answer(_find(request, action_id, GET_IMAGE_ACTION).view())


def cancel(request: wsgi.Request, action_id: str) -> Answer:
    """Cancel an action. 204 from then on, until it is undone and ended.

    409 where it has ended; 404 as for :func:`show`.
    """
    action = _find(request, action_id, CANCEL_IMAGE_ACTION)
    if not node.cancel(action.id):
        raise webob.exc.HTTPConflict(
            explanation=f'Image action {action.id} has ended.')
    return Answer(status=204)


def _find(request: wsgi.Request, action_id: str, rule: str) -> record.Action:
    context = request.context
    action = (node.show(action_id) if uuidutils.is_uuid_like(action_id)
              else None)
    if action is None or not _is_shown(context, action):
        raise webob.exc.HTTPNotFound(
            explanation=f'No image action found with ID '
                        f'{ascii(action_id)[1:-1]}')
    if not policy.allows(context, rule, action.owner):
        raise webob.exc.HTTPForbidden()
    return action


def _is_shown(context: contexts.Context, action: record.Action) -> bool:
    """Tell whether an action exists for a caller.

    An administrator sees every one; others see those of their own project,
    on images that they see.
    """
    if context.is_admin:
        return True
    return action.owner == context.project_id and bool(
        _shown(context, [action]))


def _shown(context: contexts.Context,
           actions: list[record.Action]) -> list[record.Action]:
    """Return those on images that the caller sees, or on none yet."""
    if context.is_admin:
        return actions
    seen = images.seen_among(context, [
        action.image_id for action in actions if action.image_id])
    allowed = {key for key, image in seen.items()
               if policy.ImagePolicy(context, image).check('get_image')}
    return [action for action in actions
            if not action.image_id or action.image_id in allowed]


def _check_marker(context: contexts.Context, marker: str | None) -> None:
    """Refuse the id of what never was in a list of this caller's."""
    action = node.show(marker) if marker else None
    if marker and (action is None or not (
            context.is_admin or action.owner == context.project_id)):
        pages.refuse_marker()
