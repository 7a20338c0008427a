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
"""``glance-ext-manage drain``"""

import argparse
from typing import Any

from glance_ext.cmd import server
from glance_ext.cmd import sweep

#: What a plan reckons with where no rate is given: 100 MiB/s.
_RATE = 100 << 20


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'drain',
        help='move all images out of a store',
        description='Give every image of a store a verified copy elsewhere, '
        'and then remove it from the store. Exit status 3: it was stopped, '
        'or its time was up, before the store was empty.',
    )
    sweep.add_options(parser)
    parser.add_argument('store', metavar='STORE', help='the id of the store')
    parser.add_argument(
        '--to',
        metavar='STORE',
        help='where images go that have no other copy; the default is the '
        'default store',
    )
    sweep.add_even_if_empty(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments, threads=1):
        return 1
    from oslo_config import cfg

    from glance_ext.actions import node
    from glance_ext.stores import drivers
    from glance_ext.upkeep.draining import Drain

    target = arguments.to or drivers.default_store()
    if not cfg.CONF.enabled_backends:
        server.say('this Glance has a single store')
        return 2
    if arguments.store not in drivers.known() or (
        target not in drivers.writable() or target == arguments.store
    ):
        server.say(
            f'cannot move images from {arguments.store} to {target}; choose '
            f'two of {", ".join(drivers.known())}'
        )
        return 2
    stopped = sweep.begin(arguments)
    drain = Drain(
        arguments.store,
        target,
        arguments.max_duration,
        server.show if arguments.json else _print,
        stopped,
        even_if_empty=arguments.even_if_empty,
    )
    if arguments.dry_run:
        plan, rate = drain.plan(), arguments.bytes_per_second or _RATE
        plan['seconds'] = plan['bytes_to_read'] // rate
        if arguments.json:
            server.show({'plan': plan, 'to': target})
        else:
            _print_plan(plan, target, rate)
        return 0
    node.start()
    empty = drain.run()
    if arguments.json:
        server.show({'summary': drain.counts, 'complete': empty})
    else:
        print(
            ', '.join(
                f'{count} {name}' for name, count in drain.counts.items()
            )
            or 'nothing to do',
            '' if empty else '; the store is not empty',
            sep='',
        )
    if empty:
        return 0
    if drain.refused:
        server.say(drain.refused)
        return 1
    failed = drain.counts.get('left') or drain.counts.get('busy')
    return 1 if failed else server.STOPPED


def _print(line: dict[str, Any]) -> None:
    text = f'{line["image_id"]} {line["outcome"]:8} {line.get("why", "")}'
    print(text.rstrip(), flush=True)


def _print_plan(plan: dict[str, int], target: str, rate: int) -> None:
    print(
        f'{plan["images"]} images, {server.size(plan["bytes"])}; '
        f'{plan["to_copy"]} of them, '
        f'{server.size(plan["bytes_to_copy"])}, have no other copy and go '
        f'to {target}. {server.size(plan["bytes_to_read"])} are read: '
        f'{plan["seconds"]} seconds at {server.size(rate)}/s.'
    )
