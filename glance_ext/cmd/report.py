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
"""``glance-ext-manage report``: how many images have no hash."""

import argparse
from pathlib import Path
from typing import Any

from glance_ext.cmd import charts
from glance_ext.cmd import server

_TITLE = 'Images without a hash'


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'report',
        help='tell how many images, bytes and stores lack hashes',
        description='Tell how many active images have no hash, how many '
        'bytes those hold, and in which stores. Changes nothing.',
    )
    server.add_common(parser)
    parser.add_argument(
        '--svg', metavar='FILE', type=Path, help='also draw it to this file'
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments):
        return 1
    from glance_ext.upkeep import coverage

    found = coverage.count()
    bars = _bars(found)
    if arguments.json:
        server.show(found)
    else:
        print(charts.text(_TITLE, bars))
    if arguments.svg and not arguments.dry_run:
        arguments.svg.write_text(charts.svg(_TITLE, bars), 'utf-8')
    return 0


def _bars(found: dict[str, Any]) -> list[charts.Bar]:
    missing = found['missing']
    rows = [('all', missing, found)]
    rows += [
        (f'in {store}' if store else 'in the store', copies, missing)
        for store, copies in found['stores'].items()
    ]
    rows += [
        (f'have {name}', having, found)
        for name, having in found['algorithms'].items()
    ]
    return [
        charts.Bar(
            name,
            part['images'],
            whole['images'],
            f'{part["images"]} of {whole["images"]}, '
            f'{server.size(part["bytes"])}',
        )
        for name, part, whole in rows
    ]
