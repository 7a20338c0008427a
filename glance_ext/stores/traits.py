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

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import itertools
import pathlib
from typing import Any

from glance_store import exceptions as store_exceptions
from glance_store import location as store_location

from glance_ext.stores import cloning
from glance_ext.stores import drivers
from glance_ext.stores import fencing
from glance_ext.stores import publishing
from glance_ext.transfer.ahead import UNIT

_Clean = Callable[[drivers.Driver, str, Any], Iterator[None]]
#: Takes the driver, the URL and the name of a copy, and the image's id.
Publish = Callable[[drivers.Driver, str, str, str], None]


def _files(driver: drivers.Driver, image_id: str) -> list[pathlib.Path]:
    """Return where the driver may keep an image: it has many directories."""
    several = getattr(driver, 'priority_data_map', {}).values()
    return [pathlib.Path(directory, image_id) for directory in (
        itertools.chain(*several) if several else [driver.datadir])]


def _file_leftovers(driver: drivers.Driver, image_id: str,
                    context: Any) -> Iterator[None]:
    """Delete a partial file: the driver does, unless that fails as well."""
    for file in _files(driver, image_id):
        yield
        file.unlink(missing_ok=True)


def _file_takes_chunks(driver: drivers.Driver) -> bool:
    """Tell whether it writes a chunk whatever is in it.

    With thin provisioning it leaves out those of zeros: the smaller they are
    the more.
    """
    return not getattr(driver, 'thin_provisioning', True)


def _file_occupied(driver: drivers.Driver, image_id: str,
                   context: Any) -> bool:
    return any(file.exists() for file in _files(driver, image_id))


def _rbd_leftovers(driver: drivers.Driver, image_id: str,
                   context: Any) -> Iterator[None]:
    """Delete a partial image: the driver does, unless that fails as well."""
    yield
    try:
        driver._delete_image(driver.pool, image_id, 'snap')
    except store_exceptions.NotFound:
        yield
        publishing.forget_rbd_name(driver, image_id)


def _rbd_occupied(driver: drivers.Driver, image_id: str,
                  context: Any) -> bool:
    where = store_location.Location(
        'rbd', driver.get_store_location_class(), driver.conf,
        uri=f'rbd://{image_id}')
    try:
        driver.get_size(where)
    except store_exceptions.NotFound:
        return False
    return True


def _swift_leftovers(driver: drivers.Driver, image_id: str,
                     context: Any) -> Iterator[None]:
    """Delete what a failed write left: segments, and a manifest of them.

    The driver forgets its segments when the source fails between two of
    them, or the server does.
    """
    where = driver.create_location(image_id, context=context)
    connection = driver.get_connection(where, context=context)
    with _nothing_there():
        found = connection.get_container(
            where.container, prefix=where.obj, full_listing=True)[1]
        for entry in found:
            if entry['name'] == where.obj or entry['name'].startswith(
                    where.obj + '-'):
                yield
                with _nothing_there():
                    connection.delete_object(where.container, entry['name'])


def _swift_occupied(driver: drivers.Driver, image_id: str,
                    context: Any) -> bool:
    """Tell whether a write would overwrite something, which it does."""
    where = driver.create_location(image_id, context=context)
    connection = driver.get_connection(where, context=context)
    with _nothing_there():
        found = connection.get_container(
            where.container, prefix=where.obj, limit=1)[1]
        return bool(found)
    return False


def _swift_size(driver: drivers.Driver, where: Any, context: Any) -> int:
    """Ask as the driver does, which takes every failure for a size of 0."""
    there = where.store_location
    connection = driver.get_connection(there, context=context)
    with _nothing_there(store_exceptions.NotFound):
        headers = connection.head_object(there.container, there.obj)
    return int(headers['content-length'])


@contextlib.contextmanager
def _nothing_there(then: type[Exception] | None = None) -> Iterator[None]:
    """Pass over Swift's 404, and over nothing else, or raise ``then``."""
    import swiftclient.exceptions  # there wherever the driver is
    try:
        yield
    except swiftclient.exceptions.ClientException as exc:
        if exc.http_status != 404:
            raise
        if then is not None:
            raise then from exc


