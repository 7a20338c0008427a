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
"""A paste filter that stops hashes at a byte, whatever the store.

It changes ``[glance_ext] store_bytes_per_second`` while they run, for want of
a server that reloads its options without ending its processes.
"""

from collections.abc import Callable
import time
from typing import Any
import urllib.parse

from oslo_config import cfg

from glance_ext.transfer import ahead

PATH = '/v2/pacing'
MIB = 1 << 20
#: Bytes per second.
STOPPED, SLOW, FAST, UNLIMITED = 1, 2 * MIB, 32 * MIB, 0


def filter_factory(global_conf: Any, **local_conf: Any) -> Any:
    """Return the filter, as ``paste.filter_factory`` wants it."""
    # To stop at the byte, and not half a MiB further.
    ahead.UNIT = 64 * 1024
    return Filter


class Filter:
    """Does what ``paced.PacedGlance`` asks; other requests pass through."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        if environ['PATH_INFO'] != PATH:
            return self._application(environ, start)
        asked = dict(urllib.parse.parse_qsl(environ['QUERY_STRING']))
        store, done = asked['store'], 0
        if 'rate' in asked:
            _set_rate(store, int(asked['rate']))
        else:
            done = _read_until(store, asked['image'], int(asked['byte']))
        start('200 OK', [('Content-Type', 'text/plain')])
        return [str(done).encode()]


def _read_until(store: str, image: str, byte: int) -> int:
    # Inside the server, where the extension is loaded by now.
    from glance_ext.actions import node
    from glance_ext.actions import record

    (run,) = (run for run in node.start().held()
              if run.action.image_id == image)

    def wait(condition: Callable[[], bool]) -> None:
        while not condition():
            if run not in node.start().held():
                raise RuntimeError('it has ended')
            time.sleep(0.001)
    wait(lambda: run.action.phase in (record.READING, record.WRITING))
    for rate, short_of in ((FAST, MIB), (SLOW, 0)):
        if run.progress.done < byte - short_of:
            _set_rate(store, rate)
            wait(lambda: run.progress.done >= byte - short_of)
    _set_rate(store, STOPPED)
    return int(run.progress.done)


def _set_rate(store: str, rate: int) -> None:
    from glance_ext.stores import budgets

    rates = {**cfg.CONF.glance_ext.store_bytes_per_second, store: rate}
    cfg.CONF.set_override('store_bytes_per_second', rates, 'glance_ext')
    budgets.refresh()
