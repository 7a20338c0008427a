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
"""Reading one copy of an image from the store that holds it."""

from collections.abc import Iterator
import contextlib
from typing import Any

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import drivers
from glance_ext.stores import traits


class Copy:
    """One copy of an image: a source for :mod:`glance_ext.transfer`.

    :param context: the request context for stores that need the caller's
        own token (Cinder, Swift with a tenant's own account)
    """

    def __init__(self, location: Location, context: Any) -> None:
        self.location = location
        self._context = context
        self._where = drivers.name(location.store)

    def __str__(self) -> str:
        return self._where

    @property
    def store(self) -> str:
        """The id of the copy's store."""
        return self.location.store

    @property
    def seeks(self) -> bool:
        """Whether :meth:`chunks` begins at an offset without reading on."""
        return drivers.seeks(self.location)

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the copy's bytes from ``offset`` on; no chunk is empty.

        :param offset: other than 0 only where it :attr:`seeks`
        :raises errors.DataMissing: the store has nothing there
        :raises errors.StoreError: whatever else any driver raised, at any
            byte
        """
        with drivers.translated(self._where):
            driver, where = drivers.of_location(self.location)
            data, _size = driver.get(where, offset=offset,
                                     context=self._context)
            sizes = traits.of(driver).read_sizes
            if sizes and hasattr(data, 'chunk_size'):
                least, most = sizes
                data.chunk_size = max(least, min(most, data.chunk_size))
            try:
                for chunk in data:
                    if chunk:
                        yield chunk
            finally:
                with contextlib.suppress(Exception):
                    getattr(data, 'close', lambda: None)()

    def is_missing(self, patience: float | None = None) -> bool:
        """Tell whether the store says that it has nothing there.

        :param patience: as with :meth:`size`
        """
        try:
            self.size(patience)
        except errors.DataMissing:
            return True
        except errors.StoreError:
            return False
        return False

    def size(self, patience: float | None = None) -> int | None:
        """Ask the store how many bytes lie there now.

        :param patience: seconds to wait for the answer; None is for ever
        :returns: bytes, or None where the store does not know (an HTTP
            server that sends no length)
        :raises errors.DataMissing: the store has nothing there
        :raises errors.StoreStalled: it said nothing for ``patience`` seconds
        :raises errors.StoreError: whatever else any driver raised
        """
        if patience is None:
            return self._size()
        return drivers.in_time(self._size, patience, self._where)

    def _size(self) -> int | None:
        with drivers.translated(self._where):
            driver, where = drivers.of_location(self.location)
            return traits.of(driver).size(driver, where, self._context)