def _s3_leftovers(driver: drivers.Driver, image_id: str,
                  context: Any) -> Iterator[None]:
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
                yield
                client.abort_multipart_upload(
                    Bucket=bucket, Key=image_id,
                    UploadId=upload['UploadId'])
    yield
    client.delete_object(Bucket=bucket, Key=image_id)


def _s3_occupied(driver: drivers.Driver, image_id: str,
                 context: Any) -> bool:
    return bool(driver._object_exists(driver._create_s3_client(),
                                      driver.bucket, image_id))


def _cinder_volumes(driver: drivers.Driver, image_id: str, context: Any
                    ) -> list[Any]:
    """Return the volumes that were made for an image and are not deleted.

    The driver makes another one for the same image without a word.
    """
    found = driver.get_cinderclient(context).volumes.list(
        search_opts={'name': f'image-{image_id}'})
    return [volume for volume in found if volume.status != 'deleting'
            and volume.metadata.get('glance_image_id') == image_id]


def _cinder_leftovers(driver: drivers.Driver, image_id: str,
                      context: Any) -> Iterator[None]:
    """Delete the volume of a write that failed, and detach it before.

    Cinder takes it for used by a process that died over it.
    """
    attachments = driver.get_cinderclient(context, '3.54').attachments
    for volume in _cinder_volumes(driver, image_id, context):
        for found in attachments.list(search_opts={'volume_id': volume.id}):
            yield
            attachments.delete(found.id)
        yield
        volume.delete()


def _cinder_occupied(driver: drivers.Driver, image_id: str,
                     context: Any) -> bool:
    return bool(_cinder_volumes(driver, image_id, context))


def _cinder_size(driver: drivers.Driver, where: Any, context: Any) -> int:
    """Ask as the driver does, which takes most failures for a size of 0."""
    import cinderclient.exceptions  # there wherever the driver is
    try:
        volume = driver.get_cinderclient(context).volumes.get(
            where.store_location.volume_id)
    except cinderclient.exceptions.NotFound as exc:
        raise store_exceptions.NotFound from exc
    return int(volume.metadata.get('image_size', volume.size << 30))


def _swift_size_to_tell(driver: drivers.Driver, size: int) -> int:
    """Return the size to tell the driver, so that it writes the data.

    A size that it would cut into segments with a remainder makes it wait for
    bytes that never come; without a size it writes every length.
    """
    if size >= driver.large_object_size and (
            size % driver.large_object_chunk_size):
        return 0
    return size


def _never(driver: drivers.Driver) -> bool:
    return False


def _as_it_is(driver: drivers.Driver, size: int) -> int:
    return size


def _unguarded(driver: drivers.Driver, may_delete: Callable[[], bool]
               ) -> drivers.Driver:
    return driver


def _unlike(*arguments: Any) -> None:
    return None


def _get_size(driver: drivers.Driver, where: Any, context: Any) -> int:
    return int(driver.get_size(where, context=context))


def _http_size(driver: drivers.Driver, where: Any, context: Any
               ) -> int | None:
    """Ask the server. One that sends no length is 0 bytes to the driver."""
    return driver.get_size(where, context=context) or None


