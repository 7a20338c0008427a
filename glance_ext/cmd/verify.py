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
"""``glance-ext-manage verify``"""

import argparse
from typing import Any

from glance_ext.cmd import server
from glance_ext.cmd import sweep


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'verify',
        help='read copies of images back and compare them with the hashes',
        description='Read the copies of all images back, those first that '
        'were not for the longest time, and compare them with the hashes. '
        'Exit status 0: every copy is good. 1: some copy is not. 3: those '
        'that were read are good, and it was stopped, or its time was up, '
        'before it was through.',
    )
    sweep.add_options(parser)
    parser.add_argument(
        '--max-age',
        metavar='TIME',
        type=server.duration,
        help='leave out images whose copies were good within so long: 30d',
    )
    sweep.add_stores(parser, 'only copies in these stores')
    parser.add_argument(
        '--repair',
        action='store_true',
        help='replace bad copies from good ones',
    )
    sweep.add_even_if_empty(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments, threads=1):
        return 1
    from glance_ext.actions import node
    from glance_ext.upkeep.scrub import Scrub

    if not sweep.knows_stores(arguments):
        return 2
    stopped = sweep.begin(arguments)
    scrub = Scrub(
        arguments.stores,
        arguments.max_age,
        arguments.max_duration,
        arguments.repair,
        server.show if arguments.json else _print,
        stopped,
        even_if_empty=arguments.even_if_empty,
    )
    complete = True
    if arguments.dry_run:
        scrub.plan()
    else:
        node.start(takes_over=False)
        complete = scrub.run()
    sweep.sum_up(arguments, scrub.summary(), complete)
    if scrub.refused:
        server.say(scrub.refused)
    if scrub.is_bad:
        return 1
    return 0 if complete else server.STOPPED


def _print(line: dict[str, Any]) -> None:
    more = ''
    if 'store' in line:
        more = f'{line["store"]} {server.size(line["bytes"])}'
        if 'range' in line:
            more += f' bytes {line["range"]["first"]}'
            more += f' to {line["range"]["last"]}'
        if 'found' in line:
            more += f' was {line["found"]}'
        if 'not_repaired' in line:
            more += f': {line["not_repaired"]}'
    elif 'bytes' in line:
        more = server.size(line['bytes'])
    print(
        f'{line["image_id"]} {line["verdict"]:12} {more}'.rstrip(),
        flush=True,
    )
