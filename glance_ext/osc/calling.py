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

"""What every command of ours has in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from osc_lib.command import command

from glance_ext import client
from glance_ext.client import words
from glance_ext.osc import progress


class Calling:
    """Beside a command's base class: its cloud, and how it is called."""

    app: Any
    _parser: argparse.ArgumentParser

    def cloud(self) -> client.Client:
        """Return the Glance that the command is for."""
        return client.Client(self.app.client_manager.image)

    def spell(self, command: str) -> str:
        """Return how another command of ours is called from here."""
        spell = getattr(self.app, 'spell', 'openstack {}'.format)
        return str(spell(command))

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parent: Any = super()
        self._parser = parent.get_parser(prog_name)
        return self._parser

    def display(self) -> progress.Display:
        """Return what shows actions on standard error."""
        quiet = self.app.options.verbose_level == 0
        return progress.on(self.app.stderr, quiet)

    def watch(
        self, cloud: client.Client, action_id: str, name: str
    ) -> client.Action:
        """Return an action at its end, and show how it gets there."""
        display = self.display()
        try:
            return cloud.wait(action_id, lambda seen: display.show(name, seen))
        except KeyboardInterrupt:
            display.close()
            self.say_how_to_go_on([action_id])
            raise
        finally:
            display.close()

    def say_how_to_go_on(self, action_ids: Sequence[str]) -> None:
        """Say how actions that go on are followed, and how cancelled."""
        if action_ids:
            show = self.spell('image action show')
            cancel = self.spell('image action cancel')
            print(
                'Not ended yet, and going on. To follow one, or to cancel:\n'
                f'  {show} --wait {action_ids[0]}\n'
                f'  {cancel} {" ".join(action_ids)}',
                file=self.app.stderr,
            )

    def misused(self, why: str) -> None:
        """End with the usage and exit status 2."""
        self._parser.error(why)


class Command(Calling, command.Command):
    """A command that shows nothing."""


class Lister(Calling, command.Lister):
    """A command that shows several things."""

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        show = _AS_TEXT.get(parsed_args.formatter)
        if show:
            data = [list(map(show, row)) for row in data]
        status: int = super().produce_output(parsed_args, column_names, data)
        return status


class ShowOne(Calling, command.ShowOne):
    """A command that shows one thing; a table leaves out what is empty."""

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Sequence[Any],
    ) -> int:
        if parsed_args.formatter == 'table' and not parsed_args.columns:
            _, rows = upright(column_names, data)
            column_names, data = zip(*rows, strict=True)
        elif show := _AS_TEXT.get(parsed_args.formatter):
            data = list(map(show, data))
        status: int = super().produce_output(parsed_args, column_names, data)
        return status


def positive(text: str) -> int:
    """Return the number, for argparse; 1 is the least."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def for_people(cell: object) -> str:
    """Return what a table shows of a cell, fit for a terminal."""
    if hasattr(cell, 'human_readable'):
        cell = cell.human_readable()
    if cell is None or cell in ({}, []):
        return ''
    return words.printable(str(cell))


def as_text(cell: object) -> object:
    """Return a cell for a format that has no structures, such as CSV."""
    if hasattr(cell, 'human_readable'):
        return cell.human_readable()
    return cell


#: How each output format of cliff that knows only text shows a cell.
_AS_TEXT = {'table': for_people, 'csv': as_text, 'value': as_text,
            'shell': as_text}


def upright(
    columns: Sequence[str], cells: Sequence[object]
) -> tuple[Sequence[str], list[tuple[str, str]]]:
    """Return a table of one thing; what is empty is left out."""
    shown = zip(columns, map(for_people, cells), strict=True)
    return ('Field', 'Value'), [each for each in shown if each[1]]