@dataclass(frozen=True)
class Traits:
    """One driver's habits."""

    #: Reads to the end, and gives zeros, when its object is deleted
    #: meanwhile.
    zeros_when_deleted: bool = False
    #: Refuses to delete what is being read.
    reading_blocks_delete: bool = False
    #: Holds a whole image in memory where the size is not known before.
    buffers_unknown_size: bool = False
    #: The least and the most bytes to have the iterator read at once that
    #: ``get`` returns, if it has the attribute ``chunk_size``; None: leave it.
    read_sizes: tuple[int, int] | None = None
    #: Writes the chunks of a source that is no file as they come, so that
    #: they need not be cut and copied.
    takes_chunks: Callable[[drivers.Driver], bool] = _never
    #: The checksum that ``add`` returns is what the store itself says of the
    #: data, or nobody knows; otherwise it is that of the hasher given to it.
    tells_checksum: bool = True
    #: Can neither write nor delete.
    read_only: bool = False
    #: Tells whether something lies under an image's id already. Drivers ask
    #: that themselves, or not (Swift); but only who asked before knows that
    #: what lies there after a failure is its own.
    occupied: Callable[[drivers.Driver, str, Any], bool] | None = None
    #: Removes whatever an ``add`` that failed, or whose process died, leaves
    #: behind under the name it was given; yields before each single
    #: deletion, which may be the moment to stop. Not without ``occupied``: it
    #: would remove what somebody else wrote.
    leftovers: _Clean | None = None
    #: Asks how many bytes lie at a location, and raises what hinders that;
    #: None: the store does not know.
    size: Callable[[drivers.Driver, Any, Any], int | None] = _get_size
    #: Turns the size of the data into the one that ``add`` is told.
    size_to_tell: Callable[[drivers.Driver, int], int] = _as_it_is
    #: Renames a copy that is whole to the image's id and never overwrites;
    #: raises ``Duplicate`` instead. ``add`` is given a name of its own then,
    #: which is in the URL that it returns.
    publish: Publish | None = None
    #: Returns a driver to write with whose own cleaning asks first.
    guard: Callable[[drivers.Driver, Callable[[], bool]],
                    drivers.Driver] = _unguarded
    #: What ``add`` deletes when its source raises is nothing that another
    #: process may have written meanwhile: by the nature of its names, by
    #: ``publish`` or by ``guard``. A thread of the others is parked for good
    #: where its action is lost.
    fails_safely: bool = False
    #: Tries to write something like what lies elsewhere, instead of ``add``.
    add_like: Callable[..., tuple[Any, ...] | None] = _unlike

    def __post_init__(self) -> None:
        if self.leftovers is not None and self.occupied is None:
            raise ValueError('leftovers need occupied')


_TRAITS = {
    'file': Traits(read_sizes=(UNIT, 4 * UNIT), tells_checksum=False,
                   takes_chunks=_file_takes_chunks,
                   occupied=_file_occupied, leftovers=_file_leftovers,
                   publish=publishing.file, fails_safely=True,
                   add_like=cloning.add),
    'rbd': Traits(read_sizes=(1, 4 * UNIT), zeros_when_deleted=True,
                  tells_checksum=False,
                  publish=publishing.rbd, fails_safely=True,
                  occupied=_rbd_occupied, leftovers=_rbd_leftovers),
    'swift': Traits(occupied=_swift_occupied, leftovers=_swift_leftovers,
                    guard=fencing.guard_swift, fails_safely=True,
                    size=_swift_size, size_to_tell=_swift_size_to_tell),
    's3': Traits(buffers_unknown_size=True, tells_checksum=False,
                 # Aborts its own upload, by the upload's id.
                 fails_safely=True,
                 occupied=_s3_occupied, leftovers=_s3_leftovers),
    'http': Traits(read_only=True, size=_http_size),
    'cinder': Traits(reading_blocks_delete=True, tells_checksum=False,
                     # Deletes its own volume, by the volume's id.
                     fails_safely=True, occupied=_cinder_occupied,
                     leftovers=_cinder_leftovers, size=_cinder_size),
}


def of(driver: drivers.Driver) -> Traits:
    """Return the habits of a driver.

    A driver from elsewhere may bring its own: a :class:`Traits` in its
    attribute ``glance_ext_traits``.
    """
    if isinstance(own := getattr(driver, 'glance_ext_traits', None), Traits):
        return own
    for scheme in driver.get_schemes():
        if found := _TRAITS.get(scheme.partition('+')[0]):
            return found
    return Traits()


def of_store(store: str) -> Traits:
    """Return the habits of the driver of a store.

    :raises errors.StoreError: there is no such store
    """
    with drivers.translated(drivers.name(store)):
        return of(drivers.of_store(store))
