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
"""What ``qemu-img info`` says of a disk image, checked by what is allowed.

A later qemu may report references that this module does not know. A fact or
a value that is not listed here therefore refuses the image.
"""

from collections.abc import Collection, Iterator
import re
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.host import disk_headers

#: Any number, text, or boolean.
_ANY = None
_FLAGS = True, False
_NO_PARENT = 0xffffffff
_NODE: dict[str, Collection[Any] | None] = {
    'virtual-size': _ANY, 'actual-size': _ANY, 'cluster-size': _ANY,
    'dirty-flag': _FLAGS, 'compressed': _FLAGS, 'encrypted': (False,),
    'children': ([],), 'format-specific.data.extent-size-hint': _ANY}
_QCOW2: dict[str, Collection[Any] | None] = {
    'compat': _ANY, 'compression-type': _ANY, 'lazy-refcounts': _FLAGS,
    'refcount-bits': _ANY, 'corrupt': _FLAGS, 'extended-l2': _FLAGS,
    'data-file-raw': (False,), 'bitmaps': ([],)}
#: Snapshots inside of the image, which a conversion leaves out.
_SNAPSHOT = ('id', 'name', 'vm-state-size', 'date-sec', 'date-nsec',
             'vm-clock-sec', 'vm-clock-nsec', 'icount')
_WHOLE_VMDKS = 'monolithicSparse', 'streamOptimized'
_VMDK: dict[str, Collection[Any] | None] = {
    'cid': _ANY, 'parent-cid': (_NO_PARENT,),
    'extents.0.virtual-size': _ANY, 'extents.0.cluster-size': _ANY,
    'extents.0.compressed': _FLAGS, 'extents.0.format': ('',)}
#: What an unknown fact is about, by a part of its name.
_ABOUT = {
    'backing': 'refers to a backing file',
    'data-file': 'refers to a data file',
    'parent-cid': 'refers to a parent',
    'encrypt': 'is encrypted',
    'bitmaps': 'has bitmaps',
    'extents': 'has data in other files',
    'children': 'has data in other files',
    'create-type': 'is of a type that is not allowed'}


def require_self_contained(info: Any, disk_format: str, driver: str,
                           name: str) -> int:
    """Refuse an image of which anything but the known is reported.

    :param info: the JSON of ``qemu-img info``
    :param driver: what qemu calls ``disk_format``
    :param name: the file that qemu-img was given, the only one it may report
    :returns: the bytes of the disk in the image
    :raises errors.ConversionFailed:
    """
    allowed, needed = _allowed(driver, name)
    found = dict(_facts(info, ''))
    for fact, value in found.items():
        values = allowed.get(re.sub(r'^snapshots\.\d+', 'snapshots', fact),
                             ())
        if isinstance(value, dict) or (
                values is not _ANY and value not in values):
            raise _refusal(disk_format, fact)
    for fact in needed:
        if fact not in found:
            raise _refusal(disk_format, fact)
    return int(found['virtual-size'])


def _allowed(driver: str, name: str
             ) -> tuple[dict[str, Collection[Any] | None], list[str]]:
    """Return the facts that there may be, and those that have to be."""
    allowed = {**_NODE, 'filename': (name,), 'format': (driver,),
               'format-specific.type': (driver, 'file')}
    needed = ['virtual-size', 'filename', 'format']
    data = {'qcow2': _QCOW2, 'vmdk': _VMDK}.get(driver, {})
    allowed |= {f'format-specific.data.{fact}': values
                for fact, values in data.items()}
    if driver == 'vmdk':
        extent = 'format-specific.data.extents.0.filename'
        allowed[extent] = (name,)
        types = 'format-specific.data.create-type'
        allowed[types] = [name for name in _WHOLE_VMDKS if name in
                          cfg.CONF.image_format.vmdk_allowed_types]
        needed += extent, types, 'format-specific.data.parent-cid'
    if driver == 'qcow2':
        allowed |= {f'snapshots.{fact}': _ANY for fact in _SNAPSHOT}
    # qemu 8 and later show the file as a node below that of its format.
    below = {**_NODE, 'filename': (name,), 'format': ('file',),
             'format-specific.type': ('file',)}
    allowed |= {f'children.0.info.{fact}': values
                for fact, values in below.items()}
    return allowed | {'children.0.name': ('file',)}, needed


def _facts(info: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield ``(path, value)`` of every leaf, with dots between its names."""
    items = (info.items() if isinstance(info, dict)
             else enumerate(info) if isinstance(info, list) else ())
    below = False
    for name, value in items:
        below = True
        yield from _facts(value, f'{path}.{name}' if path else str(name))
    if not below:
        yield path, info


def _refusal(disk_format: str, fact: str) -> errors.ConversionFailed:
    for part, why in _ABOUT.items():
        if part in fact:
            return disk_headers.refusal(disk_format, why)
    return disk_headers.refusal(
        disk_format, 'has a property that is not known to be harmless')
