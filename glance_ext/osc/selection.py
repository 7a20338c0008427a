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

"""Which images a command is about: those named, or those that are like so."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from osc_lib.cli import parseractions

from glance_ext import client

#: What a property cannot be called, since it would steer the listing itself.
_STEERING = frozenset(
    'limit marker os_hidden owner sort sort_dir sort_key status tag '
    'visibility'.split()
)


def add_arguments(
    parser: argparse.ArgumentParser, missing: str | None = None
) -> None:
    """Let images be named, or chosen by what they are.

    :param missing: the help of ``--missing``; None for a command without it
    """
    parser.add_argument(
        'images',
        metavar='<image>',
        nargs='*',
        help='Image (name or ID); several are handled one by one',
    )
    chosen = parser.add_argument_group(
        'images by what they are',
        'Instead of <image>: all that you may see, hidden and community '
        'images too, for which everything given here is true',
    )
    if missing:
        chosen.add_argument('--missing', action='store_true', help=missing)
    chosen.add_argument(
        '--project',
        '--owner',
        metavar='<project>',
        help='Images that belong to this project (name or ID)',
    )
    chosen.add_argument(
        '--property',
        metavar='<key=value>',
        action=parseractions.KeyValueAction,
        dest='properties',
        help='Images that have this property (repeat for several)',
    )
    chosen.add_argument(
        '--tag',
        metavar='<tag>',
        action='append',
        default=[],
        dest='tags',
        help='Images that have this tag (repeat for several)',
    )
    chosen.add_argument(
        '--in-store',
        metavar='<store>',
        help='Images that have a copy in this store',
    )


def problem(
    parsed_args: argparse.Namespace, all_by_default: bool = False
) -> str | None:
    """Return what is wrong with how the images were chosen, if anything.

    :param all_by_default: all are meant where nothing chooses any
    """
    chosen = bool(
        getattr(parsed_args, 'missing', False)
        or parsed_args.project
        or parsed_args.properties
        or parsed_args.tags
        or parsed_args.in_store
    )
    if chosen and parsed_args.images:
        return 'images are either named or chosen by what they are'
    if not (chosen or parsed_args.images or all_by_default):
        return 'which images? Name some, or choose them by what they are'
    for name in parsed_args.properties or {}:
        if name in _STEERING:
            return f'{name} is not a property to choose images by'
    return None


def images(
    cloud: client.Client,
    parsed_args: argparse.Namespace,
    project_id: str | None,
    status: str | None = 'active',
) -> Iterator[client.Image]:
    """Yield the images that are chosen by what they are, page by page."""
    store = parsed_args.in_store
    for image in cloud.images(
        project_id, parsed_args.tags, parsed_args.properties, status
    ):
        if store is None or store in image.stores:
            yield image


def project_id(clients: Any, project: str | None) -> str | None:
    """Return the id of a project by its name or id.

    Whoever may not ask Keystone, or has none, has to give the id.
    """
    connection = getattr(clients, 'sdk_connection', None)
    if project is None or connection is None:
        return project
    from keystoneauth1 import exceptions as auth_exceptions
    from openstack import exceptions

    try:
        # Without a version of Keystone there is nothing to ask.
        find = getattr(connection.identity, 'find_project', None)
        found = find(project) if find else None
    except (auth_exceptions.ClientException, exceptions.SDKException):
        return project
    return found.id if found else project
