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
"""``glance-ext-worker``: runs what the API posts on a jobboard.

Exit status 0: it was told to stop, and has. 1: it cannot start, and why is
on standard error. 2: wrong usage.
"""

import argparse
from collections.abc import Sequence
import os
import signal
import sys
from typing import Any

from glance_ext.cmd import metrics_port
from glance_ext.cmd import server

_PROGRAM = 'glance-ext-worker'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description='Run the actions that the Glance API posts on the '
        'jobboard, with the same options. SIGTERM lets what runs end, for '
        'shutdown_timeout, and hands back the rest. SIGHUP reads the options '
        'again.',
    )
    server.add_options(parser)
    server.add_version(parser)
    parser.add_argument(
        '--metrics-port',
        metavar='[HOST:]PORT',
        type=metrics_port.address,
        help='show metrics for Prometheus there; without HOST, to this '
        'machine alone',
    )
    parsed = parser.parse_args(arguments)
    return server.run(_PROGRAM, lambda: _run(parsed))


def _run(parsed: argparse.Namespace) -> int:
    if not server.set_up(parsed, 0, _PROGRAM, is_service=True):
        return 1
    from oslo_config import cfg

    from glance_ext.actions import jobboard
    from glance_ext.actions import metrics
    from glance_ext.actions import posting
    from glance_ext.actions.worker import Worker

    # Whatever the API does: this process is a worker.
    cfg.CONF.set_override('executor', 'jobboard', 'glance_ext')
    try:
        worker = Worker(posting.board())
        if parsed.metrics_port:
            metrics_port.serve(parsed.metrics_port)
    except (jobboard.Unavailable, OSError) as error:
        server.say(str(error), _PROGRAM)
        return 1
    except metrics.Absent:
        server.say('--metrics-port needs prometheus_client', _PROGRAM)
        return 1

    def stop(number: int, frame: Any) -> None:
        worker.stopped.set()

    def reload(number: int, frame: Any) -> None:
        cfg.CONF.reload_config_files()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, reload)
    worker.run()
    sys.stdout.flush()
    sys.stderr.flush()
    # A driver that never returns must not keep the process.
    os._exit(0)


if __name__ == '__main__':
    sys.exit(main())
