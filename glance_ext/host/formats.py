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

"""What a file is, by the installed Glance's own idea of formats.

Each release knows more formats and dangers than the one before. 28.1 and 29
bring the code themselves; later ones have it from oslo.utils.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

from oslo_config import cfg

from glance_ext import errors

#: A disk with a partition table, or nothing that is known, is raw.
RAW = 'raw'
_DISK = 'gpt'
#: Their size is that of the data, of which inspectors see the beginning.
_SIZED_BY_DATA = {RAW, _DISK, 'luks'}


class Format(NamedTuple):
    """:ivar name: a ``disk_format``; ``raw`` where nothing was recognised
    :ivar is_known: whether something was
    :ivar virtual_size: bytes of the disk in it
    """

    name: str
    is_known: bool
    virtual_size: int


def detect(file: Path) -> Format:
    """Find out what a file is.

    :raises errors.InvalidImageData: it is several things at once, or broken
    """
    return _describe(file, _inspect(file))


def knows(name: str) -> bool:
    """Tell whether files of a ``disk_format`` are recognised at all."""
    return name in _inspectors().ALL_FORMATS


def require_safe(file: Path) -> None:
    """Refuse what could harm whoever opens it.

    :raises errors.InvalidImageData: what it has in it
    """
    inspector = _inspect(file)
    try:
        safe = inspector.safety_check()
    except Exception as exc:
        if not hasattr(exc, 'failures'):
            raise errors.InvalidImageData(
                f'The data looks like {inspector} but is broken, or not all '
                f'there') from exc
        found = set(exc.failures)
        if str(inspector) == _DISK:
            found -= set(getattr(cfg.CONF.image_format,
                                 'gpt_safety_checks_nonfatal', ()))
        safe = not found
        dangers = ', '.join(sorted(found))
    else:
        # 28 answers instead of raising, and does not say what it was.
        safe, dangers = safe is not False, 'a reference to other files'
    if not safe:
        raise errors.InvalidImageData(
            f'The data is not safe: its {inspector} has what is not allowed '
            f'({dangers.replace("_", " ")})')


def _describe(file: Path, inspector: Any) -> Format:
    name = str(inspector)
    known = name != RAW
    try:
        size = int(inspector.virtual_size)
    except Exception as exc:
        raise errors.InvalidImageData(
            f'The data looks like {name} but is broken, or not all there'
        ) from exc
    if name in _SIZED_BY_DATA:
        size += file.stat().st_size - inspector.actual_size
    return Format(RAW if name == _DISK else name, known, size)


def _inspect(file: Path) -> Any:
    module = _inspectors()
    try:
        found = module.detect_file_format(str(file))
    except module.ImageFormatError as exc:
        found = _bootable_iso(module, file)
        if found is None:
            raise errors.InvalidImageData(
                'The data is of several formats at once, or broken') from exc
    if found is None:
        raise errors.InvalidImageData('The data is of no known format')
    return found


def _bootable_iso(module: Any, file: Path) -> Any | None:
    """Return the inspector of an ISO that has a partition table as well."""
    try:
        with open(file, 'rb') as data:
            wrapper = module.InspectWrapper(data)
            while wrapper.read(1 << 16):
                pass
            wrapper.close()
            found = {str(each): each for each in wrapper.formats}
    except (AttributeError, module.ImageFormatError):
        return None
    return found['iso'] if found.keys() == {'iso', _DISK} else None


def _inspectors() -> Any:
    for name in ('glance.common.format_inspector',
                 'oslo_utils.imageutils.format_inspector'):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(module, 'detect_file_format'):
            return module
    raise errors.InvalidImageData(
        'This Glance cannot tell formats apart: 28.1 is the first that can')
