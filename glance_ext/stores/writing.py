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

from collections.abc import Callable, Iterable, Iterator, Sequence
import contextlib
import dataclasses
from dataclasses import dataclass
from dataclasses import field
import functools
from types import TracebackType
from typing import Any, Self

from oslo_log import log as logging

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import budgets
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from glance_ext.stores import fencing
from glance_ext.stores import sharing
from glance_ext.stores import traits
from glance_ext.stores.reading import Copy
from glance_ext.transfer import pump
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.feed import Feed
from glance_ext.transfer.progress import Progress

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A copy that is whole in its store. Its URL is never shown."""

    store: str
    size: int
    url: str = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)


#: What became of each store: a copy, or why there is none.
Outcome = dict[str, Written | errors.ActionError]


class Transaction:
    """The copies of one image that one action writes.

    A context manager: leaving it deletes what was not committed.

    :param context: the request context for stores that need the caller's
        own token
    :param owner: of the action; once that is somebody else, all is left to
        them, and nothing of it is written or deleted here any more
    """

    def __init__(self, image_id: str, context: Any, owner: fencing.Owner
                 ) -> None:
        self._image_id = image_id
        self._context = context
        self._owner = owner
        self._names: dict[str, str] = {}
        #: What each store begins to write: one of these names, or the id.
        self._objects: dict[str, str] = {}
        #: Every store that may hold something of ours; None while it is
        #: being written, or where that failed.
        self._noted: dict[str, Written | None] = {}
        self._patience = 0.0
        self._ended = False

    def draw_names(self, stores: Iterable[str]) -> dict[str, str]:
        """Draw the names under which :meth:`write` begins to write.

        Note them where another process finds them before that.

        :returns: ``{store: name}``
        """
        names = {store: fencing.draw_name(self._image_id)
                 for store in stores}
        self._names.update(names)
        return names

    def write(self, chunks: Iterable[bytes], stores: Sequence[str], *,
              size: int | None, algorithm: str, digests: Digests,
              progress: Progress, check: Callable[[], None],
              sleep: Callable[[float], None], stall_timeout: float,
              finished: Callable[
                  [str, Written | errors.ActionError, dict[str, str]], None
              ] = lambda store, outcome, found: None,
              witness: Callable[[Feed], Any] | None = None,
              like: Sequence[Location] = ()) -> tuple[Outcome, dict[str, str]]:
        """Write the chunks to every store at once; see that each has them.

        A store that fails, fails alone, and holds nothing afterwards, or
        stays in :attr:`left`.

        A store whose driver can rename writes under a name of its own: see
        :meth:`draw_names`. The copy gets the image's id when it is whole.

        :param chunks: the source; closed in the end, if it can be
        :param size: of the data in bytes, or None where it is not known
        :param algorithm: of the multihash, for the drivers' interface
        :param digests: takes the chunks; has ``algorithm``, and ``md5`` where
            :class:`traits.Traits` say so
        :param progress: has a branch for each store: the bytes it has taken
        :param sleep: waits for the budgets of the stores
        :param finished: called in this thread for each store as soon as
            there is an end to it, with what became of it and the digests;
            with none, where it failed before they were known. May call
            :meth:`commit` and :meth:`discard`
        :param witness: reads everything as well. What it raises fails the
            transfer, and no store that is written is told of before it has
            returned
        :param like: where the same data may lie already
        :returns: what became of each store, and the digests; those are of
            the data only if it was written anywhere
        :raises BaseException: what ``chunks``, ``check``, ``finished`` or
            ``witness`` raised; then no store holds anything that is not
            committed, or it is in :attr:`left`
        """
        shared = sharing.Digests()
        self._patience = stall_timeout
        sinks = [pump.Sink(store, functools.partial(
            self._write, store, size, algorithm, shared, like))
            for store in stores]
        self.draw_names(store for store in stores if store not in self._names)
        outcomes: Outcome = {}
        held: list[tuple[str, dict[str, str]]] = []
        watching = witness and pump.Sink('', witness)

        def tell(sink: pump.Sink, found: dict[str, str]) -> None:
            if sink is not watching:
                outcomes[sink.name] = _outcome(sink)
                held.append((sink.name, found))
                if watching and not any(
                        each.error is None for each in sinks
                        if each is not watching):
                    watching.fail(pump.Cancelled('no store is left'))
            elif sink.error and not isinstance(sink.error, pump.Cancelled):
                raise sink.error
            if watching and not (watching.ended or watching.error):
                return
            while held:
                store, digested = held.pop(0)
                finished(store, outcomes[store], digested)
        if watching:
            sinks.append(watching)
        found = pump.pump(
            budgets.spend(chunks, stores, sleep), sinks, digests=digests,
            progress=progress, check=check, stall_timeout=stall_timeout,
            digested=shared.set, finished=tell)
        return outcomes, found

    def commit(self, store: str) -> None:
        """Keep the copy in ``store``, whatever becomes of the others."""
        del self._noted[store]

    def discard(self, store: str) -> bool:
        """Delete what was written to ``store``. True if nothing is left.

        Gives up after the ``stall_timeout`` of :meth:`write`. A store whose
        driver has not returned yet is cleared by the thread that waits for
        it, for nobody else can know what the driver makes until then.
        """
        if store not in self._noted:
            return True
        try:
            clearing.in_turn(store, self._image_id, self._patience,
                     functools.partial(self._delete, store))
        except fencing.NotOwnerError as exc:
            LOG.info('What was written of image %s in %s is left alone: %s',
                     self._image_id, drivers.name(store), exc.message)
            return False
        except errors.StoreError as exc:
            message = exc.message
        else:
            return True
        # Not above: to an error, oslo.log adds what is being handled.
        LOG.error('What was written of image %s could not be deleted: %s',
                  self._image_id, message)
        return False

    def _delete(self, store: str) -> None:
        if store not in self._noted:
            return
        may_delete = self._owner.confirm
        if (written := self._noted[store]) is not None:
            fencing.require(may_delete)
            with contextlib.suppress(errors.DataMissing):
                drivers.delete(_location(written), self._context)
        clearing.remove_leftovers(store, self._objects[store], self._context,
                                  may_delete)
        del self._noted[store]

    @property
    def left(self) -> list[str]:
        """The stores that may hold what is neither committed nor deleted.

        For as long as a store does not answer: :meth:`discard` it later.
        """
        return list(self._noted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        with clearing.changed:
            self._ended = True
        for store in self.left:
            self.discard(store)

    def _write(self, store: str, size: int | None, algorithm: str,
               shared: sharing.Digests, like: Sequence[Location],
               feed: Feed) -> Written:
        """Write one copy, in the thread of its sink."""
        where = drivers.name(store)
        with drivers.translated(where):
            driver = drivers.of_store(store)
            habits = traits.of(driver)
            if habits.read_only:
                raise errors.StoreMisconfigured(
                    f'{where} cannot be written to')
            if habits.occupied and habits.occupied(
                    driver, self._image_id, self._context):
                raise errors.StoreOccupied(
                    f'{where} has data under this id already')
            name = self._objects[store] = (
                self._names[store] if habits.publish else self._image_id)
            source = fencing.Source(feed, self._owner, not habits.fails_safely)
            adding = habits.guard(driver, self._owner.confirm)
        with self._noting(store, feed):
            with drivers.translated(where), sharing.shared(
                    shared, feed.is_at_end):
                url, count, checksum, _multihash, metadata = habits.add_like(
                    driver, name, source, size or 0, like
                ) or adding.add(
                    name,
                    iter(source) if habits.takes_chunks(driver) else source,
                    habits.size_to_tell(driver, size or 0), algorithm,
                    context=self._context)
            written = Written(store, count, url, dict(metadata or {}))
            self._noted[store] = written
            _verify(written, size, feed, checksum, shared,
                    Copy(_location(written), self._context))
            if habits.publish:
                written = self._publish(habits.publish, driver, written)
        return written

    def _publish(self, publish: traits.Publish, driver: drivers.Driver,
                 written: Written) -> Written:
        """Give a whole copy the image's id, where nothing has it."""
        store, name = written.store, self._objects[written.store]
        if not self._owner.is_ours():
            raise fencing.NotOwnerError(
                f'The copy in {drivers.name(store)} came too late')
        published = dataclasses.replace(
            written, url=written.url.replace(name, self._image_id))
        self._noted[store] = published
        try:
            with drivers.translated(drivers.name(store)):
                publish(driver, written.url, name, self._image_id)
        except errors.StoreOccupied:
            self._noted[store] = None
            raise
        return published

    @contextlib.contextmanager
    def _noting(self, store: str, feed: Feed) -> Iterator[None]:
        """Note that ``store`` is written to; clear it if that fails."""
        with clearing.changed:
            self._require_wanted(store, feed)
            if (store, self._image_id) in clearing.busy:
                raise clearing.has_not_ended(store)
            self._noted[store] = None
            clearing.busy.add((store, self._image_id))
        try:
            yield
            with clearing.changed:
                self._require_wanted(store, feed)
        except errors.StoreOccupied:
            # What lies under the image's id is not ours.
            if self._objects[store] == self._image_id:
                del self._noted[store]
            else:
                with contextlib.suppress(errors.StoreError):
                    self._delete(store)
            raise
        except BaseException:
            # What stays is in ``left``, and tried again at the end.
            with contextlib.suppress(errors.StoreError):
                self._delete(store)
            raise
        finally:
            clearing.give_back(store, self._image_id)

    def _require_wanted(self, store: str, feed: Feed) -> None:
        if self._ended or feed.aborted:
            raise errors.StoreStalled(f'{drivers.name(store)} was given up')


