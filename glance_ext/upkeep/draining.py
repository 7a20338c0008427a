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
"""A store is emptied: every image of it gets a verified copy elsewhere.

One image at a time. A copy is removed only when another one of the image has
been read back and found good a moment ago. Its location is marked before its
data is deleted, and marked again afterwards, so that a run that died between
is finished by the next one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field
import functools
import threading
import time
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import sweeps
from glance_ext.plugins import presence
from glance_ext.plugins import verdicts
from glance_ext.stores import budgets
from glance_ext.stores import drivers
from glance_ext.stores.reading import Copy
from glance_ext.transfer.progress import Progress
from glance_ext.upkeep import waiting

#: What may become of an image.
MOVED, REMOVED, LEFT, BUSY = 'moved', 'removed', 'left', 'busy'


class _Left(Exception):
    """The image stays where it is. The message says why."""


@dataclass
class Drain:
    """One run."""

    store: str
    #: The store that gets what has no copy elsewhere.
    target: str
    #: Begin with no image after so many seconds.
    max_duration: float | None = None
    #: Told of every image once something has become of it.
    tell: Callable[[dict[str, Any]], None] = lambda line: None
    #: Set from outside to stop it; what runs is handed back.
    stopped: threading.Event = field(default_factory=threading.Event)
    #: Drain also a store that looks as if it were not mounted.
    even_if_empty: bool = False
    #: How many images came to each end.
    counts: dict[str, int] = field(default_factory=dict)
    #: Why nothing is done: a store looks as if it were not mounted.
    refused: str = ''

    def plan(self) -> dict[str, int]:
        """Return what :meth:`run` would do, in numbers.

        ``bytes_to_read`` has those that are read back as well.
        """
        found = {'images': 0, 'to_copy': 0, 'bytes': 0, 'bytes_to_copy': 0,
                 'bytes_to_read': 0}
        for each in sweeps.in_store(self.store):
            size = each.size or 0
            found['images'] += 1
            found['bytes'] += size
            found['bytes_to_read'] += size
            if each.copies == 1:
                found['to_copy'] += 1
                found['bytes_to_copy'] += size
                found['bytes_to_read'] += size
        return found

    def run(self) -> bool:
        """Drain. True when nothing is left in the store."""
        try:
            self._require(self.target)
            return self._run()
        except errors.StoreUnavailable as exc:
            self.refused = exc.message
            return False

    def _run(self) -> bool:
        begun = time.monotonic()
        budgets.refresh()
        for image_id in self._images():
            if self.stopped.is_set() or (
                    self.max_duration is not None
                    and time.monotonic() - begun >= self.max_duration):
                return False
            try:
                self._drain(image_id)
            except _Left as exc:
                self._tell(image_id, LEFT, why=str(exc))
            except node.Busy:
                self._tell(image_id, BUSY)
            except errors.StoreUnavailable as exc:
                self._tell(image_id, LEFT, why=exc.message)
                raise
            except errors.ActionError as exc:
                self._tell(image_id, LEFT, why=exc.message)
            except waiting.Stopped:
                return False
        return not sweeps.in_store(self.store)

    def _images(self) -> Iterator[str]:
        """Yield each image that is there, and those that come meanwhile."""
        seen = set()
        while new := [each.image_id for each in sweeps.in_store(self.store)
                      if each.image_id not in seen]:
            seen.update(new)
            yield from new

    def _drain(self, image_id: str) -> None:
        image = images.read(image_id)
        if image is None or image.deleted:
            return
        here = [place for place in self._places(image_id)
                if drivers.store_of(place) == self.store]
        outcome = REMOVED
        for place in (*here, *copies.retired(image_id, self.store)):
            if Copy(place, contexts.admin()).is_missing(
                    cfg.CONF.glance_ext.stall_timeout):
                self._require(self.store, image_id)
        if here:
            if locks.holder(image_id):
                raise node.Busy
            good = self._good_elsewhere(image)
            if good is None:
                outcome = MOVED
                self._copy(image)
                good = self._good_elsewhere(image)
            if good is None:
                raise _Left('the new copy is not good')
            for place in here:
                if not db.transaction(functools.partial(
                        copies.retire, image_id=image_id,
                        location_id=place.id, verified_id=good.id)):
                    raise node.Busy
        for place in copies.retired(image_id, self.store):
            self._delete(image_id, place)
        images.announce_update(image_id)
        self._tell(image_id, outcome)

    def _require(self, store: str, image_id: str = '') -> None:
        if not self.even_if_empty:
            presence.require(store, contexts.admin(), image_id)

    def _places(self, image_id: str) -> list[images.Location]:
        return images.locations(image_id, drivers.default_store())

    def _good_elsewhere(self, image: images.Image) -> images.Location | None:
        """Return a copy in another store that is good now, if there is one.

        A location in a store that cannot be written to is somebody else's
        data, and no copy of ours.

        :raises _Left: there are some, and none of them is
        """
        image = images.read(image.id) or image
        places = self._places(image.id)
        others = set(drivers.writable()) - {self.store}
        elsewhere = [place for place in places
                     if drivers.store_of(place) in others]
        if not elsewhere:
            return None
        has_digest = image.os_hash_value or image.checksum
        reader = verdicts.Reader(
            image, contexts.admin(),
            functools.partial(waiting.check, self.stopped),
            functools.partial(waiting.sleep, self.stopped))
        found = [reader.judge(place, Progress())
                 for place in (elsewhere if has_digest else places)]
        reader.settle(found)
        good = {each.location.id: each.location for each in found
                if each.verdict == verdicts.GOOD}
        db.transaction(functools.partial(copies.mark_verified, found={
            each.location.id: each.verdict for each in found}))
        for place in elsewhere:
            if place.id in good:
                return place
        raise _Left('no copy elsewhere is good: ' + ', '.join(
            f'{each.store} {each.verdict}' for each in found))

    def _copy(self, image: images.Image) -> None:
        """Have an action of this process copy the image to the target."""
        context = contexts.admin()
        seen = images.seen_by(context, image.id)
        if seen is None or image.status != images.ACTIVE:
            raise _Left(f'it has no other copy, and only an active image is '
                        f'copied; it is {image.status}')
        spec = record.new_spec('copy-image', stores=[self.target], method={},
                               all_stores_must_succeed=True)

        def prepare(connection: db.Connection) -> bool:
            copies.set_lists(connection, image.id, importing=[self.target])
            return True

        try:
            action = node.begin(spec, seen, context, prepare=prepare)
        except locks.ImageGone as exc:
            raise _Left('it was deleted') from exc
        waiting.until_ended(action, self.stopped)
        waiting.check(self.stopped)
        if action.error:
            raise _Left(action.error['message'])

    def _delete(self, image_id: str, place: images.Location) -> None:
        # This process may have been stopped for hours, and another run may
        # have deleted it, so that a new copy lies there by now.
        if locks.holder(image_id) or place.id not in [
                each.id for each in copies.retired(image_id, self.store)]:
            raise node.Busy
        try:
            drivers.delete(place, contexts.admin())
        except errors.DataMissing:
            pass
        except errors.StoreBusy:
            db.transaction(functools.partial(
                copies.bring_back_retired, image_id=image_id,
                location_id=place.id))
            raise
        db.transaction(functools.partial(
            copies.remove_retired, location_id=place.id))

    def _tell(self, image_id: str, outcome: str, **more: Any) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.tell({'image_id': image_id, 'outcome': outcome, **more})
