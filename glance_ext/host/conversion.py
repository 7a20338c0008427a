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
"""Turning an image from one format into another, with qemu-img.

Nobody trusts the data, and qemu-img follows what a disk image refers to:
other files, and other hosts. So an image is converted only after it was found
to be of its format, safe by Glance's own idea of that, and self-contained by
its headers and by what qemu-img reports of it, whoever asks and whatever the
options say.
"""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any

from glance.async_.flows.plugins import image_conversion

from glance_ext import errors
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import disk_headers
from glance_ext.host import disk_report
from glance_ext.host import formats
from glance_ext.host import qemu_img
from glance_ext.host import quotas

#: What can be read and written.
FORMATS = ('qcow2', 'raw', 'vhd', 'vhdx', 'vmdk', 'vdi')
#: Which formats qemu-img calls otherwise.
_NAMES = {'vhd': 'vpc'}
_KIB, _MIB = 1 << 10, 1 << 20
#: Bytes of the pieces in which a format has room for data, where qemu-img
#: does not tell how large a file becomes. That of a VHDX is our choice.
_PIECES = {'vmdk': 64 * _KIB, 'vdi': _MIB, 'vhd': 2 * _MIB,
           'vhdx': 2 * _MIB}
#: Such files have tables of at most a part of 2048, and headers.
_TABLES, _HEADERS = 2048, 16 * _MIB
_OPTIONS = {'vhdx': ['-o', f'block_size={_PIECES["vhdx"]}']}
#: The only files in the directory in which qemu-img works.
_SOURCE, _RESULT = 'disk', 'result'
_MOST_INFORMATION = _MIB


def wanted_format() -> str:
    """Return the format of this deployment, as Glance's plugin has it."""
    name: str = image_conversion.CONF.image_conversion.output_format
    return name


def convert(source: Path, source_format: str, target: Path,
            target_format: str, most: int, context: contexts.Context,
            sleep: Callable[[float], None]) -> int:
    """Make ``target`` of ``source``.

    :param most: bytes that the result may have
    :param context: of whoever's limit for staging is asked
    :param sleep: called while it runs; what it raises ends it
    :returns: the bytes of the disk in the result
    :raises errors.ImageTooLarge: before anything is written
    :raises errors.InvalidImageData: the source is of another format, or not
        safe
    :raises errors.ConversionFailed: it refers to other files, cannot be
        converted, or not within bounds
    """
    with opened(source, source_format, context, sleep) as disk:
        return disk.write(target, target_format, most,
                          disk.size_as(target_format))


@contextlib.contextmanager
def opened(source: Path, disk_format: str, context: contexts.Context,
           sleep: Callable[[float], None]) -> Iterator['Disk']:
    """Check an image, and give it a directory of its own meanwhile.

    :raises errors.InvalidImageData: see :func:`convert`
    :raises errors.ConversionFailed: see :func:`convert`
    """
    if disk_format not in FORMATS:
        raise errors.ConversionFailed(
            f'An image of format {disk_format} cannot be converted')
    require_format(source, disk_format)
    formats.require_safe(source)
    disk_headers.require_self_contained(source, disk_format)
    try:
        qemu_img.isolation()
        owner = qemu_img.owner()
    except qemu_img.Unusable as exc:
        raise _unusable(exc) from exc
    before = source.stat()
    directory = Path(tempfile.mkdtemp(prefix='convert-', dir=source.parent))
    try:
        _link(source, directory / _SOURCE)
        if owner:
            os.chown(directory, *owner)
            os.chown(directory / _SOURCE, *owner)
        yield Disk(directory, disk_format, context, sleep)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if owner:
            os.chown(source, before.st_uid, before.st_gid)


def require_format(file: Path, wanted: str) -> formats.Format:
    """:raises errors.InvalidImageData: a file is of another format"""
    found = formats.detect(file)
    if found.name != wanted and (found.is_known or formats.knows(wanted)):
        raise errors.InvalidImageData(
            f'The data is not {wanted}, which disk_format says: it '
            f'{"is " + found.name if found.is_known else "is no disk"}')
    return found


