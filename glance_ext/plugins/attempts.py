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

from collections.abc import Iterable, Mapping, Sequence
import contextlib
from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import images
from glance_ext.host import inspection
from glance_ext.host import release
from glance_ext.plugins import staged
from glance_ext.stores import drivers
from glance_ext.stores import writing
from glance_ext.stores.digesting import Believe
from glance_ext.stores.digesting import Pass
from glance_ext.stores.digesting import Readable
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
        self._staged: Sequence[Readable] = ()
        #: What was written by this process, recorded or not.
        self.written: dict[str, writing.Written] = {}
        #: The digests of the data, once they are known.
        self.found: dict[str, str] = {}
        self.virtual_size: int | None = None

    @property
    def kept(self) -> list[str]:
        """The stores that have a copy."""
        return [store for store, state in self._run.action.stores.items()
                if state['status'] == 'success']

    def is_done(self) -> bool:
        return self._given_up or not self._missing()

    def give_up(self) -> None:
        """Do without the stores that have none."""
        self._given_up = True

    def _missing(self) -> list[str]:
        kept = self.kept
        return [store for store in self._run.action.spec['stores']
                if store not in kept]

    def attempt(self, image: images.Image) -> errors.ActionError | None:
        """Write to each store that has no copy; return why one has none.

        :raises errors.ActionError: the source failed
        """
        run, action = self._run, self._run.action
        context = run.context
        failed: dict[str, errors.ActionError] = {}
        targets = []
        for store in self._missing():
            self._transaction.discard(store)
            try:
                if writing.is_occupied(store, image.id, context,
                                       cfg.CONF.glance_ext.stall_timeout):
                    raise errors.StoreOccupied(
                        f'{drivers.name(store)} has data under this id '
                        f'already, which is no copy of the image')
            except errors.StoreError as exc:
                failed[store] = exc
                self._set(store, 'failure')
            else:
                targets.append(store)
                self._set(store, 'writing')
        action.state['noted'] = sorted(
            {*action.state.get('noted', []), *targets})
        run.write(record.WRITING)
        if targets:
            with contextlib.ExitStack() as stack:
                self._write(image, targets, failed, stack)
        return next(iter(failed.values()), None)

    def _write(self, image: images.Image, targets: list[str],
               failed: dict[str, errors.ActionError],
               stack: contextlib.ExitStack) -> None:
        run, method = self._run, self._method
        recorded = self.found or method.recorded(run, image)
        algorithm = image.os_hash_algo or cfg.CONF.hashing_algorithm
        run.progress.total = image.size or None
        run.progress.branches.clear()
        algorithms = {CHECKSUM, algorithm}
        sources: Sequence[Readable] = self._staged
        if not sources:
            sources = method.sources(run, image)
        if not sources:
            raise errors.DataMissing('The image has no data to read')
        stack.callback(_close, sources)
        reading = reader(run, algorithms, recorded)
        if method.is_staged() and not self._staged:
            self._staged, recorded = staged.fetch(
                run, reading, sources, method.conversion(run))
            sources = self._staged
            reading = reader(run, algorithms, recorded)

        def deliver(chunks: Iterable[bytes], digests: Digests,
                    believe: Believe) -> dict[str, str]:
            believed = False

            def finished(store: str, outcome: Any, found: dict[str, str]
                         ) -> None:
                nonlocal believed
                if isinstance(outcome, writing.Written):
                    if not believed:
                        believe(found)
                        believed = True
                    self._keep(outcome)
                else:
                    failed[store] = outcome
                    self._set(store, 'failure')
            return self._transaction.write(
                chunks, targets, size=run.progress.total,
                algorithm=algorithm, digests=digests, progress=run.progress,
                check=run.check, sleep=run.sleep,
                stall_timeout=cfg.CONF.glance_ext.stall_timeout,
                finished=finished, witness=self._witness())[1]

        _source, found = reading.read(sources, deliver)
        self.found = self.found or found

    def _keep(self, written: writing.Written) -> None:
        store, action = written.store, self._run.action
        action.stores[store]['status'] = 'success'
        self.written[store] = written
        if self._method.register(self._run, written):
            self._transaction.commit(store)

    def _set(self, store: str, status: str) -> None:
        self._run.action.stores[store]['status'] = status

    def _witness(self) -> Any:
        """Return what looks at the data on its way, if anything has to."""
        image = self._method.seen(self._run)
        if image is None or not self._method.is_inspected(image):
            return None

        def look(feed: Feed) -> None:
            self.virtual_size = inspection.inspect(
                image, self._run.context, feed)
        return look


def reader(run: Run, algorithms: set[str], recorded: Mapping[str, str]
           ) -> Pass:
    """Return how an action reads its source of ``run.progress.total``."""
    options = cfg.CONF.glance_ext
    return Pass(
        algorithms=frozenset(algorithms), recorded=recorded,
        size=run.progress.total or 0,
        threads=0 if release.has_green_threads() else options.digest_threads,
        stall_timeout=options.stall_timeout, check=run.check,
        retry=run.retry, sleep=run.sleep, progress=run.progress)


def _close(sources: Sequence[Readable]) -> None:
    for source in sources:
        getattr(source, 'close', lambda: None)()
