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
"""A cliff program with our commands, whose endpoint is a local server."""

import contextlib
from importlib import metadata
import io
import json
import logging
import types
from typing import Any
import unittest

from cliff import app
from cliff import commandmanager
import openstack.connection

from tests.unit.client import stub

INFO = {
    'version': '1.0.0',
    'action_types': ['hash', 'copy-image', 'verify', 'import', 'export'],
    'import_methods': ['copy-image', 'web-download'],
}


class Shell(app.App):
    """Runs one of our commands as ``openstack`` would.

    ``output`` and ``errors`` are what it wrote.
    """

    def __init__(self, server: stub.Server, stderr: Any = None) -> None:
        self.output = io.StringIO()
        self.errors = stderr or io.StringIO()
        commands = commandmanager.CommandManager('glance_ext.no_such_group')
        own = metadata.distribution('glance-ext').entry_points
        for point in own.select(group='openstack.image.v2'):
            commands.add_command(point.name.replace('_', ' '), point.load())
        super().__init__(
            description='a shell',
            version='1',
            command_manager=commands,
            stdout=self.output,
            stderr=self.errors,
        )
        connection = openstack.connection.Connection(session=server.session())
        self.client_manager = types.SimpleNamespace(image=connection.image)


class ShellCase(unittest.TestCase):
    """A server that offers everything, has image i1, and a shell."""

    maxDiff = None

    def setUp(self) -> None:
        self.server = self.enterContext(stub.Server())
        self.server.on('GET /v2/info/glance-ext', stub.Reply(200, INFO))
        self.image('i1', name='legacy')
        root = logging.getLogger()
        self.addCleanup(setattr, root, 'handlers', root.handlers[:])
        self.addCleanup(root.setLevel, root.level)

    def image(self, image_id: str, **values: Any) -> None:
        body = {'id': image_id, 'status': 'active', 'size': 5} | values
        self.server.on(f'GET /v2/images/{image_id}', stub.Reply(200, body))

    def images(self, query: str, *bodies: Any, hidden: Any = ()) -> None:
        """Answer the list of images that the filters ``query`` ask for."""
        for flag, found in (('false', bodies), ('true', hidden)):
            self.server.on(
                f'GET /v2/images?{query}sort=id%3Aasc&limit=500'
                f'&visibility=all&os_hidden={flag}',
                stub.Reply(200, {'images': list(found)}),
            )

    def action(
        self, call: str, *seen: Any, name: str = 'a1', **values: Any
    ) -> None:
        """Accept a call; the action is then seen like so, one by one."""
        place = f'http://elsewhere.example.com/v2/image-actions/{name}'
        bodies = [
            {'id': name, 'status': 'pending', 'message': 'It waits.'} | each
            for each in (values, *seen)
        ]
        self.server.on(
            call,
            stub.Reply(202, '', 'text/plain', {'Location': place}),
        )
        self.server.on(
            f'GET /v2/image-actions/{name}',
            *(stub.Reply(200, body) for body in bodies),
        )

    def openstack(self, line: str, *more: str) -> tuple[int, str, str]:
        """Return the exit status, standard output and standard error."""
        program = Shell(self.server)
        status = program.run([*line.split(), *more])
        return status, program.output.getvalue(), program.errors.getvalue()

    def rows(self, line: str, *more: str, status: int = 0) -> Any:
        """Return the JSON that a command shows."""
        ended, output, errors = self.openstack(f'{line} -f json', *more)
        self.assertEqual(status, ended, errors)
        return json.loads(output)

    def table(self, line: str, *more: str) -> list[list[str]]:
        """Return the cells of the table that a command shows."""
        _, output, _ = self.openstack(line, *more)
        return [
            [cell.strip() for cell in row.strip('|').split('|')]
            for row in output.splitlines()
            if row.startswith('|')
        ]

    def sent(self) -> list[tuple[str, Any]]:
        """Return what was asked for beside what only looks."""
        return [
            (f'{each.method} {each.path}', each.body)
            for each in self.server.requests
            if each.method != 'GET'
        ]

    def misused(self, line: str) -> str:
        """Return what a command says of its wrong usage."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            with self.assertRaises(SystemExit) as ended:
                self.openstack(line)
        self.assertEqual(2, ended.exception.code)
        return errors.getvalue()
