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

"""What the commands for imports and for exports of images share."""

from __future__ import annotations

import abc
import argparse
from collections.abc import Iterable, Sequence
import itertools
from typing import Any

from glance_ext import client
from glance_ext.client import words
from glance_ext.osc import calling
from glance_ext.osc import cells

COLUMNS = (
    'id',
    'status',
    'image_id',
    'image_name',
    'message',
    'expires_by',
)
_SHOW = (*COLUMNS[:4], 'image_properties', *COLUMNS[4:])


class Kind(abc.ABC):
    """Beside a command's base class: imports, or exports."""

    @abc.abstractmethod
    def kind(self, cloud: client.Client) -> client.Imports | client.Exports:
        """Return the cloud's imports or exports."""


class CreateRequest(Kind, calling.ShowOne):
    """Makes one request and shows it, at its end if it is waited for."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--idempotency-key',
            metavar='<key>',
            help='The same request with the same key is made only once, '
            'however often it is sent',
        )
        parser.add_argument(
            '--wait', action='store_true', help='Wait for it to end'
        )
        return parser

    @abc.abstractmethod
    def create(
        self, cloud: client.Client, parsed_args: argparse.Namespace
    ) -> client.Request:
        """Make the request; raises ClientError."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        return super().run(parsed_args) or int(self._failed)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[Any]]:
        cloud = self.cloud()
        request = self.create(cloud, parsed_args)
        if parsed_args.wait:
            name = request.image_properties.get('name')
            self.watch(cloud, request.id, words.printable(name or request.id))
            request = self.kind(cloud).show(request.id)
        self._failed = request.status == 'failure'
        if self._failed:
            self.log.error('%s: %s', request.id, request.message)
        return _SHOW, _row(request, _SHOW)


class ListRequests(Kind, calling.Lister):
    """Lists those that the caller may see."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--limit',
            metavar='<number>',
            type=calling.positive,
            help='At most so many (default: all)',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        found = itertools.islice(
            self.kind(self.cloud()).list(), parsed_args.limit
        )
        return COLUMNS, [_row(request, COLUMNS) for request in found]


class ShowRequest(Kind, calling.ShowOne):
    """Shows one."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('request', metavar='<id>', help='Its ID')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[Any]]:
        request = self.kind(self.cloud()).show(parsed_args.request)
        return _SHOW, _row(request, _SHOW)


class DeleteRequests(Kind, calling.Command):
    """Cancels any number."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'requests', metavar='<id>', nargs='+', help='ID of one'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        kind = self.kind(self.cloud())
        status = 0
        for request_id in dict.fromkeys(parsed_args.requests):
            try:
                kind.delete(request_id)
            except client.ClientError as error:
                self.log.error('%s: %s', request_id, error)
                status = 1
        return status


def _row(
    request: client.Request, columns: Sequence[str]
) -> tuple[object, ...]:
    return tuple(_cell(request, name) for name in columns)


def _cell(request: client.Request, name: str) -> object:
    if name == 'image_name':
        return request.image_properties.get('name')
    value = getattr(request, name)
    return cells.of(dict(value)) if name == 'image_properties' else value
