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
"""Writing a file as a clone of another one, where the disk can share blocks.

The clone is only a guess of what is to be written: each byte of it is
compared with what comes, and from the first difference on that is written.
"""

from collections.abc import Iterable, Sequence
import errno
import fcntl
from pathlib import Path
from typing import Any

from glance_store import exceptions as store_exceptions

from glance_ext.host.images import Location
from glance_ext.stores import drivers

#: ``FICLONE`` of ``linux/fs.h``.
_CLONE = 0x40049409
#: What the driver too takes for a full disk.
_FULL = errno.ENOSPC, errno.EFBIG


def add(driver: drivers.Driver, name: str, feed: Iterable[bytes], size: int,
        like: Sequence[Location]) -> tuple[Any, ...] | None:
    """Do what the ``add`` of the file driver does.

    :param name: of the file
    :param like: where the same data may lie already
    :returns: what the driver's ``add`` does, without digests; None where
        nothing was done, because no file there can be cloned
    :raises BaseException: the feed or the disk failed; something may be left
    """
    target = Path(driver._find_best_datadir(size), name)
    if not any(_clone(file, target) for file in _files(like)):
        return None
    try:
        count = _write_on(target, feed)
    except OSError as exc:
        if exc.errno in _FULL:
            raise store_exceptions.StorageFull from exc
        raise
    if mode := driver.store_conf.filesystem_store_file_perm:
        target.chmod(int(str(mode), 8))
    metadata = dict(driver._get_metadata(str(target)) or {})
    if driver.backend_group:
        metadata['store'] = driver.backend_group
    return f'file://{target}', count, '', '', metadata


def _files(like: Sequence[Location]) -> Iterable[str]:
    for location in like:
        if location.url.startswith('file://'):
            try:
                _driver, where = drivers.of_location(location)
            except store_exceptions.GlanceStoreException:
                # Its store was taken out of the configuration.
                continue
            yield where.store_location.path


def _clone(file: str, target: Path) -> bool:
    """Clone a file; leave nothing where that cannot be done."""
    try:
        with open(file, 'rb') as source, open(target, 'xb') as made:
            try:
                fcntl.ioctl(made, _CLONE, source.fileno())
            except OSError:
                target.unlink()
                return False
    except OSError:
        return False
    return True


def _write_on(target: Path, feed: Iterable[bytes]) -> int:
    """Give a file the bytes of a feed; return how many these are."""
    count, same = 0, True
    with open(target, 'r+b') as made:
        for chunk in feed:
            if same and made.read(len(chunk)) != chunk:
                same = False
                made.seek(count)
                made.truncate()
            if not same:
                made.write(chunk)
            count += len(chunk)
        made.truncate(count)
    return count
