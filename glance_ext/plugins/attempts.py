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
"""The attempts of an import to give each of its stores a copy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import contextlib
from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import import_plugins
from glance_ext.host import inspection
from glance_ext.host import release
from glance_ext.host import tasks
from glance_ext.plugins import aftercare
from glance_ext.plugins import staged
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from glance_ext.stores import traits
from glance_ext.stores import writing
from glance_ext.stores.digesting import Believe
from glance_ext.stores.digesting import Pass
from glance_ext.stores.digesting import Readable
from glance_ext.stores.reading import Copy
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.feed import Feed

if TYPE_CHECKING:
    from glance_ext.plugins import importing

#: The algorithm of an image's column ``checksum``.
CHECKSUM = 'md5'


class Attempts:
    """The attempts of one action: which stores have a copy by now."""

    def __init__(self, method: 'importing.Import', run: Run,
                 transaction: writing.Transaction) -> None:
        self._method = method
        self._run = run
        self._transaction = transaction
        self._given_up = False
        #: Why each store failed that did so in this attempt.
        self._failed: dict[str, errors.ActionError] = {}
        #: Why each store failed first, whatever clearing it met afterwards.
        self._causes: dict[str, errors.ActionError] = {}
        self._staged: Sequence[Readable] = ()
        #: The digests of what is staged, where they are known.
        self._expected: dict[str, str] = {}
        #: What was written by this process, recorded or not.
        self.written: dict[str, writing.Written] = {}
        #: The digests of the data, once they are known.
        self.found: dict[str, str] = {}
        self.virtual_size: int | None = None
        #: What import plugins have changed of the image, not yet written.
        self.changes = import_plugins.Changes()

    @property
    def kept(self) -> list[str]:
        """The stores that have a copy."""
        return [store for store, state in self._run.action.stores.items()
                if state['status'] == 'success']

    def algorithm(self, image: images.Image) -> str:
        """Return what the image's multihash is by, or is to be."""
        asked: str = self._run.action.spec['hashing_algorithm']
        return image.os_hash_algo or asked

    def is_done(self) -> bool:
        return self._given_up or not self._missing()

    def give_up(self) -> None:
        """Do without the stores that have none."""
        self._given_up = True
        missing = self._missing()
        for store in missing:
            self._set(store, 'failure')
        self._run.action.state['left'] = sorted(
            set(self._transaction.left) & set(missing))

    @contextlib.contextmanager
    def recording(self, stores: Iterable[str]) -> Iterator[None]:
        """Keep what these stores have where nobody knows if it is recorded.

        It is undone together with its record then, by who finds the action
        failed. The data of a recorded copy is never deleted alone.
        """
        try:
            yield
        except errors.ActionError:
            raise
        except BaseException:
            self.commit(stores)
            raise

    def commit(self, stores: Iterable[str]) -> None:
        """Keep what these stores have: it is recorded."""
        for store in set(self._transaction.left) & set(stores):
            self._transaction.commit(store)

    def show(self, connection: db.Connection) -> bool:
        """Show at the image which stores are to come, and which failed.

        A store that is tried again is still to come. Always True.
        """
        action, kept = self._run.action, self.kept
        failed = [store for store, cause in self._failed.items()
                  if not cause.passing]
        if action.image_id and any(action.stores):
            copies.set_lists(
                connection, action.image_id, failed=sorted(failed),
                importing=[store for store in action.stores
                           if store not in {*kept, *failed}])
        return True

    def _missing(self) -> list[str]:
        kept = self.kept
        return [store for store in self._run.action.spec['stores']
                if store not in kept]

    def attempt(self, image: images.Image) -> errors.ActionError | None:
        """Write to each store that has no copy; return why one has none.

        :raises errors.ActionError: the source failed
        """
        run, action = self._run, self._run.action
        targets = []
        self._failed.clear()
        for store in self._missing():
            try:
                self._require_room(store, image.id)
            except errors.StoreError as exc:
                self._fail(store, exc)
            else:
                targets.append(store)
                self._set(store, 'writing')
        action.state['noted'] = sorted(
            {*action.state.get('noted', []), *targets})
        action.state['names'] = {
            **action.state.get('names', {}),
            **self._transaction.draw_names(targets)}
        run.write(record.WRITING, self.show)
        if targets:
            with contextlib.ExitStack() as stack:
                self._write(image, targets, stack)
        # What passes first: there is still something to be won.
        return min(self._failed.values(), default=None,
                   key=lambda each: not each.passing)

    def _require_room(self, store: str, image_id: str) -> None:
        run, patience = self._run, cfg.CONF.glance_ext.stall_timeout
        if not self._transaction.discard(store):
            raise self._causes.get(store) or errors.StoreBusy(
                f'{drivers.name(store)} still has what the attempt before '
                f'has written')
        left_by = _left_by(store, image_id)
        is_occupied = clearing.is_occupied(
            store, image_id, run.context, patience)
        if is_occupied and not left_by:
            raise errors.StoreOccupied(
                f'{drivers.name(store)} has data under this id already, which '
                f'is no copy of the image')
        for action in left_by:
            if name := action.state.get('names', {}).get(store):
                clearing.clear_name(store, image_id, name, run.context,
                                    run.confirm)
        if is_occupied:
            clearing.clear(store, image_id, run.context, run.confirm,
                           patience=patience)
        for action in left_by:
            aftercare.forget_left(action, store)

    def _fail(self, store: str, cause: errors.ActionError) -> None:
        """Note that a store has failed.

        :raises errors.ActionError: ``cause``, if that decides everything
        """
        self._failed[store] = cause
        self._causes.setdefault(store, cause)
        self._set(store, 'failure')
        if (isinstance(cause, errors.StoreOccupied)
                or store not in self._transaction.left):
            # What lies there now is not ours to clear.
            forget_noted(self._run.action, store)
        if cause.passing:
            return
        if self._run.action.spec['all_stores_must_succeed']:
            raise cause
        self._run.write(record.WRITING, self.show)

    def _write(self, image: images.Image, targets: list[str],
               stack: contextlib.ExitStack) -> None:
        run, method = self._run, self._method
        algorithm = self.algorithm(image)
        run.progress.total = image.size or None
        run.progress.branches.clear()
        algorithms = {algorithm}
        if image.os_hash_value is None or any(
                traits.of_store(store).tells_checksum for store in targets):
            algorithms.add(CHECKSUM)
        if self._staged:
            sources, recorded = self._staged, self.found or self._expected
            run.progress.total = sources[0].size()
        else:
            recorded = self.found or method.recorded(run, image)
            sources = method.sources(run, image)
        if not sources:
            raise errors.DataMissing('The image has no data to read')
        stack.callback(_close, sources)
        reading = reader(run, algorithms, recorded, len(sources))
        if not self._staged and (method.is_staged() or (
                run.progress.total is None
                and any(traits.of_store(store).buffers_unknown_size
                        for store in targets))):
            self._staged, self._expected = staged.fetch(
                run, reading, sources, method.conversion(run, self.changes))
            sources = self._staged
            reading = reader(run, algorithms, self._expected)

        unread: list[writing.Written] = []
        keep = (unread.append if cfg.CONF.glance_ext.read_back
                else self._keep)

        def deliver(chunks: Iterable[bytes], digests: Digests,
                    believe: Believe) -> dict[str, str]:
            # Of a source that turned out to hold something else.
            for store in set(self._transaction.left) & set(targets):
                self._transaction.discard(store)
            for store in targets:
                self._failed.pop(store, None)
            believed = False

            def finished(store: str, outcome: Any, found: dict[str, str]
                         ) -> None:
                nonlocal believed
                if not isinstance(outcome, writing.Written):
                    self._fail(store, outcome)
                    return
                if not believed:
                    believe(found)
                    believed = True
                    self.found = self.found or found
                keep(outcome)
            return self._transaction.write(
                chunks, targets, size=run.progress.total,
                algorithm=algorithm, digests=digests, progress=run.progress,
                check=run.check, sleep=run.sleep,
                stall_timeout=cfg.CONF.glance_ext.stall_timeout,
                finished=finished, witness=self._witness(),
                like=[source.location for source in sources
                      if isinstance(source, Copy)])[1]

        reading.read(sources, deliver)
        for written in unread:
            try:
                self._read_back(written)
            except errors.StoreError as exc:
                self._fail(written.store, exc)
            else:
                self._keep(written)

    def _read_back(self, written: writing.Written) -> None:
        """Compare what a store gives with what it was given."""
        run = self._run
        run.write(record.VERIFYING)
        copy = Copy(images.Location(0, written.store, written.url),
                    run.context)
        try:
            reader(run, {CHECKSUM}, self.found).read([copy])
        except errors.HashMismatch as exc:
            raise errors.StoreError(
                f'{copy} does not hold what was written to it') from exc

    def _keep(self, written: writing.Written) -> None:
        self._set(written.store, 'success')
        self.written[written.store] = written
        try:
            with self.recording([written.store]):
                recorded = self._method.register(self._run, written,
                                                 self.show)
        except errors.ImageTooLarge as exc:
            del self.written[written.store]
            self._fail(written.store, exc)
            return
        if recorded:
            self.commit([written.store])

    def _set(self, store: str, status: str) -> None:
        self._run.action.stores[store]['status'] = status

    def _witness(self) -> Any:
        """Return what looks at the data on its way, if anything has to."""
        image = self._method.seen(self._run)
        if image is None or not self._method.is_inspected(image):
            return None
        self.changes.make(image)

        def look(feed: Feed) -> None:
            self.virtual_size = inspection.inspect(
                image, self._run.context, feed)
        return look


