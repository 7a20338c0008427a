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
"""Bad copies of an image, replaced from good ones.

Stores name an object by its image, so that a copy is replaced where it lies:
its location is taken away first, while another one is there to be read, then
the object, and the location comes back when the new object has been read
back. The action's state says what is under way, for whoever goes on when
this process dies: ``repairing`` has ``{store: {location, cleared}}``, with
``cleared`` from when the bad object is gone; ``repaired`` has ``{store:
location}``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.plugins import aftercare
from glance_ext.plugins import presence
from glance_ext.plugins import verdicts
from glance_ext.plugins.verdicts import GOOD
from glance_ext.plugins.verdicts import MISSING
from glance_ext.plugins.verdicts import UNREACHABLE
from glance_ext.plugins.verdicts import Verdict
from glance_ext.stores import clearing
from glance_ext.stores import writing
from glance_ext.stores.digesting import Believe
from glance_ext.transfer.digests import Digests
from glance_ext.transfer.progress import Progress

LOG = logging.getLogger(__name__)


class Repair:
    """The repairs of one action.

    :param part: gives what counts the bytes of a store
    """

    def __init__(self, run: Run, image: images.Image,
                 reader: verdicts.Reader,
                 part: Callable[[str], Progress]) -> None:
        self._run = run
        self._image = image
        self._reader = reader
        self._part = part
        state = run.action.state
        self._under_way: dict[str, dict[str, Any]] = state.setdefault(
            'repairing', {})
        self._repaired: dict[str, int] = state.setdefault('repaired', {})

    def repair(self, found: list[Verdict]) -> None:
        """Repair what can be repaired; change the verdicts accordingly.

        Repairs that a process which died has begun are added to them.

        :raises errors.StoreUnavailable: a store is missing, and not a copy
        """
        for store, entry in self._under_way.items():
            if store not in [each.store for each in found]:
                found.append(Verdict(copies.location(entry['location']),
                                     store, MISSING))
        for each in found:
            if each.verdict == MISSING:
                _require_store(self._run, each.store)
        good = [each for each in found if each.verdict == GOOD]
        for bad in found:
            if bad.verdict == GOOD:
                continue
            why = self._why_not(bad, good, found)
            if why is None:
                why = self._replace(bad, good)
            bad.not_repaired = why

    def _why_not(self, bad: Verdict, good: Sequence[Verdict],
                 found: Sequence[Verdict]) -> str | None:
        url = bad.location.url
        if not good:
            return 'No copy is proven to be good'
        if bad.verdict == UNREACHABLE:
            return 'The store cannot be reached'
        if sum(each.store == bad.store for each in found) > 1:
            return 'The image has several locations in this store'
        if self._image.id not in url or not clearing.can_clear(bad.store):
            return 'The data was not written by Glance'
        if url in [each.location.url for each in good]:
            return 'The good copy has the same address'
        return None

    def _replace(self, bad: Verdict, good: Sequence[Verdict]) -> str | None:
        """Replace one copy. Return why that failed, if it did."""
        run, store = self._run, bad.store
        if store not in self._under_way:
            self._take_away(bad, good)
        try:
            clearing.clear(store, self._image.id, run.context, run.confirm,
                           patience=cfg.CONF.glance_ext.stall_timeout,
                           name=run.action.state.get('names', {}).get(
                               store, ''))
        except errors.StoreError as exc:
            run.check()
            if not self._under_way[store]['cleared']:
                self._put_back(store)
            return exc.message
        self._under_way[store]['cleared'] = True
        bad.found = bad.found or bad.verdict
        bad.verdict = run.action.stores[store]['status'] = MISSING
        while True:
            try:
                self._write(bad, good)
            except (errors.StoreError, errors.HashMismatch) as exc:
                run.require_image_after(exc)
                if not exc.passing:
                    return exc.message
                try:
                    run.retry(exc)
                except errors.StoreError as last:
                    return last.message
            else:
                bad.verdict = run.action.stores[store]['status'] = GOOD
                LOG.warning('Image %s: its copy in store %s, which was %s, '
                            'was written anew', self._image.id, store,
                            bad.found)
                return None

    def _take_away(self, bad: Verdict, good: Sequence[Verdict]) -> None:
        self._repaired.pop(bad.store, None)
        self._under_way[bad.store] = {'location': bad.location.id,
                                      'cleared': False}

        def work(connection: db.Connection) -> bool:
            return copies.take_away(
                connection, self._image.id, self._run.action.id,
                location_id=bad.location.id,
                others=[each.location.id for each in good],
                statuses=self._run.statuses)

        if not self._run.write(record.WRITING, work):
            del self._under_way[bad.store]
            self._run.require_image()
            raise errors.ImageChanged(
                'The copies of the image changed, or the action lost its '
                'lock')

    def _put_back(self, store: str) -> None:
        entry = self._under_way.pop(store)
        put_back(self._run, entry['location'])

    def _write(self, bad: Verdict, good: Sequence[Verdict]) -> None:
        run = self._run
        with writing.Transaction(self._image.id, run.context, run
                                 ) as transaction:
            run.action.state.setdefault('names', {}).update(
                transaction.draw_names([bad.store]))
            run.write(record.WRITING)
            self._write_in(transaction, bad, good)

    def _write_in(self, transaction: writing.Transaction, bad: Verdict,
                  good: Sequence[Verdict]) -> None:
        run, store = self._run, bad.store
        written = self._copy(transaction, store, good)
        place = images.Location(bad.location.id, store, written.url)
        run.write(record.VERIFYING)
        again = self._reader.judge(place, self._part(store))
        if again.digests != good[0].digests:
            raise errors.StoreError(
                f'store {store!r} does not give what was written to it '
                f'({again.verdict})')
        bad.bytes = again.bytes

        def work(connection: db.Connection) -> bool:
            if not copies.put_back(
                    connection, self._image.id, run.action.id,
                    location_id=place.id, statuses=run.statuses,
                    store=store, url=written.url,
                    metadata=written.metadata):
                return False
            copies.mark_verified(connection, {place.id: GOOD})
            self._under_way.pop(store, None)
            self._repaired[store] = place.id
            return True

        if not run.write(record.RECORDING, work):
            run.require_image()
            raise errors.ImageChanged(
                'The action lost the lock of the image')
        transaction.commit(store)

    def _copy(self, transaction: writing.Transaction, store: str,
              good: Sequence[Verdict]) -> writing.Written:
        run, image = self._run, self._image
        outcome: writing.Outcome = {}
        progress = Progress(image.size)
        digests = good[0].digests
        algorithm = next((name for name in digests if name != 'md5'),
                         cfg.CONF.hashing_algorithm)

        def deliver(chunks: Iterable[bytes], found: Digests,
                    believe: Believe) -> dict[str, str]:
            def finished(store: str, ended: Any, read: dict[str, str]
                         ) -> None:
                if isinstance(ended, writing.Written):
                    believe(read)
                outcome[store] = ended

            return transaction.write(
                chunks, [store], size=image.size, algorithm=algorithm,
                digests=found, progress=progress, check=run.check,
                sleep=run.sleep,
                stall_timeout=cfg.CONF.glance_ext.stall_timeout,
                finished=finished)[1]

        self._reader.pass_of(digests, progress, 'md5', algorithm).read(
            [self._reader.copy(each.location) for each in good], deliver)
        written = outcome[store]
        if isinstance(written, errors.ActionError):
            raise written
        return written


def _require_store(run: Run, store: str) -> None:
    if not run.action.spec.get('even_if_empty'):
        presence.require(store, run.context, run.action.image_id)


def put_back(run: Run, location_id: int) -> None:
    """Record a copy again whose object was left alone."""
    def work(connection: db.Connection) -> bool:
        return copies.put_back(
            connection, run.action.image_id, run.action.id,
            location_id=location_id, statuses=(
                images.ACTIVE, images.DEACTIVATED))

    run.write(run.action.phase, work)


def undo(run: Run) -> None:
    """Leave of a repair that came to no end either the old copy or none.

    :raises errors.StoreError: it cannot be done now
    """
    action = run.action
    under_way = action.state.get('repairing', {})
    image = images.read(action.image_id)
    gone = image is None or image.is_gone
    removed = []
    for store, entry in list(under_way.items()):
        # It may have died when the object was gone, and not yet noted so.
        if entry['cleared'] or gone or not clearing.is_occupied(
                store, action.image_id, run.context,
                cfg.CONF.glance_ext.stall_timeout):
            if not (entry['cleared'] or gone):
                _require_store(run, store)
            aftercare.clear(run, store, action.image_id)
            removed.append(entry['location'])
        else:
            del under_way[store]
            put_back(run, entry['location'])
    action.state['removed'] = removed

    def work(connection: db.Connection) -> bool:
        copies.remove(connection, removed)
        return True

    run.write(record.ROLLING_BACK, work)
