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


"""Version 1 of the Image API as a WSGI application beside ``/v2``."""

import re
from typing import Any

from oslo_log import log
from paste import deploy
from paste import urlmap
import webob
import webob.dec
import webob.exc

from glance_ext.compat.v1 import images
from glance_ext.compat.v1 import inner
from glance_ext.compat.v1 import lists
from glance_ext.compat.v1 import members

LOG = log.getLogger(__name__)

#: RFC 9745: when Newton, which deprecated this API, was released.
DEPRECATED = '@1475712000'

_IMAGE = r'/images/(?P<image_id>[^/]+)'
_MEMBER = _IMAGE + r'/members/(?P<member_id>[^/]+)'

#: What is answered: a path, and the handler of each method.
ROUTES: tuple[tuple[str, dict[str, Any]], ...] = (
    (r'/?|/images', {'GET': lists.index, 'POST': images.create}),
    (r'/images/detail', {'GET': lists.detail, 'HEAD': lists.detail}),
    (
        _IMAGE,
        {
            'GET': images.show,
            'HEAD': images.meta,
            'PUT': images.update,
            'DELETE': images.delete,
        },
    ),
    (_IMAGE + '/members', {'GET': members.index, 'PUT': members.replace}),
    (_MEMBER, {'PUT': members.update, 'DELETE': members.delete}),
    (r'/shared-images/(?P<member_id>[^/]+)', {'GET': members.shared}),
)


class Application:
    """Answers v1 by asking v2, as the caller of each request.

    :param v2: an application that has Glance's v2 at ``/v2``
    """

    def __init__(self, v2: Any) -> None:
        self._v2 = v2

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        try:
            response = self._answer(request)
        except inner.Refused as error:
            response = error.response
        except webob.exc.HTTPException as error:
            response = error
        except UnicodeError:
            response = webob.exc.HTTPBadRequest('This is no UTF-8')
        except Exception:
            # Not for the server to deal with, which would hang up.
            LOG.exception('A request to /v1 failed')
            response = webob.exc.HTTPInternalServerError()
        response.headers['Deprecation'] = DEPRECATED
        return response

    def _answer(self, request: webob.Request) -> webob.Response:
        for pattern, handlers in ROUTES:
            matched = re.fullmatch(pattern, request.path_info)
            if matched is None:
                continue
            if request.method not in handlers:
                allowed = ', '.join(handlers)
                raise webob.exc.HTTPMethodNotAllowed(
                    headers={'Allow': allowed}
                )
            glance = inner.Glance(self._v2, request.environ)
            handle = handlers[request.method]
            return handle(glance, request, **matched.groupdict())
        raise webob.exc.HTTPNotFound()


def load(global_conf: dict[str, str], v2: str) -> Application:
    """Return the application over the one that paste knows as ``v2``.

    The filter stands between the two, as it stands before ``/v2`` itself: it
    answers the imports, and refuses what it refuses there.
    """
    LOG.warning(
        'Version 1 of the Image API is deprecated. It is served for old '
        'clients, and does not belong on a public endpoint.'
    )
    config = 'config:' + global_conf['__file__']
    api = urlmap.URLMap()
    api['/v2'] = deploy.loadapp(config, name=v2, global_conf=global_conf)
    guard = deploy.loadfilter('egg:glance-ext#glance_ext')
    return Application(guard(api))
