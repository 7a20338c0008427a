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
"""``POST /v2/tasks``, which may make no task that passes for an action."""

import webob.exc

from glance_ext.host import wsgi


def require_foreign(raw: bytes) -> None:
    """Refuse a task whose input holds what only the extension writes.

    What an action does, and with whose rights, stands in its task.

    :raises webob.exc.HTTPBadRequest:
    """
    try:
        body = wsgi.parse(raw)
    except wsgi.TooDeep:
        raise
    except webob.exc.HTTPBadRequest:
        return  # Glance says so
    input_ = body.get('input') if isinstance(body, dict) else None
    if isinstance(input_, dict) and 'glance_ext' in input_:
        raise webob.exc.HTTPBadRequest(
            explanation="The input of a task cannot have 'glance_ext'.")
