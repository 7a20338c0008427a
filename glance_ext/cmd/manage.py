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

"""``glance-ext-manage``: what an operator does on a server that runs Glance.

Exit status 0: done, or nothing to do. 1: it could not be done, or not all of
it, and why is on standard error or in the report. 2: wrong usage. 3: it was
stopped before it was through.

Each command is one module, named in :data:`COMMANDS`. Importing it is
cheap: what a command needs beyond the standard library, Glance above all,
it imports when it runs.
"""

import argparse
from collections.abc import Sequence
import sys

from glance_ext.cmd import drain
from glance_ext.cmd import enable
from glance_ext.cmd import hash_missing
from glance_ext.cmd import reap
from glance_ext.cmd import report
from glance_ext.cmd import restore
from glance_ext.cmd import server
from glance_ext.cmd import verify

COMMANDS = (
    enable,
    hash_missing,
    verify,
    restore,
    drain,
    reap,
    report,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog=server.PROGRAM,
        description='Manage glance-ext on a server that runs Glance.',
    )
    server.add_options(parser)
    server.add_version(parser)
    subparsers = parser.add_subparsers(
        title='commands', metavar='COMMAND', required=True
    )
    for command in COMMANDS:
        command.add_parsers(subparsers)
    parsed = parser.parse_args(arguments)
    return server.run(server.PROGRAM, lambda: parsed.run(parsed))


if __name__ == '__main__':
    sys.exit(main())
