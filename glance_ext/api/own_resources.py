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
"""What imports and exports have in common: a resource of their own each.

They are image actions too, under the same id. Only their project, and
administrators, see them.
"""

from collections.abc import Callable
import datetime
import hmac
import json
import re
from typing import Any, NamedTuple
import uuid

from oslo_config import cfg
from oslo_utils import uuidutils
import webob.exc

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.api import pages
from glance_ext.host import contexts
from glance_ext.host import policy
from glance_ext.host import tasks
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer

STATUSES = 'waiting', 'uploading', 'verifying', 'success', 'failure'
#: What an id is made of, with a project and the key that a caller chose.
_KEYS = uuid.UUID('5f0d8f4e-0f5c-4f0e-9a57-6f1f5c7c1d7b')

View = dict[str, Any]


class Resource(NamedTuple):
    """:ivar members: of the list, which is at ``/v2/image-MEMBERS``
    :ivar view: shows one to a caller, but for its status
    """

    action_type: str
    members: str
    view: Callable[[record.Action, contexts.Context], View]

    @property
    def path(self) -> str:
        return '/v2/' + self.members.replace('_', '-')

    def find(self, request: wsgi.Request, action_id: str, rule: str
             ) -> record.Action:
        """Return the one with this id. 404 for those of other projects."""
        context = request.context
        action = (node.show(action_id) if uuidutils.is_uuid_like(action_id)
                  else None)
        if (action is None or action.action_type != self.action_type
                or action.has_expired
                or not (context.is_admin
                        or action.owner == context.project_id)):
            raise webob.exc.HTTPNotFound(
                explanation=f'No image {self.action_type} found with ID '
                            f'{ascii(action_id)[1:-1]}')
        if not policy.allows(context, rule, action.owner):
            raise webob.exc.HTTPForbidden()
        return action

    def show(self, request: wsgi.Request, action: record.Action) -> View:
        """Return it in the words of the specification, as the caller sees it.
        """
        found = status(action)
        shown: View = {'status': found, **self.view(action, request.context)}
        if found == 'failure':
            shown['message'] = action.message
            if action.error:
                shown['message'] = action.error['message']
        if found in ('success', 'failure'):
            shown['expires-by'] = _expires(action)
        return shown

    def list(self, request: wsgi.Request, rule: str) -> Answer:
        """List those of the project, or all for an administrator."""
        context = request.context
        owner = context.project_id or ''
        if not (owner or context.is_admin) or not policy.allows(
                context, rule, owner):
            raise webob.exc.HTTPForbidden()
        page = pages.read(request, {})
        if page.marker:
            self._require_marker(request, page.marker)
        shown, last = pages.fill(page, node.newest_first(
            self.action_type, after=page.marker, count=page.limit + 1,
            owner=None if context.is_admin else owner), list)
        return Answer({
            self.members: [
                {**self.show(request, action),
                 'self': f'{self.path}/{action.id}'}
                for action in shown],
            **page.links(self.path, last),
            'schema': f'/v2/schemas/{self.members.replace("_", "-")}'})

    def cancel(self, request: wsgi.Request, action_id: str, rule: str
               ) -> Answer:
        """Cancel it. 409 where it has ended."""
        action = self.find(request, action_id, rule)
        if not node.cancel(action.id):
            raise webob.exc.HTTPConflict(
                explanation=f'Image {self.action_type} {action.id} has '
                            f'ended.')
        return Answer(status=204)

    def accepted(self, request: wsgi.Request, action: record.Action,
                 fingerprint: str) -> Answer:
        """Answer that there is such an action. 409: it was another request.
        """
        if (action.action_type != self.action_type
                or action.spec['request'] != fingerprint):
            raise key_was_used()
        return Answer(None, 201, wsgi.absolute(
            request, f'{self.path}/{action.id}'))

    def _require_marker(self, request: wsgi.Request, marker: str) -> None:
        action = node.show(marker)
        if action is None or not (
                request.context.is_admin
                or action.owner == request.context.project_id):
            pages.refuse_marker()


def status(action: record.Action) -> str:
    """Return how far it is, in the words of the specification."""
    if action.status in (tasks.SUCCESS, tasks.FAILURE):
        return action.status
    if action.state.get('uploaded'):
        return 'verifying'
    if action.status == tasks.PENDING or action.phase == record.QUEUED:
        return 'waiting'
    return 'uploading' if action.phase == record.READING else 'verifying'


def keyed(request: wsgi.Request, body: dict[str, Any]
          ) -> tuple[str | None, str]:
    """Return what the caller's ``Idempotency-Key`` leads to, if there is one.

    :returns: the id of the action, and a text by which the same request is
        known again; whoever does not know the key learns nothing from it
    :raises webob.exc.HTTPBadRequest: it is not 1 to 255 printable characters
    """
    key = request.headers.get('Idempotency-Key')
    if key is None:
        return None, ''
    if not re.fullmatch('[ -~]{1,255}', key):
        raise webob.exc.HTTPBadRequest(
            explanation='Idempotency-Key has to be 1 to 255 printable ASCII '
                        'characters.')
    fingerprint = hmac.new(
        key.encode(), json.dumps(body, sort_keys=True).encode(), 'sha256')
    return (str(uuid.uuid5(_KEYS, f'{request.context.project_id}\n{key}')),
            fingerprint.hexdigest())


def key_was_used() -> webob.exc.HTTPConflict:
    """Return the answer to a key that another request had."""
    return webob.exc.HTTPConflict(
        explanation='Another request had this Idempotency-Key.')


def known(action_id: str | None) -> record.Action | None:
    """Return the action that an earlier request with the key has begun."""
    action = node.show(action_id) if action_id else None
    return None if action is None or action.has_expired else action


def _expires(action: record.Action) -> str:
    # One that is still undone has no time yet; this is when it will be.
    moment = action.expires_at or action.stamp + datetime.timedelta(
        hours=cfg.CONF.task.task_time_to_live)
    return moment.strftime('%Y-%m-%dT%H:%M:%S+0000')
