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
"""All of Swift in one process: proxy, account, container and object server.

``python -m tests.harness.backends.swift_serve DIRECTORY PORT``. Swift needs
no memcached here: its tokens (Fernet) carry what they say, and outlive a
restart; what else it would cache it looks up.
"""

import base64
from pathlib import Path
import sys

USER = 'test:tester'
PASSWORD = 'testing'
PREFIX, SUFFIX = 'before', 'after'
DEVICE = 'disk'
# How long it waits for a client that stopped sending, in seconds.
PATIENCE = 5

SWIFT = f"""
[swift-hash]
swift_hash_path_prefix = {PREFIX}
swift_hash_path_suffix = {SUFFIX}
"""
DEFAULTS = """
[DEFAULT]
swift_dir = {directory}
devices = {directory}
mount_check = false
disable_fallocate = true
log_level = ERROR
client_timeout = {patience}
"""
SERVER = """
[pipeline:main]
pipeline = {filters} {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
FILTERS = {
    'catch_errors': {},
    'gatekeeper': {},
    'healthcheck': {},
    'listing_formats': {},
    'bulk': {},
    's3api': {'location': 'us-east-1'},
    'tempurl': {},
    'tempauth': {
        f'user_{USER.replace(":", "_")}': f'{PASSWORD} .admin',
        'fernet_key_harness': '{key}',
        'active_fernet_key_id': 'harness',
    },
    'copy': {},
    'slo': {},
    'dlo': {},
}


def main() -> None:
    """Write the configuration and the rings anew, then serve."""
    import eventlet

    eventlet.monkey_patch()
    from swift.common import utils
    from swift.common import wsgi

    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    # Read by modules that are imported with the servers.
    utils.SWIFT_CONF_FILE = str(directory / 'swift.conf')
    Path(utils.SWIFT_CONF_FILE).write_text(SWIFT)
    (directory / DEVICE).mkdir(exist_ok=True)
    listening = {'proxy': eventlet.listen(('127.0.0.1', port))}
    for name in ('account', 'container', 'object'):
        listening[name] = eventlet.listen(('127.0.0.1', 0))
        _ring(directory / f'{name}.ring.gz', listening[name].getsockname()[1])
    head = DEFAULTS.format(directory=directory, patience=PATIENCE)
    servers = []
    for name, sock in listening.items():
        conf = directory / f'{name}.conf'
        conf.write_text(head + _app(name, FILTERS if name == 'proxy' else {}))
        servers.append(
            eventlet.spawn(
                eventlet.wsgi.server,
                sock,
                wsgi.loadapp(str(conf)),
                log_output=False,
                protocol=wsgi.SwiftHttpProtocol,
            )
        )
    for server in servers:
        server.wait()


def _ring(path: Path, port: int) -> None:
    """Write the ring of one server on one device."""
    from swift.common import ring

    device = {
        'id': 0,
        'region': 1,
        'zone': 1,
        'ip': '127.0.0.1',
        'port': port,
        'device': DEVICE,
        'weight': 1,
    }
    builder = ring.RingBuilder(2, 1, 1)
    builder.add_dev(device)
    builder.rebalance()
    builder.get_ring().save(str(path))


def _app(name: str, filters: dict[str, dict[str, str]]) -> str:
    """Return the sections of a server behind these filters."""
    text = SERVER.format(name=name, filters=' '.join(filters))
    if name == 'proxy':
        text += 'account_autocreate = true\n'
    # A key of its own for each start would end the tokens of the last one.
    key = base64.urlsafe_b64encode(PASSWORD.encode().ljust(32)).decode()
    for each, options in filters.items():
        text += f'[filter:{each}]\nuse = egg:swift#{each}\n'
        for option, value in options.items():
            text += f'{option} = {value.format(key=key)}\n'
    return text


if __name__ == '__main__':
    main()
