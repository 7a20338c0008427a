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
"""Reads copies back, those first that were not for the longest time."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import datetime
import functools
import threading
import time
from typing import Any

from glance_ext import errors
from glance_ext.actions import node
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import sweeps
from glance_ext.plugins import verdicts
from glance_ext.plugins import verify
from glance_ext.stores import budgets
from glance_ext.stores import drivers
from glance_ext.transfer.progress import Progress
from glance_ext.upkeep import waiting

#: What may be told of an image beside the verdicts of its copies.
_WITHOUT_HASH, _UNVERIFIABLE = 'without-hash', 'unverifiable'
_BUSY, _WOULD_VERIFY = 'busy', 'would-verify'


@dataclass
class Scrub:
    """One scrub, in this process and without actions, but for repairs.

    Others may scrub at the same time: each looks again at when a copy was
    verified before it reads it.
    """

    #: Only copies in these stores; empty: all.
    stores: frozenset[str] = frozenset()
    #: Leave out images whose copies were all good within so many seconds.
    max_age: float | None = None
    #: Begin with no image after so many seconds.
    max_duration: float | None = None
    repair: bool = False
    #: Told of every copy that is not good, and every image without verdict.
    tell: Callable[[dict[str, Any]], None] = lambda line: None
    #: Set from outside to stop it.
    stopped: threading.Event = field(default_factory=threading.Event)
    #: Repair also in a store that looks as if it were not mounted.
    even_if_empty: bool = False
    #: How many images were looked at, and copies came to each verdict.
    images: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    #: How many copies were good in the end because they were repaired.
    repaired: int = 0
    #: The bytes of the copies that were read, or would be.
    bytes: int = 0
    #: Why nothing more is repaired: a store looks as if it were not mounted.
    refused: str = ''
    #: When the image was verified last that is next, or None: all are done.
    next: str | None = None

    @property
    def is_bad(self) -> bool:
        """Whether any copy is not good now, as far as this scrub knows."""
        return any(count for verdict, count in self.counts.items()
                   if verdict not in (verdicts.GOOD, _WITHOUT_HASH, _BUSY,
                                      _WOULD_VERIFY))

    def plan(self) -> None:
        """Tell of every image that :meth:`run` would read, in its order."""
        for each in self._due():
            self.images += 1
            self.bytes += (each.size or 0) * each.copies
            self._tell(each.image_id, _WOULD_VERIFY,
                       bytes=(each.size or 0) * each.copies,
                       verified_at=each.at or None)

    def run(self) -> bool:
        """Scrub. True when all that was due has been read."""
        begun = time.monotonic()
        budgets.refresh()
        for each in self._due():
            if self.stopped.is_set() or (
                    self.max_duration is not None
                    and time.monotonic() - begun >= self.max_duration):
                self.next = each.at
                return False
            try:
                self._scrub(each)
            except waiting.Stopped:
                self.next = each.at
                return False
            except errors.HashUnverifiable as exc:
                self._tell(each.image_id, _UNVERIFIABLE, message=exc.message)
        return True

    def summary(self) -> dict[str, Any]:
        """Return what was found, in numbers."""
        return {'images': self.images, 'bytes': self.bytes,
                'repaired': self.repaired, **dict(sorted(
                    self.counts.items()))}

    def _due(self) -> list[sweeps.Verified]:
        before = None if self.max_age is None else (
            db.now() - datetime.timedelta(seconds=self.max_age))
        return sweeps.least_recently_verified(self.stores, before)

    def _scrub(self, listed: sweeps.Verified) -> None:
        image = images.read(listed.image_id)
        if (image is None or image.deleted
                or image.status not in verify.STATUSES
                or copies.verified_at(image.id, self.stores) != listed.at):
            return
        places = [place for place in images.locations(
            image.id, drivers.default_store())
            if not self.stores or drivers.store_of(place) in self.stores]
        self.images += 1
        if image.os_hash_value is None and len(places) < 2:
            self._tell(image.id, _WITHOUT_HASH)
            return
        reader = verdicts.Reader(
            image, contexts.admin(),
            functools.partial(waiting.check, self.stopped),
            functools.partial(waiting.sleep, self.stopped))
        found = []
        for place in places:
            progress = Progress()
            found.append(reader.judge(place, progress))
            self.bytes += progress.done
        reader.settle(found)
        there = copies.still_there([each.location.id for each in found])
        found = [each for each in found if each.location.id in there]
        db.transaction(functools.partial(
            copies.mark_verified, found={
                each.location.id: each.verdict for each in found}))
        bad = [each for each in found if each.verdict != verdicts.GOOD]
        if bad and self.repair and not self.refused:
            self._repair(image.id, found)
        else:
            self._count(image.id, {
                each.store or 'default': each.view() for each in found})

    def _repair(self, image_id: str, found: list[verdicts.Verdict]) -> None:
        """Have an action verify the image again, and repair it."""
        context = contexts.admin()
        image = images.seen_by(context, image_id)
        stores = list(dict.fromkeys(each.store for each in found))
        try:
            if image is None:
                raise locks.ImageGone
            action = node.begin(
                verify.spec(stores, True, self.even_if_empty), image, context)
        except (node.Busy, locks.ImageGone):
            self._tell(image_id, _BUSY)
            action = None
        if action is not None:
            waiting.until_ended(action, self.stopped)
            if action.error and (
                    action.error['code'] == errors.StoreUnavailable.code):
                self.refused = action.error['message']
        self._count(image_id, (
            action.result.get('stores') if action else None) or {
                each.store or 'default': each.view() for each in found})

    def _count(self, image_id: str, stores: dict[str, dict[str, Any]]
               ) -> None:
        for store, found in stores.items():
            verdict = found['verdict']
            if 'found' in found and verdict == verdicts.GOOD:
                self.repaired += 1
            if verdict == verdicts.GOOD and 'found' not in found:
                self.counts[verdict] = self.counts.get(verdict, 0) + 1
            else:
                self._tell(image_id, verdict, store=store, **{
                    name: value for name, value in found.items()
                    if name != 'verdict'})

    def _tell(self, image_id: str, verdict: str, **more: Any) -> None:
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        self.tell({'image_id': image_id, 'verdict': verdict, **more})
