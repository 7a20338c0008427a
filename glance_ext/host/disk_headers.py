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
"""The headers of a disk image, read without opening anything it names.

qemu-img opens some of what a header refers to even when it is only asked for
information, so that the headers are read here before it sees the file. What
is allowed is listed, by format; everything else is refused.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
import re
import struct
from typing import BinaryIO

from glance_ext import errors

_SECTOR = 512
_NOTHING = b'\0'
_LUKS = b'LUKS\xba\xbe'
#: qcow2: dirty, corrupt, compression type, extended L2 entries.
_QCOW2_FEATURES = 0b11011
#: qcow2: the end of the extensions, and the table of names of features.
_QCOW2_END, _QCOW2_NAMES = 0, 0x6803f857
_QCOW2_EXTENSIONS = {
    0x44415441: 'refers to a data file',
    0xe2792aca: 'refers to a backing file',
    0x23852875: 'has bitmaps',
    0x0537be77: 'is encrypted'}
_VHD_DYNAMIC = 3
_VDI_TYPES = 1, 2
#: VMDK: how much of a descriptor qemu reads at least, and at most.
_VMDK_LEAST_SECTORS, _VMDK_MOST_SECTORS = 20, 2048
_VMDK_TYPES = {'"monolithicsparse"', '"streamoptimized"'}
_VMDK_NO_PARENT = 'ffffffff'
_VMDK_ACCESS = 'rw', 'rdonly', 'noaccess'
_VMDK_EXTENT = re.compile(r'(rw|rdonly)\s+\d+\s+sparse\s+"[^"/\\:]*"')
_VMDK_FIELDS = {'version', 'encoding', 'cid', 'parentcid', 'createtype',
                'iscowid', 'isnativesnapshot'}


class _Refused(Exception):
    """Says what the image does, as the end of a sentence about it."""


def require_self_contained(file: Path, disk_format: str) -> None:
    """Refuse a disk image that is not whole by itself.

    :param disk_format: a key of ``CHECKS``, which the file is known to be of
    :raises errors.ConversionFailed: with what the image refers to
    """
    try:
        with open(file, 'rb') as data:
            CHECKS[disk_format](data)
    except _Refused as exc:
        raise refusal(disk_format, str(exc)) from exc
    except (struct.error, UnicodeDecodeError) as exc:
        raise refusal(disk_format, 'has a header that is cut off') from exc


def refusal(disk_format: str, why: str) -> errors.ConversionFailed:
    """Return the error for an image that does what ``why`` says."""
    return errors.ConversionFailed(
        f'The {disk_format} image {why}; only self-contained images can be '
        f'converted')


def _raw(data: BinaryIO) -> None:
    # Older releases of Glance take an encrypted volume for raw data.
    if data.read(len(_LUKS)) == _LUKS:
        raise _Refused('is encrypted')


def _qcow2(data: BinaryIO) -> None:
    header = data.read(104)
    _magic, version, backing, backing_size = struct.unpack_from(
        '>4sIQI', header)
    encryption, = struct.unpack_from('>I', header, 32)
    if version not in (2, 3):
        raise _Refused('is of an unknown version')
    if backing or backing_size:
        raise _Refused('refers to a backing file')
    if encryption:
        raise _Refused('is encrypted')
    length = 72
    if version == 3:
        features, = struct.unpack_from('>Q', header, 72)
        length, = struct.unpack_from('>I', header, 100)
        if features & 4:
            raise _Refused('refers to a data file')
        if features & ~_QCOW2_FEATURES:
            raise _Refused('has unknown features')
    for kind in _qcow2_extensions(data, length):
        if kind != _QCOW2_NAMES:
            raise _Refused(_QCOW2_EXTENSIONS.get(
                kind, 'has an unknown header extension'))


def _qcow2_extensions(data: BinaryIO, offset: int) -> Iterator[int]:
    while True:
        data.seek(offset)
        kind, size = struct.unpack('>II', data.read(8))
        if kind == _QCOW2_END:
            return
        yield kind
        offset += 8 + -(-size // 8) * 8


def _vmdk(data: BinaryIO) -> None:
    magic, version, _flags, capacity, _grain, start, size = (
        struct.unpack('<4sIIQQQQ', data.read(44)))
    if magic != b'KDMV':
        raise _Refused('is a descriptor of other files')
    if version not in (1, 2, 3):
        raise _Refused('is of an unknown version')
    # With no capacity, the descriptor is followed instead of this header.
    if not capacity:
        raise _Refused('is a descriptor of other files')
    if start != 1 or not 0 < size <= _VMDK_MOST_SECTORS:
        raise _Refused('has no descriptor where it should be')
    data.seek(_SECTOR)
    # As qemu reads it: as far as a null byte, whatever size the header says.
    text = data.read(max(size, _VMDK_LEAST_SECTORS) * _SECTOR)
    _vmdk_descriptor(text.partition(_NOTHING)[0].decode('ascii').lower())


def _vmdk_descriptor(text: str) -> None:
    # qemu finds these anywhere, in a comment too.
    if 'parentfilename' in text or text.count('parentcid') > 1:
        raise _Refused('refers to a parent')
    if text.count('createtype') != 1:
        raise _Refused('does not say its type once')
    extents = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = (part.strip() for part in line.partition('='))
        if line.startswith(('#', 'ddb.')):
            continue
        if _VMDK_EXTENT.fullmatch(line):
            extents += 1
        elif line.startswith(_VMDK_ACCESS):
            raise _Refused('refers to another file as its extent')
        elif not equals or name not in _VMDK_FIELDS:
            raise _Refused('has an unknown line in its descriptor')
        elif name == 'parentcid' and value != _VMDK_NO_PARENT:
            raise _Refused('refers to a parent')
        elif name == 'createtype' and value not in _VMDK_TYPES:
            raise _Refused('is of a type that may consist of several files')
    if extents != 1:
        raise _Refused('does not have exactly one extent')


def _vhd(data: BinaryIO) -> None:
    footer = data.read(_SECTOR)
    offset, = struct.unpack_from('>Q', footer, 16)
    kind, = struct.unpack_from('>I', footer, 60)
    if kind != _VHD_DYNAMIC:
        raise _Refused('refers to a parent, or is of an unknown type')
    if offset >= 1 << 63:
        raise _Refused('has a header that is cut off')
    data.seek(offset)
    header = data.read(1024)
    if header[:8] != b'cxsparse':
        raise _Refused('has a header that is cut off')
    # The parent's id; its name, and where it may be found.
    if header[40:56].strip(_NOTHING) or header[64:768].strip(_NOTHING):
        raise _Refused('refers to a parent')


def _vhdx(data: BinaryIO) -> None:
    """qemu-img opens no parent of a VHDX, and refuses one that has some."""


def _vdi(data: BinaryIO) -> None:
    header = data.read(_SECTOR)
    kind, = struct.unpack_from('<I', header, 76)
    if kind not in _VDI_TYPES or header[424:456].strip(_NOTHING):
        raise _Refused('refers to a parent, or is of an unknown type')


CHECKS: dict[str, Callable[[BinaryIO], None]] = {
    'qcow2': _qcow2, 'raw': _raw, 'vhd': _vhd, 'vhdx': _vhdx, 'vmdk': _vmdk,
    'vdi': _vdi}
