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
"""What the Ceph of ``ceph`` is made from: its options and keys."""

from __future__ import annotations

import base64
import os
from pathlib import Path
import struct
import time
import uuid

# Everybody's keys are in the monitor from its birth: asking it for each
# would take most of the boot.
ALL = {'mon': 'allow *', 'osd': 'allow *', 'mgr': 'allow *'}
USERS = {
    'mon.': {'mon': 'allow *'},
    'client.admin': ALL,
    'client.rgw': {'mon': 'allow rw', 'osd': 'allow rwx'},
    'client.glance': {'mon': 'profile rbd', 'osd': 'profile rbd'},
    'osd.0': {'mon': 'allow profile osd', 'osd': 'allow *'},
}


def options(
    directory: Path, address: str, objectstore: str
) -> dict[str, dict[str, object]]:
    """Return the sections of ``ceph.conf`` for everything in a directory.

    :param address: where the monitor is to listen.
    """
    return {
        'global': {
            'fsid': uuid.uuid4(),
            'mon host': address,
            'ms bind msgr1': False,
            'public addr': '127.0.0.1',
            'keyring': f'{directory}/$type.$id.keyring',
            'mon data': f'{directory}/mon',
            'osd data': f'{directory}/osd',
            'run dir': directory,
            'crash dir': directory,
            'admin socket': f'{directory}/$name.asok',
            'log file': f'{directory}/$name.log',
            # One copy of everything, on the only OSD.
            'osd pool default size': 1,
            'osd pool default min size': 1,
            'osd pool default pg autoscale mode': False,
            'osd crush chooseleaf type': 0,
            'mon allow pool size one': True,
            'mon allow pool delete': True,
            # Each step of the boot would wait a second for company.
            'paxos propose interval': 0.05,
            # It is not the host's disk that is tested.
            'mon data avail crit': 1,
            'mon data avail warn': 2,
            'osd objectstore': objectstore,
            'memstore device bytes': 4 << 30,
            'bluestore block size': 8 << 30,
            'bluestore cache autotune': False,
            'bluestore cache size': 64 << 20,
        }
    }


def write_keys(directory: Path) -> None:
    """Write everybody's keyring, and the monitor's with all the keys."""
    keyrings = {user: _keyring(user, caps) for user, caps in USERS.items()}
    for user, keyring in keyrings.items():
        (directory / f'{user}.keyring').write_text(keyring)
    (directory / 'mon.a.keyring').write_text(''.join(keyrings.values()))


def _keyring(user: str, caps: dict[str, str]) -> str:
    """Return the text that gives a user a new key."""
    secret = os.urandom(16)
    head = struct.pack('<hiih', 1, int(time.time()), 0, len(secret))
    key = base64.b64encode(head + secret).decode()
    granted = [f'caps {kind} = "{cap}"' for kind, cap in caps.items()]
    return '\n'.join([f'[{user}]', f'key = {key}', *granted, ''])
