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
"""Writing copies of an image, all of them or none.

A transaction notes every target before a byte goes there. What is committed
stays; everything else that it wrote is deleted when it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from types import TracebackType
from typing import Any, Self

from oslo_log import log as logging

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import drivers
from glance_ext.stores import reading
from glance_ext.stores import sharing
from glance_ext.stores import traits
from glance_ext.transfer.feed import Feed

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A copy that is whole in its store. Its URL is never shown."""

    store: str
    size: int
    url: str = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)


class Transaction:
    """The copies of one image that one action writes.

    Use it as a context manager. :meth:`write` is for the sinks of a
    transfer, each in its thread.
    """

    def __init__(self, image_id: str, context: Any) -> None:
        self._image_id = image_id
        self._context = context
        self._digests = sharing.Digests()
        self._begun: dict[str, Written | None] = {}

    def digests(self, found: dict[str, str] | None) -> None:
        """Tell the drivers what the pass has found; None: it failed."""
        self._digests.set(found)

    def writer(self, store: str, size: int | None,
               algorithm: str) -> Callable[[Feed], Written]:
        """Return a sink's ``write`` for one store.

        :param size: of the data, in bytes; None where it is not known
        :param algorithm: of the multihash, for the driver's interface
        """
        def write(feed: Feed) -> Written:
            return self.write(store, feed, size, algorithm)
        return write

    def write(self, store: str, feed: Feed, size: int | None,
              algorithm: str) -> Written:
        """Write one copy and see that the store has it, whole.

        :raises errors.StoreOccupied: something lies there already; it is
            left as it is
        :raises errors.StoreFull, errors.StoreError: nothing is left there
        """
        where = drivers.name(store)
        with drivers.translated(where):
            driver = drivers.of_store(store)
            habits = traits.of(driver)
            if habits.occupied and habits.occupied(
                    driver, self._image_id, self._context):
                raise errors.StoreOccupied(
                    f'{where} has data under this id already')
        self._begun[store] = None
        try:
            with (drivers.translated(where),
                  sharing.shared(self._digests)):
                told = habits.size_to_tell(driver, size or 0)
                url, count, checksum, _multihash, metadata = driver.add(
                    self._image_id, feed, told, algorithm,
                    context=self._context)
            written = Written(store, count, url, dict(metadata or {}))
            self._begun[store] = written
            self._verify(written, feed, checksum)
        except errors.StoreOccupied:
            del self._begun[store]
            raise
        except BaseException:
            self.discard(store)
            raise
        return written

    def commit(self, store: str) -> None:
        """Keep the copy in ``store``, whatever happens to the others."""
        del self._begun[store]

    def discard(self, store: str) -> bool:
        """Delete what was written to ``store``. True if nothing is left."""
        written = self._begun.get(store)
        where = drivers.name(store)
        try:
            with drivers.translated(where):
                driver = drivers.of_store(store)
                if written is not None:
                    try:
                        drivers.delete(self._location(written),
                                       self._context)
                    except errors.DataMissing:
                        pass
                traits.of(driver).leftovers(driver, self._image_id,
                                            self._context)
        except errors.StoreError as exc:
            LOG.error('What was written of image %s could not be deleted: '
                      '%s', self._image_id, exc.message)
            return False
        self._begun.pop(store, None)
        return True

    @property
    def left(self) -> list[str]:
        """The stores that hold what is neither committed nor deleted."""
        return list(self._begun)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._digests.set(None)
        for store in self.left:
            self.discard(store)

    def _location(self, written: Written) -> Location:
        return Location(0, written.store, written.url)

    def _verify(self, written: Written, feed: Feed, checksum: str) -> None:
        where = drivers.name(written.store)
        if written.size != feed.bytes_read:
            raise errors.ShortRead(
                f'{where} took {written.size} bytes of {feed.bytes_read}')
        if checksum and checksum != self._digests.get(sharing.CHECKSUM):
            raise errors.HashMismatch(
                f'{where} says that it has got other data')
        stored = reading.Copy(self._location(written), self._context).size()
        if stored != written.size:
            raise errors.ShortRead(
                f'{where} holds {stored} bytes of {written.size}')
