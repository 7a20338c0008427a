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

"""``openstack image import request`` with all that can be done to one."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, BinaryIO

from osc_lib.cli import parseractions

from glance_ext import client
from glance_ext.osc import digest
from glance_ext.osc import requests
from glance_ext.osc import stores

_VISIBILITIES = ('public', 'private', 'shared', 'community')


class _Imports(requests.Kind):
    def kind(self, cloud: client.Client) -> client.Imports:
        return cloud.imports


class CreateImport(_Imports, requests.CreateRequest):
    """Ask for an image that is made of data from elsewhere.

    There is no image before the data has been fetched and verified. With
    --wait the exit status is 1 if there will be none.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'name', metavar='<image-name>', help='What the image is called'
        )
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            '--location',
            metavar='<uri>',
            help='Where the data lies: an https or swift URL',
        )
        source.add_argument(
            '--file',
            metavar='<file>',
            help='Send the data of this file (- for standard input)',
        )
        parser.add_argument('--id', metavar='<id>', help='ID of the image')
        parser.add_argument(
            '--disk-format',
            metavar='<disk-format>',
            help='Format of the data (default: the one that it is found to '
            'have)',
        )
        parser.add_argument(
            '--container-format',
            metavar='<container-format>',
            default='bare',
            help='Container format of the image (default: bare)',
        )
        for name, unit in (('min-disk', 'GiB'), ('min-ram', 'MiB')):
            parser.add_argument(
                f'--{name}',
                metavar=f'<{unit}>',
                type=int,
                help=f'What a server needs at least, in {unit}',
            )
        parser.add_argument(
            '--protected',
            action='store_true',
            default=None,
            help='The image cannot be deleted',
        )
        seen = parser.add_mutually_exclusive_group()
        for name in _VISIBILITIES:
            seen.add_argument(
                f'--{name}',
                dest='visibility',
                action='store_const',
                const=name,
                help=f'The visibility of the image is {name}',
            )
        parser.add_argument(
            '--property',
            metavar='<key=value>',
            action=parseractions.KeyValueAction,
            dest='properties',
            help='Property of the image (repeat for several)',
        )
        parser.add_argument(
            '--tag',
            metavar='<tag>',
            action='append',
            dest='tags',
            help='Tag of the image (repeat for several)',
        )
        digest.add_arguments(parser)
        stores.add_targets(parser, required=False)
        return parser

    def create(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> client.Request:
        if problem := digest.problem(parsed_args):
            self.misused(problem)
        request = cloud.imports.create(
            parsed_args.location,
            _properties(parsed_args),
            digest.expected(parsed_args),
            parsed_args.stores,
            parsed_args.all_stores,
            parsed_args.allow_failure,
            parsed_args.idempotency_key,
        )
        if parsed_args.file is None:
            return request
        try:
            with _opened(parsed_args.file) as data:
                cloud.imports.upload(request.id, data)
        except BaseException:
            with contextlib.suppress(client.ClientError):
                cloud.imports.delete(request.id)
            raise
        return cloud.imports.show(request.id)


class ListImports(_Imports, requests.ListRequests):
    """List the imports of images"""


class ShowImport(_Imports, requests.ShowRequest):
    """Show one import of an image"""


class DeleteImports(_Imports, requests.DeleteRequests):
    """Cancel imports of images"""


def _opened(path: str) -> BinaryIO:
    return sys.stdin.buffer if path == '-' else open(path, 'rb')


def _properties(parsed_args: argparse.Namespace) -> dict[str, Any]:
    known = {
        name: getattr(parsed_args, name)
        for name in (
            'id',
            'name',
            'disk_format',
            'container_format',
            'min_disk',
            'min_ram',
            'protected',
            'visibility',
            'tags',
        )
    }
    given = {name: value for name, value in known.items() if value is not None}
    return {**(parsed_args.properties or {}), **given}
