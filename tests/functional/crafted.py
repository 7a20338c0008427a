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
"""Disk images that refer to what they should not, made byte by byte.

A disk that qemu-img itself would make of a reference is no test of a check:
qemu refuses to write some of them. So each is a good image, or the header of
one, that was changed.
"""

from collections.abc import Iterator
import json
import struct
from typing import NamedTuple

from tests.functional import disks

_CLUSTER = 64 * disks.KIB
_SECTOR = 512
_DATA_FILE, _BACKING_FORMAT = 0x44415441, 0xe2792aca
_BITMAPS, _LUKS = 0x23852875, 0x0537be77
_BACKING = 'refers to a backing file'
_UNSAFE = 'is not safe'
_OTHER_FORMAT = 'which disk_format says'


class Crafted(NamedTuple):
    """A disk, and what a refusal says of it.

    :ivar message: a regular expression
    """

    name: str
    disk_format: str
    data: bytes
    message: str


class Bait(NamedTuple):
    """What the disks refer to.

    :ivar absolute: a file that the service may read
    :ivar relative: the same one, from where an image is converted
    :ivar port: of a server on 127.0.0.1
    """

    absolute: str
    relative: str
    port: int

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield ``(name, reference)`` in every way that qemu knows."""
        file = {'driver': 'file', 'filename': self.absolute}
        place = {'type': 'inet', 'host': '127.0.0.1', 'port': str(self.port)}
        yield 'absolute', self.absolute
        yield 'relative', self.relative
        yield 'relative in the same directory', 'data'
        yield 'file:', f'file:{self.absolute}'
        yield 'json: of a file', 'json:' + json.dumps(
            {'driver': 'raw', 'file': file})
        yield 'json: of a qcow2 on a file', 'json:' + json.dumps(
            {'driver': 'qcow2', 'file': file, 'backing': {
                'driver': 'raw', 'file': file}})
        yield 'json: of nbd', 'json:' + json.dumps(
            {'driver': 'nbd', 'server': place, 'export': 'x'})
        yield 'nbd:', f'nbd:127.0.0.1:{self.port}:exportname=x'
        yield 'nbd://', f'nbd://127.0.0.1:{self.port}/x'
        yield 'nbd+unix', f'nbd+unix:///x?socket={self.absolute}'
        yield 'http', f'http://127.0.0.1:{self.port}/x'
        yield 'a directory', f'fat:{self.absolute.rpartition("/")[0]}'


def all_of(bait: Bait) -> list[Crafted]:
    return [*_qcow2(bait), *_vmdk(bait), *_others(bait), *_several(bait)]


def qcow2(*extensions: tuple[int, bytes], version: int = 3,
          encryption: int = 0, incompatible: int = 0, backing: str = ''
          ) -> bytes:
    """Return a qcow2 with header extensions, and whatever else."""
    image = bytearray(disks.qcow2(disks.MIB, incompatible=incompatible))
    header = b''.join(
        struct.pack('>II', kind, len(data)) + data.ljust(
            -(-len(data) // 8) * 8, b'\0') for kind, data in extensions)
    header += bytes(8) + backing.encode()
    start = 104 if version == 3 else 72
    image[start:start + len(header)] = header
    if backing:
        struct.pack_into('>QI', image, 8,
                         start + len(header) - len(backing.encode()),
                         len(backing.encode()))
    struct.pack_into('>I', image, 4, version)
    struct.pack_into('>I', image, 32, encryption)
    return bytes(image)


def _qcow2(bait: Bait) -> Iterator[Crafted]:
    def disk(name: str, data: bytes, message: str) -> Crafted:
        return Crafted(f'qcow2, {name}', 'qcow2', data,
                       f'{_UNSAFE}|{message}')
    for name, reference in bait.references():
        yield disk(f'backing file, {name}', qcow2(backing=reference),
                   _BACKING)
        yield disk(f'data file, {name}', qcow2(
            (_DATA_FILE, reference.encode()), incompatible=4),
            'refers to a data file')
    absolute = bait.absolute
    yield disk('backing file of a format', qcow2(
        (_BACKING_FORMAT, b'raw'), backing=absolute), _BACKING)
    yield disk('backing format alone', qcow2((_BACKING_FORMAT, b'raw')),
               _BACKING)
    yield disk('backing file, version 2', qcow2(
        version=2, backing=absolute), _BACKING)
    yield disk('data file without its feature', qcow2(
        (_DATA_FILE, absolute.encode())), 'refers to a data file')
    yield disk('data file without its name', qcow2(incompatible=4),
               'refers to a data file')
    yield disk('AES', qcow2(encryption=1), 'is encrypted')
    yield disk('LUKS', qcow2((_LUKS, bytes(16)), encryption=2),
               'is encrypted')
    yield disk('LUKS without its method', qcow2((_LUKS, bytes(16))),
               'is encrypted')
    yield disk('bitmaps', qcow2((_BITMAPS, struct.pack(
        '>IIQQ', 1, 0, 32, _CLUSTER))), 'has bitmaps')
    yield disk('unknown extension', qcow2((0x12345678, b'x')),
               'has an unknown header extension')
    yield disk('unknown feature', qcow2(incompatible=1 << 5),
               'has unknown features')
    yield disk('endless extension', qcow2((_BITMAPS + 1, b'')).replace(
        struct.pack('>II', _BITMAPS + 1, 0),
        struct.pack('>II', 0x6803f857, 0xffffffff)), 'is cut off')
    for version in 1, 4:
        yield disk(f'version {version}', qcow2(version=version),
                   'is of an unknown version')


def descriptor(*extents: str, kind: str | None = 'monolithicSparse',
               parent: str = 'ffffffff', more: str = '') -> bytes:
    """Return the text of a VMDK."""
    lines = ['# Disk DescriptorFile', 'version=1', 'CID=12345678',
             f'parentCID={parent}']
    if kind:
        lines.append(f'createType="{kind}"')
    lines += [more, '# Extent description', *extents, '#DDB',
              'ddb.adapterType = "ide"', '']
    return '\n'.join(lines).encode()


def sparse(text: bytes, capacity: int = 2048, size: int = 20) -> bytes:
    """Return a VMDK with an embedded descriptor, and an empty disk."""
    table, directory = 21 + 4, 21
    header = struct.pack(
        '<4sIIQQQQIQQQ', b'KDMV', 1, 3, capacity, 128, 1, size, 512, 21,
        directory, 128) + b'\0\n \r\n' + bytes(2)
    image = bytearray(128 * _SECTOR)
    image[:len(header)] = header
    image[_SECTOR:_SECTOR + len(text)] = text
    struct.pack_into('<I', image, directory * _SECTOR, table)
    return bytes(image)


OWN = 'RW 2048 SPARSE "disk.vmdk"'


def _vmdk(bait: Bait) -> Iterator[Crafted]:
    def disk(name: str, data: bytes, message: str) -> Crafted:
        return Crafted(f'vmdk, {name}', 'vmdk', data,
                       f'{_UNSAFE}|{_OTHER_FORMAT}|is broken|{message}')
    files = 'descriptor of other files'
    for name, file in (('absolute', bait.absolute), (
            'relative', bait.relative), ('same directory', 'data')):
        for kind in 'FLAT', 'VMFS':
            flat = f'RW 8 {kind} "{file}" 0'
            yield disk(f'{kind} text, {name}', descriptor(
                flat, kind='monolithicFlat').ljust(1024, b'\n'), files)
            yield disk(f'{kind} without capacity, {name}', sparse(
                descriptor(flat), capacity=0), files)
            yield disk(f'{kind}, {name}', sparse(descriptor(flat)),
                       'another file as its extent')
            yield disk(f'{kind} beside itself, {name}', sparse(
                descriptor(OWN, flat)), 'another file as its extent')
        hint = f'parentFileNameHint="{file}"'
        for where, text in (
                ('', descriptor(OWN, parent='12345678', more=hint)),
                (' in a comment', descriptor(OWN, more=f'# {hint}')),
                (' without its id', descriptor(OWN, more=hint))):
            yield disk(f'parent{where}, {name}', sparse(text),
                       'refers to a parent')
        text = descriptor(OWN).ljust(_SECTOR, b'\n') + hint.encode()
        yield disk(f'parent beyond the descriptor, {name}', sparse(
            text, size=1), 'refers to a parent')
    yield disk('nbd:// as extent', sparse(descriptor(
        f'RW 8 FLAT "nbd://127.0.0.1:{bait.port}/x" 0'), capacity=0), files)
    yield disk('parent by id', sparse(descriptor(OWN, parent='12345678')),
               'refers to a parent')
    yield disk('two extents', sparse(descriptor(OWN, OWN)),
               'exactly one extent')
    yield disk('no extent', sparse(descriptor()), 'exactly one extent')
    for kind in ('monolithicFlat', 'twoGbMaxExtentSparse', 'vmfs', 'custom',
                 'fullDevice', 'seSparse'):
        yield disk(kind, sparse(descriptor(OWN, kind=kind)),
                   'may consist of several files')
    yield disk('no type', sparse(descriptor(OWN, kind=None)), 'type once')
    yield disk('two types', sparse(descriptor(
        OWN, more='createType="monolithicFlat"')), 'type once')
    yield disk('an unknown line', sparse(descriptor(
        OWN, more='changeTrackPath="x"')), 'unknown line')
    yield disk('an extent that is no text', sparse(descriptor(
        'RW 8 SPARSE "\xe4"')), 'cut off')
    yield disk('COWD', b'COWD' + bytes(4096), files)


def vhd(kind: int = 3, parent: bytes = b'', name: bytes = b'',
        locator: bytes = b'') -> bytes:
    """Return a dynamic VHD with an empty disk of 1 MiB."""
    footer = bytearray(struct.pack(
        '>8sIIQI4sI4sQQHBBII16s', b'conectix', 2, 0x10000, _SECTOR, 0,
        b'qem2', 0x50003, b'Wi2k', disks.MIB, disks.MIB, 30, 4, 17, kind, 0,
        bytes(range(16))).ljust(_SECTOR, b'\0'))
    header = bytearray(struct.pack(
        '>8sQQIII4x16sI4x', b'cxsparse', (1 << 64) - 1, 3 * _SECTOR, 0x10000,
        1, 2 * disks.MIB, parent, 0) + name.ljust(512, b'\0')
        + locator.ljust(192, b'\0')).ljust(1024, b'\0')
    for part, where in ((footer, 64), (header, 36)):
        struct.pack_into('>I', part, where, ~sum(part) & 0xffffffff)
    return bytes(footer + header) + b'\xff' * _SECTOR + bytes(footer)


def vdi(kind: int = 1, link: bytes = b'', parent: bytes = b'') -> bytes:
    """Return a VDI with an empty disk of 1 MiB."""
    return (b'<<< QEMU VM Virtual Disk Image >>>\n'.ljust(64, b'\0')
            + struct.pack('<IIIII256sIIIIIIIQIIII16s16s16s16s', 0xbeda107f,
                          0x10001, 400, kind, 0, b'', _SECTOR, 2 * _SECTOR,
                          0, 0, 0, _SECTOR, 0, disks.MIB, disks.MIB, 0, 1, 0,
                          bytes(range(1, 17)), bytes(range(1, 17)), link,
                          parent)).ljust(_SECTOR, b'\0') + b'\xff' * _SECTOR


def qed(backing: str) -> bytes:
    name = backing.encode()
    return (struct.pack('<4sIIIQQQQQII', b'QED\0', _CLUSTER, 4, 1, 1, 0, 0,
                        _CLUSTER, disks.MIB, 72, len(name)) + name
            ).ljust(4 * _CLUSTER, b'\0')


def _others(bait: Bait) -> Iterator[Crafted]:
    parent = 'refers to a parent'
    name = bait.absolute.encode('utf-16-be')[:512]
    locator = struct.pack('>4sII4xQ', b'W2ku', _SECTOR, len(name), 2048)
    yield Crafted('vhd, differencing', 'vhd', vhd(
        4, b'p' * 16, name, locator), parent)
    yield Crafted('vhd, differencing without a name', 'vhd', vhd(4), parent)
    for what, disk in (('id', vhd(parent=b'p' * 16)),
                       ('name', vhd(name=name)),
                       ('locator', vhd(locator=locator))):
        yield Crafted(f'vhd, dynamic with the {what} of a parent', 'vhd',
                      disk, parent)
    yield Crafted('vhd, fixed', 'vhd', vhd(2), parent)
    for kind in 3, 4, 99:
        yield Crafted(f'vdi of type {kind}', 'vdi', vdi(kind), parent)
    yield Crafted('vdi with a link', 'vdi', vdi(link=b'l' * 16), parent)
    yield Crafted('vdi with a parent', 'vdi', vdi(parent=b'p' * 16), parent)
    for declared in 'qcow2', 'raw':
        yield Crafted(f'qed called {declared}', declared, qed(bait.absolute),
                      f'{_OTHER_FORMAT}|{_UNSAFE}')


def _several(bait: Bait) -> Iterator[Crafted]:
    """Yield what is not, or not only, what it is said to be."""
    backed = qcow2(backing=bait.absolute)
    own = sparse(descriptor(OWN))
    for name, declared, data in (
            ('a qcow2', 'raw', backed), ('a vmdk', 'raw', own),
            ('a qcow2', 'vmdk', backed), ('a vmdk', 'qcow2', own),
            ('a LUKS volume', 'raw', b'LUKS\xba\xbe\0\1'.ljust(4096, b'\0')),
            ('an ISO', 'raw', disks.iso()), ('noise', 'vhdx',
                                             disks.noise(4096))):
        yield Crafted(f'{name} called {declared}', declared, data,
                      f'{_OTHER_FORMAT}|several formats|is encrypted')
    both = bytearray(disks.iso())
    both[:len(backed[:32 * disks.KIB])] = backed[:32 * disks.KIB]
    for declared in 'raw', 'qcow2':
        yield Crafted(f'a qcow2 and an ISO called {declared}', declared,
                      bytes(both), f'several formats|{_UNSAFE}')
