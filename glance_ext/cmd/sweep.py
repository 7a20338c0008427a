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
"""What the commands that go over many images have in common."""

import argparse
import threading
from typing import Any

from glance_ext.cmd import server


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what each of them takes, beside what every command does."""
    server.add_common(parser)
    parser.add_argument(
        '--max-duration',
        metavar='TIME',
        type=server.duration,
        help='begin with no image after so long: 90, 30m, 8h',
    )
    parser.add_argument(
        '--bytes-per-second',
        metavar='N',
        type=server.amount,
        help='read no faster, all images together: 500k, 200M, 1G',
    )


def add_stores(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option that names stores, as a list of ids."""
    parser.add_argument(
        '--stores',
        metavar='ID,ID',
        type=lambda text: frozenset(filter(None, text.split(','))),
        default=frozenset(),
        help=what,
    )


def knows_stores(arguments: argparse.Namespace) -> bool:
    """Tell whether all stores that are named exist; complain if not."""
    from glance_ext.stores import drivers

    known = drivers.known()
    if unknown := arguments.stores.difference(known):
        server.say(
            f'unknown store: {", ".join(sorted(unknown))}; the stores are '
            f'{", ".join(known)}'
        )
    return not unknown


def add_even_if_empty(parser: argparse.ArgumentParser) -> None:
    """Add the option that overrides what protects an unmounted store."""
    parser.add_argument(
        '--even-if-store-looks-empty',
        dest='even_if_empty',
        action='store_true',
        help='continue although most copies recorded in a store are missing, '
        'which normally means that the store is not mounted',
    )


def begin(arguments: argparse.Namespace) -> threading.Event:
    """Run actions in this process, at the rate that is asked for.

    :returns: what is set once it is to stop
    """
    from oslo_config import cfg

    cfg.CONF.set_override('executor', 'local', 'glance_ext')
    rate = getattr(arguments, 'bytes_per_second', None)
    if rate is not None:
        cfg.CONF.set_override('bytes_per_second', rate, 'glance_ext')
    return server.stop_on_signal()


def sum_up(
    arguments: argparse.Namespace, found: dict[str, Any], complete: bool
) -> None:
    """Print how many images and bytes there were, and what came of them."""
    if arguments.json:
        server.show({'summary': found, 'complete': complete})
        return
    ends = ', '.join(
        f'{count} {name}'
        for name, count in found.items()
        if name not in ('images', 'bytes') and count
    )
    end = '' if complete else '; stopped before the end'
    print(
        f'{found["images"]} images, {server.size(found["bytes"])}'
        f'{": " if ends else ""}{ends}{end}'
    )
