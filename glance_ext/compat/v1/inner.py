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


"""Requests to Glance's own ``/v2``, made by another request, in process."""

from collections.abc import Mapping
import copy
from typing import Any

import webob

# What belongs to the outer request alone. The filters that have seen it keep
# the rest for the applications behind them.
_OUTER = (
    'CONTENT_',
    'HTTP_ACCEPT',
    'HTTP_CONTENT_',
    'HTTP_IF_',
    'HTTP_RANGE',
    'HTTP_TRANSFER_ENCODING',
    'HTTP_X_GLANCE_',
    'HTTP_X_IMAGE_META_',
    'HTTP_X_OPENSTACK_IMAGE_SIZE',
    'paste.',
    'routes.',
    'webob.',
    'wsgi.input',
    'wsgiorg.',
)
PATCH = 'application/openstack-images-v2.1-json-patch'


class Refused(Exception):
    """Glance refuses; ``response`` is how."""

    def __init__(self, response: webob.Response) -> None:
        super().__init__(response.status)
        self.response = response


class Glance:
    """Glance's ``/v2`` as the caller of one request sees it.

    The caller's own context is passed on, so that policies, quotas and
    notifications are those of a request of theirs.
    """

    def __init__(self, application: Any, environ: Mapping[str, Any]) -> None:
        self._application = application
        self._environ = {
            name: value
            for name, value in environ.items()
            if not name.startswith(_OUTER)
        }
        self.context = environ.get('webob.adhoc_attrs', {}).get('context')

    @property
    def is_admin(self) -> bool:
        """Whether the caller is an administrator."""
        return bool(getattr(self.context, 'is_admin', False))

    def as_user(self) -> 'Glance':
        """Return the same for a caller who is no administrator."""
        narrowed = copy.copy(self)
        narrowed.context = copy.copy(self.context)
        if narrowed.context is not None:
            narrowed.context.is_admin = False
        return narrowed

    def request(
        self, method: str, path: str, query: str = ''
    ) -> webob.Request:
        """Return a request, to be completed and given to ``send``."""
        request = webob.Request(dict(self._environ))
        request.context = self.context
        request.method = method
        request.script_name = ''
        request.path_info = '/v2' + path
        request.query_string = query
        request.body = b''
        return request

    def send(self, request: webob.Request) -> webob.Response:
        """Return the answer to a request.

        :raises Refused: when it is no success
        """
        response = request.get_response(self._application)
        if response.status_int >= 300:
            raise Refused(response)
        return response

    def call(
        self, method: str, path: str, body: Any = None, query: str = ''
    ) -> Any:
        """Send a request with a JSON body, if any; return the answer's.

        :returns: None when the answer is empty.
        :raises Refused: when it is no success
        """
        request = self.request(method, path, query)
        if body is not None:
            request.json_body = body
            request.content_type = 'application/json'
        if method == 'PATCH':
            request.content_type = PATCH
        response = self.send(request)
        return response.json_body if response.body else None
