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
"""Giving a copy that is whole its final name, never in place of another one.

The final name is the image's id, for every driver: Nova, Cinder, Ironic and
operators' tools look for it.
"""

from collections.abc import Iterator
import contextlib
import errno
import os
from pathlib import Path
from typing import Any

from glance_store import exceptions as store_exceptions

from glance_ext.stores import drivers

#: What file systems say that know no hard links.
_NO_LINKS = errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK


def file(driver: drivers.Driver, url: str, name: str, image_id: str) -> None:
    """Link a file to its final name, in its directory.

    :param url: of the file, as the driver's ``add`` returned it
    :raises glance_store.exceptions.Duplicate: something has that name
    """
    made = Path(url.removeprefix('file://'))
    final = made.with_name(image_id)
    try:
        os.link(made, final)
    except FileExistsError:
        # An NFS server may have done it, and its answer got lost.
        if not final.samefile(made):
            raise store_exceptions.Duplicate(image=final) from None
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        if final.exists():
            raise store_exceptions.Duplicate(image=final) from None
        made.rename(final)
        return
    made.unlink()


def rbd(driver: drivers.Driver, url: str, name: str, image_id: str) -> None:
    """Rename an RBD image; its snapshot stays as it is.

    :raises glance_store.exceptions.Duplicate: another one has that name
    """
    import rbd as bindings  # there wherever the driver is
    with _pool(driver) as pool:
        try:
            bindings.RBD().rename(pool, name, image_id)
        except bindings.ImageExists as exc:
            raise store_exceptions.Duplicate(image=image_id) from exc


def forget_rbd_name(driver: drivers.Driver, image_id: str) -> None:
    """Remove a name that leads to no image, and would block it for ever.

    A process that dies while it renames may leave one.
    """
    import rbd as bindings
    # It says that there is no such image, and has removed the name.
    with _pool(driver) as pool, contextlib.suppress(bindings.ImageNotFound):
        bindings.RBD().remove(pool, image_id)


@contextlib.contextmanager
def _pool(driver: drivers.Driver) -> Iterator[Any]:
    with (driver.get_connection(conffile=driver.conf_file,
                                rados_id=driver.user) as connection,
          connection.open_ioctx(driver.pool) as pool):
        yield pool
