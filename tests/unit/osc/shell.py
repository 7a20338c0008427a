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

"""A cliff program with our command, whose image endpoint is a local server."""

import io
import types

from cliff import app
from cliff import commandmanager
import openstack.connection

from tests.unit.client import stub


class Shell(app.App):
    """Runs one of our commands as ``openstack`` would.

    ``output`` and ``errors`` are what it wrote.
    """

    def __init__(self, server: stub.Server, name: str, command: type) -> None:
        self.output = io.StringIO()
        self.errors = io.StringIO()
        commands = commandmanager.CommandManager('glance_ext.no_such_group')
        commands.add_command(name, command)
        super().__init__(
            description='a shell',
            version='1',
            command_manager=commands,
            stdout=self.output,
            stderr=self.errors,
        )
        connection = openstack.connection.Connection(session=server.session())
        self.client_manager = types.SimpleNamespace(image=connection.image)
