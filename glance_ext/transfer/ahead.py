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
"""Reading ahead in a thread, so that a source which hangs can be left."""

from collections.abc import Callable, Iterable, Iterator
import queue
import threading
import time

from glance_ext import errors

#: How many bytes travel at once: so many that a hand-over costs nothing, and
#: so few that some of them are no memory.
UNIT = 512 * 1024
#: How many units wait, at the most.
_WAITING = 2
#: The reader of the bytes looks up this often, in seconds, while it waits.
_LOOK_UP = 0.25

_Item = bytes | BaseException | None


def read_ahead(chunks: Iterable[bytes], stall_timeout: float,
               check: Callable[[], None], name: str = 'the source'
               ) -> Iterator[bytes]:
    """Yield the bytes, read by a thread that ends with this generator.

    Small chunks are put together, unless they come slowly. A thread that
    does not return from its driver is left to itself: it ends when the driver
    returns.

    :param stall_timeout: seconds without a chunk after which the source is
        given up
    :param check: called while waiting; what it raises ends the reading
    :param name: how messages call the source
    :raises errors.StoreStalled: no chunk came for ``stall_timeout``
    :raises BaseException: what ``chunks`` raised
    """
    items: queue.Queue[_Item] = queue.Queue(_WAITING)
    left = threading.Event()
    threading.Thread(target=_read, args=(iter(chunks), items, left),
                     name='glance-ext-reader', daemon=True).start()
    try:
        while (unit := _next(items, stall_timeout, check, name)) is not None:
            if isinstance(unit, BaseException):
                raise unit
            yield unit
    finally:
        left.set()


def _read(chunks: Iterator[bytes], items: queue.Queue[_Item],
          left: threading.Event) -> None:
    parts: list[bytes] = []
    size = 0
    begun = time.monotonic()
    try:
        for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            # A slow source gives signs of life before its unit is full.
            if size >= UNIT or time.monotonic() - begun > _LOOK_UP:
                if not _put(items, b''.join(parts), left):
                    return
                parts, size, begun = [], 0, time.monotonic()
    except BaseException as exc:
        _put(items, b''.join(parts), left)
        _put(items, exc, left)
    else:
        _put(items, b''.join(parts), left)
        _put(items, None, left)
    finally:
        getattr(chunks, 'close', lambda: None)()


def _put(items: queue.Queue[_Item], item: _Item,
         left: threading.Event) -> bool:
    """Hand an item over, if it is any; False if nobody wants it."""
    if item == b'':
        return True
    while not left.is_set():
        try:
            items.put(item, timeout=_LOOK_UP)
        except queue.Full:
            continue
        return True
    return False


def _next(items: queue.Queue[_Item], stall_timeout: float,
          check: Callable[[], None], name: str) -> _Item:
    until = time.monotonic() + stall_timeout
    while True:
        check()
        try:
            return items.get(timeout=_LOOK_UP)
        except queue.Empty:
            if time.monotonic() > until:
                raise errors.StoreStalled(
                    f'{name} gave no data for {stall_timeout:g} seconds'
                ) from None
