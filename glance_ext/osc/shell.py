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

"""``glance-ext``: the same commands for those who use glanceclient.

Everything about authentication is glanceclient's own shell, which this one is
made of; what a command does is what ``openstack`` does. ``image hash
calculate`` is called ``image-hash`` here, and the others have hyphens for
blanks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import metadata
import logging
import sys
from typing import Any, TextIO

import glance_ext
from glance_ext.client import words

try:
    from glanceclient import shell
except ImportError:
    sys.exit('glance-ext needs python-glanceclient, which is not installed.')

_SHORT = {'image hash calculate': 'image-hash'}


class App:
    """What a command needs to know of the program that runs it."""

    def __init__(self) -> None:
        self.stdout: TextIO = sys.stdout
        self.stderr: TextIO = sys.stderr
        self.client_manager = argparse.Namespace(image=None)
        self.options = argparse.Namespace(verbose_level=1)

    def spell(self, command: str) -> str:
        """Return how one of our commands is called."""
        return f'glance-ext {spell(command)}'


def spell(command: str) -> str:
    """Return the name here of what ``openstack`` calls ``command``."""
    return _SHORT.get(command, command.replace(' ', '-'))


def commands() -> Iterator[tuple[str, metadata.EntryPoint]]:
    """Yield each command of ours by its name here."""
    own = metadata.distribution('glance-ext').entry_points
    for point in own.select(group='openstack.image.v2'):
        yield spell(point.name.replace('_', ' ')), point


class Shell(shell.OpenStackImagesShell):
    """glanceclient's shell with our commands instead of its own."""

    def get_base_parser(self, argv: list[str]) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_base_parser(argv)
        parser.prog = 'glance-ext'
        parser.description = 'What glance-ext adds to OpenStack Glance.'
        parser.epilog = 'See "glance-ext help COMMAND" for one command.'
        # A number, not the text that makes glanceclient speak of version 1;
        # and any of the two keeps it from asking for schemas first.
        parser.set_defaults(os_image_api_version=2)
        version: Any = parser._option_string_actions['--version']
        version.version = f'glance-ext {glance_ext.__version__}'
        return parser

    def get_subcommand_parser(
        self, version: int, argv: list[str] | None = None
    ) -> argparse.ArgumentParser:
        # One command is quickly made, and all are if none is named.
        everything = dict(commands())
        named = everything.keys() & set(argv or ())
        self._wanted = {name: everything[name] for name in named} or everything
        parser: argparse.ArgumentParser = super().get_subcommand_parser(
            version, argv
        )
        return parser

    def _find_actions(self, subparsers: Any, actions_module: Any) -> None:
        if actions_module is not self:
            return
        super()._find_actions(subparsers, actions_module)
        for name, point in self._wanted.items():
            self._add(subparsers, name, point.load())

    def _add(self, subparsers: Any, name: str, kind: Any) -> None:
        app = App()
        command = kind(app, None)
        # cliff's own handler is not known to glanceclient's parsers.
        command.conflict_handler = 'error'
        parser = command.get_parser(f'glance-ext {name}')
        own = {action.dest for action in parser._actions} - {'help'}
        self.subcommands[name] = subparsers.add_parser(
            name,
            parents=[parser],
            add_help=False,
            help=command.get_description().splitlines()[0],
            description=parser.description,
            epilog=parser.epilog,
            formatter_class=parser.formatter_class,
        )

        def run(cloud: Any, args: argparse.Namespace) -> None:
            app.client_manager.image = cloud
            # The command logs what it was told; a password is not for it.
            told = {name: getattr(args, name) for name in own}
            logging.basicConfig(format='%(message)s')
            sys.exit(command.run(argparse.Namespace(**told)))

        self.subcommands[name].set_defaults(func=run)


def main() -> None:
    """Run one command; the exit status is that of ``openstack``."""
    try:
        Shell().main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if {'-d', '--debug'} & set(sys.argv):
            raise
        sys.exit(words.printable(str(error)))
