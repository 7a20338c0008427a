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
"""Keystone from nothing to serving, in one process that imports it once.

``python -m tests.harness.keystone_serve PORT REGION``, with the directory of
its ``keystone.conf`` in ``OS_KEYSTONE_CONFIG_DIR``.
"""

import os
import signal
import sqlite3
import sys


def main() -> None:
    """Make the tables, the keys and the first user, then serve."""
    port, region = sys.argv[1:]
    directory = os.environ['OS_KEYSTONE_CONFIG_DIR']
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    import keystone.server.flask.core  # noqa: F401  before the forks
    import waitress

    owner = (
        '--keystone-user', str(os.getuid()),
        '--keystone-group', str(os.getgid()),
    )  # fmt: skip
    _manage(directory, 'db_sync')
    _manage(directory, 'fernet_setup', *owner)
    _manage(directory, 'credential_setup', *owner)
    urls = [
        word
        for interface in ('public', 'internal', 'admin')
        for word in (
            f'--bootstrap-{interface}-url',
            f'http://127.0.0.1:{port}/v3',
        )
    ]
    _manage(directory, 'bootstrap', '--bootstrap-region-id', region, *urls)
    database = sqlite3.connect(os.path.join(directory, 'keystone.sqlite'))
    database.execute('pragma journal_mode=wal')
    database.close()
    sys.argv = ['keystone']  # it reads the command line as its own
    from keystone.wsgi import api

    # One thread: two sqlite writers would answer "database is locked".
    waitress.serve(api.application, host='127.0.0.1', port=port, threads=1)


def _manage(directory: str, *arguments: str) -> None:
    """Do what ``keystone-manage`` does, in a child that is thrown away."""
    from keystone.cmd import cli

    child = os.fork()
    if child == 0:
        status = 1
        config = os.path.join(directory, 'keystone.conf')
        sys.argv = ['keystone-manage', '--config-file', config, *arguments]
        try:
            cli.main(argv=sys.argv)
            status = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f'keystone-manage {arguments[0]} failed')


if __name__ == '__main__':
    main()
