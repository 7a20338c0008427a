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
"""A paste filter in the place of auth_token: the token says who asks.

It sets the headers that keystonemiddleware sets, so that Glance's own
``context`` filter behind it works as it does with Keystone.
"""

from collections.abc import Callable
from typing import Any
from urllib import parse

from tests.harness import users

Application = Callable[..., Any]
NAMES = (
    'HTTP_X_IDENTITY_STATUS',
    'HTTP_X_USER_ID',
    'HTTP_X_PROJECT_ID',
    'HTTP_X_ROLES',
    'HTTP_OPENSTACK_SYSTEM_SCOPE',
)


def filter_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[Application], Application]:
    """Return the filter, as ``paste.filter_factory`` wants it."""
    return HeaderAuth


class HeaderAuth:
    """Turns the header token into identity headers; unknown is Invalid."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        for name in NAMES:
            environ.pop(name, None)
        environ['HTTP_X_IDENTITY_STATUS'] = 'Invalid'
        # glanceclient quotes a token that is given to it. One that is for
        # somebody else, who knows nothing of these, has the user beside it.
        token = parse.unquote(
            environ.get('HTTP_X_HARNESS_USER')
            or environ.get('HTTP_X_AUTH_TOKEN', ''))
        try:
            user = users.User.parse(token)
        except ValueError:
            return self.application(environ, start)
        environ['HTTP_X_IDENTITY_STATUS'] = 'Confirmed'
        environ['HTTP_X_USER_ID'] = user.name
        environ['HTTP_X_ROLES'] = ','.join(user.roles)
        if user.project:
            environ['HTTP_X_PROJECT_ID'] = user.project
        if user.system:
            environ['HTTP_OPENSTACK_SYSTEM_SCOPE'] = user.system
        return self.application(environ, start)