def forget_noted(action: record.Action, store: str) -> None:
    """Note that nothing of an action lies in a store without a record."""
    action.state['noted'] = [
        each for each in action.state.get('noted', []) if each != store]
    action.state.get('names', {}).pop(store, None)


def reader(run: Run, algorithms: set[str], recorded: Mapping[str, str],
           sources: int = 1) -> Pass:
    """Return how an action reads its source of ``run.progress.total``.

    :param sources: how many there are; a further attempt is for when each
        has failed
    """
    options = cfg.CONF.glance_ext
    failures = 0

    def retry(cause: errors.StoreError) -> None:
        nonlocal failures
        failures += 1
        if failures % sources == 0:
            run.retry(cause)

    return Pass(
        algorithms=frozenset(algorithms), recorded=recorded,
        size=run.progress.total or 0,
        threads=0 if release.has_green_threads() else options.digest_threads,
        stall_timeout=options.stall_timeout, check=run.check,
        retry=retry, sleep=run.sleep, progress=run.progress)


def _left_by(store: str, image_id: str) -> list[record.Action]:
    """Return the imports that did without a store and could not clear it."""
    return [
        action for stretch in node.newest_first(
            image_id=image_id, status=tasks.SUCCESS, count=10)
        for action in stretch.actions if store in action.state.get('left', ())]


def _close(sources: Sequence[Readable]) -> None:
    for source in sources:
        getattr(source, 'close', lambda: None)()
