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
"""``glance-ext-manage restore``"""

import argparse
from typing import Any

from glance_ext.cmd import server


def add_parsers(subparsers: Any) -> None:
    """Add the command to what ``add_subparsers()`` returned."""
    parser = subparsers.add_parser(
        'restore',
        help='bring a deleted image back while its data is there',
        description='Bring a deleted image back, with its properties, tags, '
        'members and locations as they were, after its data was verified. '
        'Works while the image is pending_delete, or its data is there.',
    )
    server.add_common(parser)
    parser.add_argument('image', metavar='IMAGE', help='the id of the image')
    parser.add_argument(
        '--deactivated',
        action='store_true',
        help='bring it back deactivated; no row says whether it was',
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not server.set_up(arguments, threads=1):
        return 1
    from glance_ext.upkeep import restoring

    try:
        found = restoring.restore(
            arguments.image, arguments.deactivated, arguments.dry_run
        )
    except restoring.Refused as exc:
        server.say(f'{arguments.image} is not restored: {exc}')
        return 1
    if arguments.json:
        server.show(found)
    else:
        _print(found, arguments.dry_run)
    return 0


def _print(found: dict[str, Any], dry_run: bool) -> None:
    verb = 'would be' if dry_run else 'is'
    print(f'{found["image_id"]} {verb} {found["status"]}, with')
    for name in ('properties', 'tags', 'members', 'restored_stores'):
        print(f'  {name}: {", ".join(found[name]) or "none"}')
    for store, each in found['stores'].items():
        if store not in found['restored_stores']:
            print(f'  not the copy in {store}: {each["verdict"]}')
    print(
        f'What was removed from {found["deletion_began_at"]} to '
        f'{found["deleted_at"]} cannot be told from what was deleted with '
        'the image, and is among it. So are properties that had been removed '
        'before, if it was deleted through a node without the extension.'
    )