class Disk:
    """An image that was found to be self-contained.

    :ivar virtual_size: bytes of the disk in it
    """

    def __init__(self, directory: Path, disk_format: str,
                 context: contexts.Context,
                 sleep: Callable[[float], None]) -> None:
        """Have qemu-img report on the image.

        :param directory: that has the image and nothing else
        :raises errors.ConversionFailed:
        """
        self._directory = directory
        self._format = disk_format
        self._context = context
        self._sleep = sleep
        # With the driver of a file, and no backing file whatever it says.
        self._source = 'json:' + json.dumps({
            'driver': _driver(disk_format), 'backing': None,
            'file': {'driver': 'file', 'filename': _SOURCE}})
        info = self._ask(['info'], f'The {disk_format} image could not be '
                                   f'read')
        self.virtual_size = disk_report.require_self_contained(
            info, disk_format, _driver(disk_format), _SOURCE)

    def size_as(self, wanted: str) -> int:
        """Return how many bytes a file of another format has at most.

        :raises errors.ConversionFailed:
        """
        piece = _PIECES.get(wanted)
        measured = ['-O', 'qcow2', '-o', f'cluster_size={piece}'] if (
            piece) else ['-O', _driver(wanted)]
        required = int(self._ask(['measure', *measured],
                                 self._sentence(wanted))['required'])
        return required + required // _TABLES + _HEADERS if (
            piece) else required

    def write(self, target: Path, wanted: str, most: int, size: int) -> int:
        """Write the disk to a file of another format.

        :param most: bytes that the result may have
        :param size: what :meth:`size_as` has returned
        :returns: the bytes of the disk in the result
        :raises errors.ActionError: see :func:`convert`
        """
        if size > most:
            raise errors.ImageTooLarge(
                f'The result of the conversion from {self._format} to '
                f'{wanted} may have {size} bytes; '
                f'{claims.limit_of(most)} allows {most}')
        staged = (self._directory / _SOURCE).stat().st_size + size
        if why := quotas.refuse_staging(self._context, staged, 0):
            raise errors.ImageTooLarge(why)
        self._run(['convert', '-O', _driver(wanted),
                   *_OPTIONS.get(wanted, ()), self._source, _RESULT], size,
                  self._sentence(wanted))
        result = self._directory / _RESULT
        os.chown(result, os.geteuid(), os.getegid())
        result.chmod(0o600)
        found = formats.detect(result)
        if found.name != wanted:
            raise errors.ConversionFailed(
                f'The conversion from {self._format} to {wanted} made '
                f'{found.name} of the data')
        formats.require_safe(result)
        result.replace(target)
        return found.virtual_size

    def _sentence(self, wanted: str) -> str:
        return (f'The data could not be converted from {self._format} to '
                f'{wanted}')

    def _ask(self, command: list[str], failure: str) -> Any:
        answer = self._run([*command, '--output=json', self._source],
                           _MOST_INFORMATION, failure)
        try:
            return json.loads(answer)
        except ValueError as exc:
            raise errors.ConversionFailed(
                f'{failure}: the data may be damaged') from exc

    def _run(self, arguments: list[str], most: int, failure: str) -> bytes:
        try:
            return qemu_img.run(self._directory, arguments, most, self._sleep)
        except qemu_img.Unusable as exc:
            raise _unusable(exc) from exc
        except qemu_img.Failed as exc:
            why = ('it needed more than the memory, the time or the room '
                   'that it gets' if exc.is_limit
                   else 'the data may be damaged')
            raise errors.ConversionFailed(f'{failure}: {why}') from exc


def _link(source: Path, name: Path) -> None:
    """Give a file a second name, or copy it where no file has two."""
    try:
        os.link(source, name)
    except OSError:
        shutil.copyfile(source, name)


def _unusable(exc: qemu_img.Unusable) -> errors.ConversionFailed:
    return errors.ConversionFailed(
        f'Conversions are not possible on this host: {exc}')


def _driver(disk_format: str) -> str:
    return _NAMES.get(disk_format, disk_format)
