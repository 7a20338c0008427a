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

"""Glance 15, with version 1 of its API, on a Python it never knew.

``python -m tests.harness.glance15_serve DIRECTORY PORT REGISTRY_PORT`` in the
environment ``glance-15``. The API and the registry share the process.
"""

# ruff: noqa: E402
import collections
import collections.abc
import inspect
import sys
import threading
from typing import Any

# Python 3.10 and 3.11 took these away.
for _name in collections.abc.__all__:
    if not hasattr(collections, _name):
        setattr(collections, _name, getattr(collections.abc, _name))
inspect.getargspec = lambda f: inspect.FullArgSpec(  # type: ignore
    *inspect.getfullargspec(f)
)[:4]

directory, port, registry_port = sys.argv[1:]
sys.argv = ['glance-api']

from cheroot import wsgi as servers
from glance import context
from glance.api import common
from glance.api.v1 import router
from glance.common import config
from glance.common import wsgi
from glance.db.sqlalchemy import api as database
from glance.db.sqlalchemy import models
from glance.registry.api import v1 as registry
import glance_store
from oslo_config import cfg
import webob

from tests.harness import users


class HeaderAuth(wsgi.Middleware):
    """Makes the context of a header token."""

    def process_request(self, request: Any) -> None:
        token = request.headers.get('X-Auth-Token', '')
        try:
            user = users.User.parse(token)
        except ValueError:
            user = users.User('', None)
        request.context = context.RequestContext(
            user_id=user.name or None,
            project_id=user.project,
            roles=list(user.roles),
            auth_token=token or None,
            is_admin='admin' in user.roles,
            owner_is_tenant=True,
        )


class Threads:
    """What stands in for eventlet's pool."""

    def spawn_n(self, run: Any, *args: Any, **kwargs: Any) -> None:
        threading.Thread(target=run, args=args, kwargs=kwargs).start()


def patch() -> None:
    """Undo what younger libraries changed under it."""
    for old, new in (('tenant', 'project_id'), ('user', 'user_id')):
        setattr(
            context.RequestContext,
            old,
            property(
                lambda self, new=new: getattr(self, new),
                lambda self, value, new=new: setattr(self, new, value),
            ),
        )
    to_json = wsgi.JSONResponseSerializer.to_json

    def strict(self: Any, data: Any) -> Any:
        # Refused once, so that a returned error became the response.
        if isinstance(data, webob.Response):
            raise TypeError('not serializable')
        return to_json(self, data)

    wsgi.JSONResponseSerializer.to_json = strict
    common.get_thread_pool = lambda *args, **kwargs: Threads()


def below(prefix: str, application: Any) -> Any:
    """Return ``application`` mounted at a path."""

    def mounted(environ: dict[str, Any], start: Any) -> Any:
        path = environ['PATH_INFO']
        if not path.startswith(prefix):
            start('404 Not Found', [])
            return [b'']
        environ['SCRIPT_NAME'] += prefix
        environ['PATH_INFO'] = path[len(prefix):] or '/'
        environ['api.version'] = 1
        return application(environ, start)

    return mounted


def main() -> None:
    """Serve both until the process ends."""
    conf = cfg.CONF
    config.parse_args(args=['--config-file', f'{directory}/glance.conf'])
    glance_store.register_opts(conf)
    glance_store.create_stores(conf)
    glance_store.verify_default_store()
    patch()
    models.register_models(database.get_engine())
    inner = HeaderAuth(registry.API(wsgi.APIMapper()))
    outer = HeaderAuth(router.API(wsgi.APIMapper()))
    aside = servers.Server(('127.0.0.1', int(registry_port)), inner)
    threading.Thread(target=aside.start, daemon=True).start()
    server = servers.Server(('127.0.0.1', int(port)), below('/v1', outer))
    server.start()


main()
