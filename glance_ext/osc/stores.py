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

"""The stores that data is written to, or read back from."""

import argparse
from typing import Any

#: What the server's plan of writing to stores tells.
PLAN = ('sources', 'targets', 'bytes_total', 'quota')


def add_targets(parser: argparse.ArgumentParser, required: bool) -> None:
    """Add the options that name the stores to write to."""
    targets = parser.add_mutually_exclusive_group(required=required)
    add_stores(targets, 'Store to write to')
    targets.add_argument(
        '--all-stores',
        action='store_true',
        help='Write to all stores',
    )
    parser.add_argument(
        '--allow-failure',
        action='store_true',
        help='Keep what was written where other stores fail; without this '
        'nothing new stays unless every store succeeds',
    )


def add_stores(parser: Any, help: str) -> None:
    """Add ``--store``, which may be given several times."""
    parser.add_argument(
        '--store',
        '--stores',
        metavar='<store>',
        action='extend',
        type=_separate,
        default=[],
        dest='stores',
        help=f'{help} (repeat for several, or separate them by commas)',
    )


def _separate(text: str) -> list[str]:
    return [name for name in text.split(',') if name]
