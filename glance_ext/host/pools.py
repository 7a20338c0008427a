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
"""Glance's threads for work in the background, and the end of a process."""

import atexit
from collections.abc import Callable
import importlib
import os
import signal
import sys
import threading
from typing import Any

from glance.api import common
from oslo_config import cfg

from glance_ext.host import release

#: How many threads of the pool we leave to Glance's own imports.
_RESERVED = 2
#: Apache kills the processes of mod_wsgi three seconds after it has told
#: them to end; no directive changes that.
_APACHE_PATIENCE = 2


def run(work: Callable[..., Any], *args: Any) -> None:
    """Run ``work(*args)`` in a thread of Glance's ``tasks_pool``."""
    common.get_thread_pool('tasks_pool').spawn(work, *args)


def room() -> int:
    """Return how many actions this process may run at once."""
    wanted: int = cfg.CONF.glance_ext.max_running_actions
    if release.has_green_threads():
        return wanted
    threads: int = cfg.CONF.wsgi.task_pool_threads
    return max(1, min(wanted, threads - _RESERVED))


def room_of_project() -> int:
    """Return how many of them may be of one project; 0 is without limit."""
    wanted: int | None = cfg.CONF.glance_ext.max_running_actions_per_project
    return -(-room() // 2) if wanted is None else wanted


def seconds_to_end() -> int:
    """Return for how long what runs may go on when this process ends."""
    wanted: int = cfg.CONF.glance_ext.shutdown_timeout
    if 'mod_wsgi' in sys.modules:
        return min(wanted, _APACHE_PATIENCE)
    return wanted


def on_exit(stop: Callable[[], None]) -> None:
    """Have ``stop`` called when this process is about to end.

    It has to run before Glance waits for its pool, and before Python does:
    both wait for as long as the work takes.
    """
    if release.has_green_threads():
        _on_green_exit(stop)
        return
    try:
        uwsgi: Any = importlib.import_module('uwsgi')
    except ImportError:
        # concurrent.futures waits for its threads in a hook of the same
        # kind; the one that was registered last runs first.
        register = getattr(threading, '_register_atexit', atexit.register)
        register(stop)
        return
    then = getattr(uwsgi, 'atexit', None)

    def both() -> None:
        stop()
        if then:
            then()

    uwsgi.atexit = both


def _on_green_exit(stop: Callable[[], None]) -> None:
    """As :func:`on_exit`, in a worker of eventlet's ``glance-api``.

    It ends in order when it is told by SIGHUP, but would just die of
    SIGTERM. Python does not run the threads' exit hooks in it.
    """
    atexit.register(stop)
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    eventlet: Any = importlib.import_module('eventlet')

    def stop_and_die() -> None:
        stop()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def on_term(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        eventlet.spawn(stop_and_die)
        accept_no_more = signal.getsignal(signal.SIGHUP)
        if callable(accept_no_more):
            accept_no_more(signal.SIGHUP, None)

    signal.signal(signal.SIGTERM, on_term)