def _location(written: Written) -> Location:
    return Location(0, written.store, written.url)


def _verify(written: Written, size: int | None, feed: Feed, checksum: str,
            shared: sharing.Digests, copy: Copy) -> None:
    """See that a store took every byte, and holds as many now."""
    # A driver that knows the size stops there, and would not see more.
    if feed.read(1) or written.size != feed.bytes_read:
        raise errors.ShortRead(
            f'{copy} took {written.size} bytes and was given more')
    if size is not None and written.size != size:
        raise errors.ShortRead(
            f'{copy} got {written.size} bytes instead of {size}')
    known = shared.get(sharing.CHECKSUM)
    if checksum and known and checksum != known:
        raise errors.HashMismatch(f'{copy} says that it got other data')
    stored = copy.size()
    if stored != written.size:
        raise errors.ShortRead(
            f'{copy} holds {stored} bytes of {written.size}')


def _outcome(sink: pump.Sink) -> Written | errors.ActionError:
    error = sink.error
    if error is None:
        done: Written = sink.result
        return done
    if isinstance(error, errors.ActionError):
        return error
    if isinstance(error, pump.Stalled):
        return errors.StoreStalled(f'{drivers.name(sink.name)}: {error}')
    LOG.error('Writing to %s failed unexpectedly', drivers.name(sink.name),
              exc_info=error)
    return errors.InternalError(
        f'{drivers.name(sink.name)}: unexpected {type(error).__name__}')
