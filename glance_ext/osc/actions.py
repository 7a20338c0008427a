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

"""``openstack image action list``, ``show`` and ``cancel``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
import itertools
from typing import Any

from glance_ext import client
from glance_ext.osc import calling
from glance_ext.osc import cells

LIST = (
    'id',
    'action_type',
    'image_id',
    'status',
    'phase',
    'percent',
    'created_at',
    'message',
)
_SHOW = (
    'id',
    'action_type',
    'image_id',
    'owner',
    'status',
    'phase',
    'percent',
    'bytes_done',
    'bytes_total',
    'bytes_per_second',
    'eta_seconds',
    'stores',
    'attempt',
    'max_attempts',
    'error',
    'message',
    'result',
    'created_at',
    'updated_at',
    'expires_at',
)


class ListActions(calling.Lister):
    """List long-running actions on images.

    Yours, or everybody's for an administrator.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--type',
            metavar='<type>',
            dest='action_type',
            help='Actions of this type, such as hash or copy-image',
        )
        parser.add_argument(
            '--status',
            metavar='<status>',
            help='Actions in this status: pending, processing, success or '
            'failure',
        )
        parser.add_argument(
            '--image',
            metavar='<image>',
            help='Actions on this image (name or ID; of an image that is '
            'gone, the ID)',
        )
        parser.add_argument(
            '--limit',
            metavar='<number>',
            type=calling.positive,
            help='At most so many (default: all)',
        )
        parser.add_argument(
            '--marker',
            metavar='<action>',
            help='Begin after the action with this ID',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        cloud = self.cloud()
        image_id = parsed_args.image
        if image_id is not None:
            try:
                image_id = cloud.find_image(image_id).id
            except client.ImageNotFound:
                pass
        actions = cloud.actions(
            parsed_args.action_type,
            parsed_args.status,
            image_id,
            parsed_args.limit,
            parsed_args.marker,
        )
        wanted = itertools.islice(actions, parsed_args.limit)
        return LIST, [_row(action, LIST) for action in wanted]


class ShowAction(calling.ShowOne):
    """Show one action, or follow it to its end.

    With --wait the exit status is 1 if it failed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'action', metavar='<action>', help='ID of the action'
        )
        parser.add_argument(
            '--wait', action='store_true', help='Wait for it to end'
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        return super().run(parsed_args) or int(self._failed)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[Any]]:
        cloud = self.cloud()
        if parsed_args.wait:
            action = self.watch(cloud, parsed_args.action, parsed_args.action)
            self._failed = action.failed
        else:
            action = cloud.show_action(parsed_args.action)
        return _SHOW, _row(action, _SHOW)


class CancelActions(calling.Command):
    """Cancel actions.

    Each stops within seconds, and what it has written is removed. What had
    ended before is an error, and the others are cancelled all the same.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'actions', metavar='<action>', nargs='+', help='ID of an action'
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Wait for everything they have written to be removed',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        cloud = self.cloud()
        cancelled = []
        status = 0
        for action_id in dict.fromkeys(parsed_args.actions):
            try:
                cloud.cancel_action(action_id)
                cancelled.append(action_id)
            except client.ClientError as error:
                self.log.error('%s: %s', action_id, error)
                status = 1
        if parsed_args.wait:
            for action_id in cancelled:
                cloud.wait(action_id)
        return status


def _row(action: client.Action, columns: Sequence[str]) -> tuple[object, ...]:
    return tuple(_cell(action, name) for name in columns)


def _cell(action: client.Action, name: str) -> object:
    if name == 'stores':
        return cells.stores(action)
    if name == 'error':
        return action.error.code if action.error else None
    if name == 'message':
        return cells.message(action)
    if hasattr(action.progress, name):
        return getattr(action.progress, name)
    value = getattr(action, name)
    return cells.of(dict(value)) if name == 'result' else value
