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
"""``glance-ext-manage reap``: what died is ended, in one pass."""

import argparse
import datetime
from typing import Any

from glance_ext.cmd import server
from glance_ext.cmd import sweep


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'reap',
        help='end the actions and imports whose process died',
        description='End the actions of the extension whose process died, '
        "and report what dead jobs of Glance's own left: stuck imports, "
        'locks, store lists, staged data, half-made copies and hashes.',
    )
    server.add_common(parser)
    parser.add_argument(
        '--heal-host-imports',
        action='store_true',
        help="also put right what Glance's own dead jobs left",
    )
    parser.add_argument(
        '--dead-after',
        metavar='TIME',
        type=server.duration,
        default=3600,
        help="a job of Glance's own without a sign of life for so long is "
        'dead (60m, the rule of Glance; twice that before it begins)',
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments, threads=4):
        return 1
    from glance_ext.upkeep import reaping

    stopped = sweep.begin(arguments)
    tell = server.show if arguments.json else _print
    complete = reaping.end_actions(tell, stopped, arguments.dry_run)
    if stopped.is_set():
        return server.STOPPED
    healed = reaping.heal(
        tell,
        datetime.timedelta(seconds=arguments.dead_after),
        arguments.dry_run or not arguments.heal_host_imports,
    )
    return 0 if complete and healed else 1


def _print(line: dict[str, Any]) -> None:
    if 'action_id' in line:
        what = f'action {line["action_id"]} ({line["action_type"]}) of image'
        more = (line.get('error') or {}).get('code', '')
    else:
        what = 'image'
        more = f'{line["status"]}: {", ".join(line["signs"])}'
        if 'message' in line:
            more += f'; {line["message"]}'
    print(f'{what} {line["image_id"]} {line["outcome"]} {more}'.rstrip(),
          flush=True)
