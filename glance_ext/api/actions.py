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

from oslo_utils import uuidutils
import webob.exc

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import images
from glance_ext.host import policy
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer
from glance_ext.policies.actions import GET_IMAGE_ACTION


def show(request: wsgi.Request, action_id: str) -> Answer:
    """Show one action. 404 for those that are not for this caller."""
    context = request.context
    action = (node.show(action_id) if uuidutils.is_uuid_like(action_id)
              else None)
    if action is None or not _is_shown(context, action):
        raise webob.exc.HTTPNotFound(
            explanation=f'No image action found with ID '
                        f'{ascii(action_id)[1:-1]}')
    if not policy.allows(context, GET_IMAGE_ACTION, action.owner):
        raise webob.exc.HTTPForbidden()
    return Answer(action.view())


def _is_shown(context: contexts.Context, action: record.Action) -> bool:
    """Tell whether an action exists for a caller.

    An administrator sees every one; others see those of their own project,
    on images that they see.
    """
    if context.is_admin:
        return True
    if action.owner != context.project_id:
        return False
    image = images.seen_by(context, action.image_id)
    return image is not None and bool(
        policy.ImagePolicy(context, image).check('get_image'))
