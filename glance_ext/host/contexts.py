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
"""Request contexts: whose they are, and one of the extension's own."""

import copy
import functools
from typing import Any

from glance import context as glance_context

Context = Any


def of_request(environ: dict[str, Any]) -> Context | None:
    """Return the context that Glance's own filter made for this request."""
    return environ.get('webob.adhoc_attrs', {}).get('context')


def has_identity(context: Context | None) -> bool:
    """Tell whether somebody stands behind the request.

    The anonymous callers of ``allow_anonymous_access`` have neither a user
    nor rights. Without any authentication in the pipeline there is no user
    either, but an administrator's flag, and the policies decide.
    """
    return context is not None and bool(context.user_id or context.is_admin)


def caller(context: Context) -> dict[str, Any]:
    """Return who a caller is, to be kept: no token is among it."""
    return {'user_id': context.user_id, 'project_id': context.project_id,
            'roles': list(context.roles or ()),
            'is_admin': bool(context.is_admin)}


def of_caller(kept: dict[str, Any]) -> Context:
    """Return a context with the rights of :func:`caller`, without a token.

    It reads no policy files of its own: many are made, and kept.
    """
    return glance_context.RequestContext(
        user_id=kept['user_id'], project_id=kept['project_id'],
        roles=kept['roles'], is_admin=kept['is_admin'],
        policy_enforcer=admin().policy_enforcer)


def without_catalog(context: Context) -> Context:
    """Return the context without Keystone's catalog, which is large.

    Only who uses the caller's token elsewhere needs that.
    """
    found = copy.copy(context)
    found.service_catalog = None
    return found


def for_caller(kept: dict[str, Any], context: Context) -> Context:
    """Return a context with the rights of :func:`caller`, for a request.

    :param context: of the request. Its token is used as well where it is of
        the same project: with it, some stores work for that project.
    """
    found = of_caller(kept)
    found.request_id = context.request_id
    if context.project_id == found.project_id:
        found.auth_token = context.auth_token
        found.service_catalog = context.service_catalog
    return found


@functools.cache
def admin() -> Context:
    """Return a context with which the extension reads for itself.

    Made once, because each one reads the policy files.
    """
    return glance_context.get_admin_context()
