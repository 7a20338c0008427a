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

"""A Glance with what ``etc/paste.d/glance-ext-compat.ini`` adds to one."""

import http.server
import re
import threading
from typing import Any, Self

from oslo_config import cfg
from oslo_context.context import RequestContext

from glance_ext.compat import options
from glance_ext.compat import service as services
from tests.harness import glance
from tests.harness import settings
from tests.harness import v1_steps
from tests.harness import venvs
from tests.harness.users import User

EXAMPLE = venvs.ROOT / 'etc' / 'paste.d' / 'glance-ext-compat.ini'


class Glance(glance.Glance):
    """With ``/v1`` and ``/compute/v2.1``.

    Its server is uWSGI, because clients of v1 send headers whose names have
    underscores in them, and not every server lets these through.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{'server': 'pyuwsgi'} | arguments)
        settings.merge(self.options, {'glance': {'api_servers': self.url}})

    def prepare(self) -> None:
        super().prepare()
        path = self.directory / 'etc' / 'glance-api-paste.ini'
        path.write_text(
            mounted(path.read_text(), settings.paste(
                EXAMPLE.read_text(), True, False
            ).replace(settings.HEADER_AUTH, ''))
        )


class FarAway:
    """A web server with FILE at every path, for locations."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), _File
        )
        self.url = f'http://127.0.0.1:{self._server.server_port}'

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _File(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header('Content-Length', str(len(v1_steps.FILE)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(v1_steps.FILE)

    def log_message(self, *_: object) -> None:
        pass


_shared: list[Glance] = []


def fresh(**options: Any) -> Glance:
    """Return one that is not yet started.

    :param options: of ``[glance_ext]``
    """
    return Glance(stores=('fast', 'slow', 'web:http'),
                  config={'glance_ext': options})


def shared() -> Glance:
    """Return the one of this process, which ends with it."""
    if not _shared:
        _shared.append(fresh(image_id_reuse_guard=True).start())
    return _shared[0]


def mounted(paste: str, example: str) -> str:
    """Return ``paste`` with the sections of ``example`` in it."""
    for name in re.findall(r'(?m)^\[.+\]$', example):
        section = rf'(?ms)^{re.escape(name)}\n.*?(?=^\[|\Z)'
        paste = re.sub(section, '', paste)
    return f'{paste}\n{example}'


def service(url: str, v1: bool = False) -> Any:
    """Return an image service of ours for the Glance at ``url``."""
    conf = cfg.ConfigOpts()
    conf([])
    options.register_opts(conf)
    conf.set_override('api_servers', [url], 'glance')
    conf.set_override('num_retries', 0, 'glance')
    conf.set_override('use_glance_v1', v1, 'glance')
    return services.get_default_image_service(conf)


def context(user: User) -> RequestContext:
    """Return the context of a caller."""
    return RequestContext(
        user_id=user.name,
        project_id=user.project,
        roles=list(user.roles),
        auth_token=user.token,
    )
