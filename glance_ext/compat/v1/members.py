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


"""Whom an image is shared with."""

from collections.abc import Iterable
from typing import Any

import webob
import webob.exc

from glance_ext.compat import documents
from glance_ext.compat.v1 import images
from glance_ext.compat.v1 import inner


def index(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``GET /images/{image_id}/members``."""
    members = [
        {'member_id': member, 'can_share': False}
        for member in _members(glance, image_id)
    ]
    return webob.Response(json_body={'members': members}, charset=None)


def update(
    glance: inner.Glance,
    request: webob.Request,
    image_id: str,
    member_id: str,
) -> webob.Response:
    """Answer ``PUT /images/{image_id}/members/{member_id}``.

    ``can_share`` of its body has no counterpart in v2: members cannot share.
    """
    _share(glance, image_id, [member_id])
    return webob.Response(status=204)


def replace(
    glance: inner.Glance, request: webob.Request, image_id: str
) -> webob.Response:
    """Answer ``PUT /images/{image_id}/members``."""
    try:
        wanted = [
            str(member['member_id'])
            for member in documents.read(request)['memberships']
        ]
    except (ValueError, TypeError, LookupError) as error:
        raise webob.exc.HTTPBadRequest(
            'Invalid membership association'
        ) from error
    before = _members(glance, image_id)
    _share(glance, image_id, wanted)
    for member in before:
        if member not in wanted:
            _change(glance, 'DELETE', f'{image_id}/members/{member}')
    return webob.Response(status=204)


def delete(
    glance: inner.Glance,
    request: webob.Request,
    image_id: str,
    member_id: str,
) -> webob.Response:
    """Answer ``DELETE /images/{image_id}/members/{member_id}``."""
    _change(glance, 'DELETE', f'{image_id}/members/{member_id}')
    return webob.Response(status=204)


def shared(
    glance: inner.Glance, request: webob.Request, member_id: str
) -> webob.Response:
    """Answer ``GET /shared-images/{member_id}``.

    v2 tells a project about its own memberships alone.
    """
    if member_id != getattr(glance.context, 'project_id', None):
        raise webob.exc.HTTPForbidden('Not your memberships')
    query = 'visibility=shared&member_status=all&limit=1000'
    found = [
        {'image_id': image['id'], 'can_share': False}
        for image in glance.as_user().call(
            'GET', '/images', query=query
        )['images']
        if image['owner'] != member_id
    ]
    return webob.Response(json_body={'shared_images': found}, charset=None)


def _members(glance: inner.Glance, image_id: str) -> list[str]:
    """Return the members that the caller may see.

    :raises inner.Refused: the caller does not see the image
    """
    glance.call('GET', images.path(image_id))
    try:
        found = glance.call('GET', images.path(image_id) + '/members')
    except inner.Refused as error:
        if error.response.status_int != 403:
            raise
        return []  # v2 has members of shared images alone
    return [member['member_id'] for member in found['members']]


def _share(
    glance: inner.Glance, image_id: str, members: Iterable[str]
) -> None:
    image = glance.call('GET', images.path(image_id))
    if image['visibility'] == 'private':
        step = {'op': 'replace', 'path': '/visibility', 'value': 'shared'}
        glance.call('PATCH', images.path(image_id), [step])
    for member in members:
        body: dict[str, Any] = {'member': member}
        try:
            _change(glance, 'POST', f'{image_id}/members', body)
        except inner.Refused as error:
            if error.response.status_int != 409:  # it is one already
                raise


def _change(
    glance: inner.Glance, method: str, path: str, body: Any = None
) -> None:
    try:
        glance.call(method, '/images/' + path, body)
    except inner.Refused as error:
        if error.response.status_int == 403:
            # To who may not share an image, v1 never said that it is there.
            raise webob.exc.HTTPNotFound() from error
        raise
