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
"""Files that are disk images, or only look like some."""

import random
import struct

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that no format is recognised in."""
    return random.Random(seed).randbytes(size)


def qcow2(virtual_size: int = 64 * MIB, backing: str = '',
          incompatible: int = 0, size: int = 256 * KIB) -> bytes:
    """Return a qcow2 (version 3) with an empty disk.

    :param backing: the file that it says it is built on
    :param incompatible: bits of features; 4 is an external data file
    :param size: bytes; more than 256 KiB is made up by nothing of use
    """
    cluster = 64 * KIB
    name = backing.encode()
    tables = -(-virtual_size // (cluster * cluster // 8)) or 1
    header = struct.pack(
        '>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 112 if name else 0, len(name),
        16, virtual_size, 0, tables, 3 * cluster, cluster, 1, 0, 0,
        incompatible, 0, 0, 4, 104) + struct.pack('>II', 0, 0) + name
    table = struct.pack('>Q', 2 * cluster)
    counts = struct.pack('>HHHH', 1, 1, 1, 1)
    whole = b''.join(each.ljust(cluster, b'\0') for each in (
        header, table, counts, b''))
    return whole.ljust(size, b'\0')


def iso() -> bytes:
    """Return the beginning of an ISO 9660, which is all that is looked at."""
    sector = 2048
    volume = b'\x01CD001\x01\0' + b'LINUX'.ljust(32) + b'VOLUME'.ljust(32)
    volume = volume.ljust(80, b'\0') + struct.pack('<I', 64) + struct.pack(
        '>I', 64)
    volume = volume.ljust(128, b'\0') + struct.pack('<HH', sector, 8)
    end = b'\xffCD001\x01'
    return (b'\0' * 16 * sector + volume.ljust(sector, b'\0')
            + end.ljust(sector, b'\0')).ljust(64 * sector, b'\0')


def movie(size: int = 300 * KIB) -> bytes:
    """Return an MP4 by its first box, and noise."""
    return struct.pack('>I4s4sI8s', 24, b'ftyp', b'isom', 512, b'isomiso2'
                       ) + noise(size)


def truncated_vmdk() -> bytes:
    """Return the first sector of a sparse VMDK, without its descriptor."""
    return struct.pack('<4sIIQQQQ', b'KDMV', 1, 3, 131072, 128, 1, 20
                       ).ljust(512, b'\0')
