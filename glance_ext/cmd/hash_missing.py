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
"""``glance-ext-manage hash-missing``: hashes for all images without one."""

import argparse
import datetime
import os
from pathlib import Path
from typing import Any

from glance_ext.cmd import server
from glance_ext.cmd import sweep


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'hash-missing',
        help='calculate the hashes of all images that have none',
        description='Calculate the hashes of all active images that have '
        'none, in this process. Exit status 3: it was stopped, or its time '
        'was up, before all images had been looked at.',
    )
    sweep.add_options(parser)
    parser.add_argument(
        '--algorithm',
        metavar='NAME',
        help="of the hashes; the default is Glance's hashing_algorithm",
    )
    parser.add_argument(
        '--having-algorithm',
        metavar='NAME',
        help='replace the hashes of this algorithm, and no others',
    )
    parser.add_argument(
        '--parallel',
        metavar='N',
        type=server.positive,
        default=1,
        help='images at once (1)',
    )
    parser.add_argument(
        '--older-than',
        metavar='TIME',
        type=server.duration,
        help='only images that were created so long ago: 8h, 7d',
    )
    sweep.add_stores(
        parser, 'only images with a copy in one of these stores'
    )
    parser.add_argument(
        '--state',
        metavar='FILE',
        type=Path,
        help='go on where the last run with this file stopped',
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments, arguments.parallel):
        return 1
    from oslo_config import cfg

    from glance_ext.conf import hash as hash_options
    from glance_ext.upkeep.backfill import Backfill

    conf = cfg.CONF
    algorithm = arguments.algorithm or conf.hashing_algorithm
    if not hash_options.is_allowed(algorithm, conf):
        server.say(
            f'{algorithm} is not allowed here; use one of '
            f'{", ".join(hash_options.allowed(conf))}'
        )
        return 2
    if not sweep.knows_stores(arguments):
        return 2
    state = arguments.state
    if state is not None and not arguments.dry_run and not os.access(
        state.parent, os.W_OK
    ):
        server.say(f'{state.parent} is no directory to write to')
        return 2
    stopped = sweep.begin(arguments)
    age = arguments.older_than
    backfill = Backfill(
        algorithm,
        having=arguments.having_algorithm,
        parallel=arguments.parallel,
        created_before=None
        if age is None
        else datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        - datetime.timedelta(seconds=age),
        stores=arguments.stores,
        after=_read(state),
        max_duration=arguments.max_duration,
        tell=server.show if arguments.json else _print,
        stopped=stopped,
    )
    if arguments.dry_run:
        backfill.plan()
        complete = True
    else:
        complete = backfill.run()
        if state is not None:
            state.write_text(backfill.reached)
    sweep.sum_up(arguments, backfill.summary(), complete)
    if backfill.counts.get('failed'):
        return 1
    return 0 if complete else server.STOPPED


def _read(state: Path | None) -> str:
    return state.read_text().strip() if state and state.exists() else ''


def _print(line: dict[str, Any]) -> None:
    more = ''
    if line['outcome'] == 'hashed':
        more = f'{line["os_hash_algo"]} {server.size(line["bytes"])}'
    elif line['outcome'] == 'would-hash':
        more = server.size(line['bytes'])
    elif 'error' in line:
        error = line['error']
        more = f'{error.get("code")}: {error.get("message")}'
    print(f'{line["image_id"]} {line["outcome"]:11} {more}'.rstrip(),
          flush=True)
