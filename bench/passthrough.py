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
"""What the filter adds to a request that is not ours."""

import time
from typing import Any

from oslo_config import cfg

from bench import options
from bench.turns import row
from glance_ext import conf
from glance_ext.api import dispatch

PATHS = {
    'GET /v2/images': ('GET', '/v2/images'),
    'GET /v2/images/{id}': (
        'GET', '/v2/images/6a6ae2b2-0c5b-4a2e-8f0e-6a8f2e2c1b11'),
    'GET /v2/images/{id}/file': (
        'GET', '/v2/images/6a6ae2b2-0c5b-4a2e-8f0e-6a8f2e2c1b11/file'),
    'DELETE /v2/images/{id}': (
        'DELETE', '/v2/images/6a6ae2b2-0c5b-4a2e-8f0e-6a8f2e2c1b11'),
}
_CALLS = 20_000
_ROUNDS = 25
_TARGET_NS = 1000


def _glance(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return []


def _time(app: Any, environ: dict[str, Any]) -> float:
    """Return nanoseconds of this thread's CPU per call."""
    began = time.thread_time_ns()
    for _ in range(_CALLS):
        app(environ, None)
    return (time.thread_time_ns() - began) / _CALLS


def run(chosen: options.Options) -> list[dict[str, Any]]:
    """Return one row per kind of request."""
    cfg.CONF.import_opt('enabled_import_methods', 'glance.common.config')
    conf.register_opts(cfg.CONF)
    mounted = dispatch.mount(_glance, start=lambda: None)
    rows = []
    for name, (method, path) in PATHS.items():
        environ = {'REQUEST_METHOD': method, 'PATH_INFO': path}
        mounted(environ, None)
        added = [_time(mounted, environ) - _time(_glance, environ)
                 for _ in range(chosen.rounds or _ROUNDS)]
        rows.append(row(f'added to {name}', added, 'ns', most=_TARGET_NS,
                        digits=0))
    return rows
