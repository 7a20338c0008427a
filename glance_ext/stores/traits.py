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
"""What each driver of glance_store does that its interface does not say.

Seen with glance_store 5.7 on real backends. A driver that is not named here
is taken for one that keeps to the interface.
"""

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import itertools
import pathlib
from typing import Any

from glance_store import exceptions as store_exceptions

from glance_ext.stores import drivers

_Clean = Callable[[drivers.Driver, str, Any], None]


def _nothing(driver: drivers.Driver, image_id: str, context: Any) -> None:
    """Nothing is known of what the driver may leave behind."""


def _file_leftovers(driver: drivers.Driver, image_id: str,
                    context: Any) -> None:
    """Delete a partial file: the driver does, unless that fails as well."""
    several = getattr(driver, 'priority_data_map', {}).values()
    for directory in itertools.chain(*several) if several else (
            [driver.datadir]):
        pathlib.Path(directory, image_id).unlink(missing_ok=True)


def _rbd_leftovers(driver: drivers.Driver, image_id: str,
                   context: Any) -> None:
    """Delete a partial image: the driver does, unless that fails as well."""
    with contextlib.suppress(store_exceptions.NotFound):
        driver._delete_image(driver.pool, image_id, 'snap')


def _swift_leftovers(driver: drivers.Driver, image_id: str,
                     context: Any) -> None:
    """Delete what a failed write left: segments, and a manifest of them.

    The driver forgets its segments when the source fails between two of
    them, or the server does.
    """
    where = driver.create_location(image_id, context=context)
    connection = driver.get_connection(where, context=context)
    with contextlib.suppress(_client_errors()):
        found = connection.get_container(
            where.container, prefix=where.obj, full_listing=True)[1]
        for entry in found:
            if entry['name'] == where.obj or entry['name'].startswith(
                    where.obj + '-'):
                connection.delete_object(where.container, entry['name'])


def _swift_occupied(driver: drivers.Driver, image_id: str,
                    context: Any) -> bool:
    """Tell whether a write would overwrite something, which it does."""
    where = driver.create_location(image_id, context=context)
    connection = driver.get_connection(where, context=context)
    with contextlib.suppress(_client_errors()):
        found = connection.get_container(
            where.container, prefix=where.obj, limit=1)[1]
        return bool(found)
    return False


def _client_errors() -> type[Exception]:
    """Return what a container that does not exist raises."""
    import swiftclient.exceptions  # there wherever the driver is
    found: type[Exception] = swiftclient.exceptions.ClientException
    return found


def _s3_leftovers(driver: drivers.Driver, image_id: str,
                  context: Any) -> None:
    """Abort the multipart uploads that a failed write left open.

    The driver does not, when the source fails or a part's thread does. An
    answer that got lost may also have left a whole object.
    """
    client, bucket = driver._create_s3_client(), driver.bucket
    pages = client.get_paginator('list_multipart_uploads').paginate(
        Bucket=bucket, Prefix=image_id)
    for page in pages:
        for upload in page.get('Uploads', ()):
            if upload['Key'] == image_id:
                client.abort_multipart_upload(
                    Bucket=bucket, Key=image_id,
                    UploadId=upload['UploadId'])
    client.delete_object(Bucket=bucket, Key=image_id)


def _swift_size(driver: drivers.Driver, size: int) -> int:
    """Return the size to tell the driver, so that it writes the data.

    A size that it would cut into segments with a remainder makes it wait for
    bytes that never come; without a size it writes every length.
    """
    if size >= driver.large_object_size and (
            size % driver.large_object_chunk_size):
        return 0
    return size


def _as_it_is(driver: drivers.Driver, size: int) -> int:
    return size


@dataclass(frozen=True)
class Traits:
    """One driver's habits."""

    #: Reads to the end, and gives zeros, when its object is deleted
    #: meanwhile.
    zeros_when_deleted: bool = False
    #: Refuses to delete what is being read.
    reading_blocks_delete: bool = False
    #: ``get_size`` says 0 where it could not find out.
    size_hides_errors: bool = False
    #: Holds a whole image in memory where the size is not known before.
    buffers_unknown_size: bool = False
    #: Can neither write nor delete.
    read_only: bool = False
    #: Tells whether ``add`` would destroy something; None: ``add`` refuses.
    occupied: Callable[[drivers.Driver, str, Any], bool] | None = None
    #: Removes what a failed ``add`` leaves behind.
    leftovers: _Clean = _nothing
    #: Turns the size of the data into the one that ``add`` is told.
    size_to_tell: Callable[[drivers.Driver, int], int] = _as_it_is


_TRAITS = {
    'file': Traits(leftovers=_file_leftovers),
    'rbd': Traits(zeros_when_deleted=True, leftovers=_rbd_leftovers),
    'swift': Traits(size_hides_errors=True, occupied=_swift_occupied,
                    leftovers=_swift_leftovers, size_to_tell=_swift_size),
    's3': Traits(buffers_unknown_size=True, leftovers=_s3_leftovers),
    'http': Traits(read_only=True),
    'cinder': Traits(reading_blocks_delete=True, size_hides_errors=True),
}


def of(driver: drivers.Driver) -> Traits:
    """Return the habits of a driver."""
    for scheme in driver.get_schemes():
        if found := _TRAITS.get(scheme.partition('+')[0]):
            return found
    return Traits()
