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
"""``POST /v2/images/{image_id}/verify``: read the copies back."""

from collections.abc import Collection, Iterator
import functools
from typing import Any

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import undoing
from glance_ext.plugins import aftercare
from glance_ext.plugins import repair
from glance_ext.plugins import verdicts
from glance_ext.stores import drivers
from glance_ext.transfer.progress import Progress

ACTION_TYPE = 'verify'
STATUSES = images.ACTIVE, images.DEACTIVATED


def spec(stores: list[str], repair: bool, even_if_empty: bool = False
         ) -> dict[str, Any]:
    """Return what :func:`node.begin` wants to know.

    Reading needs no lock: whatever else happens to the image, at worst it
    makes a verdict that the image's copies are not there any more.

    :param stores: those whose copies are read
    :param even_if_empty: repair also what is in a store that looks as if it
        were not mounted
    """
    return record.new_spec(ACTION_TYPE, stores=stores, repair=repair,
                           locks_image=repair, even_if_empty=even_if_empty)


class Verify:
    """The plugin. The spec is that of :func:`spec`.

    The state holds what :mod:`glance_ext.plugins.repair` has to know again.
    """

    statuses = STATUSES

    def run(self, run: Run) -> None:
        action = run.action
        if action.locks_image and not locks.ensure(
                action.image_id, action.id):
            raise errors.ImageChanged('Another operation holds the image')
        image = run.require_image()
        counting = _Counting(run)
        reader = verdicts.Reader(image, run.context, counting.check,
                                 run.sleep)
        found = self._judge(run, image, reader, counting)
        if action.spec['repair']:
            try:
                repair.Repair(run, image, reader, counting.part).repair(found)
            except errors.StoreUnavailable as exc:
                exc.result = _result(image, found)
                raise
        result = _result(image, found)
        bad = [each for each in found if each.verdict != verdicts.GOOD]
        if bad or not found:
            raise errors.BadCopy(_say(found, bad), result)
        action.result = result
        run.succeed(f'{len(found)} of {len(found)} copies are good')

    def undo(self, run: Run) -> None:
        repair.undo(run)

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        """Verifying leaves nothing, and a repair is undone by then."""

    def stores(self, action: record.Action) -> Collection[str]:
        return list(action.spec['stores'])

    def events(self, action: record.Action, what: str
               ) -> Iterator[tuple[str, dict[str, Any]]]:
        yield f'image.verify.{what}', {
            'repair': action.spec['repair'], 'result': action.result}

    def look_after(self, actions: list[record.Action]) -> None:
        """Put back what a stale save of the image took back."""
        for action in actions:
            image = images.read(action.image_id)
            repaired = action.state.get('repaired', {})
            if image is not None and image.status == 'deleted':
                aftercare.clear_deleted(image.id, repaired)
                continue
            if image is None or image.is_gone or locks.holder(image.id):
                continue
            if removed := action.state.get('removed'):
                db.transaction(functools.partial(
                    undoing.take_back, image_id=image.id,
                    location_ids=removed))
            # Also where other copies could not be repaired.
            aftercare.bring_back(image.id, repaired)

    def _judge(self, run: Run, image: images.Image, reader: verdicts.Reader,
               counting: '_Counting') -> list[verdicts.Verdict]:
        action = run.action
        stores = action.spec['stores']
        places = [location for location in images.locations(
            image.id, drivers.default_store())
            if drivers.store_of(location) in stores]
        run.progress.total = (image.size or 0) * len(places) or None
        found = []
        for location in places:
            store = drivers.store_of(location)
            action.stores[store]['status'] = 'reading'
            run.write(record.VERIFYING)
            verdict = reader.judge(
                location, counting.part(store, image.size))
            action.stores[store]['status'] = verdict.verdict
            found.append(verdict)
        reader.settle(found)
        counting.check()
        # Bytes of an image, or of a copy, that is being deleted prove
        # nothing.
        run.require_image()
        there = copies.still_there([each.location.id for each in found])
        found = [each for each in found if each.location.id in there]
        for each in found:
            action.stores[each.store]['status'] = each.verdict

        def mark(connection: db.Connection) -> bool:
            copies.mark_verified(connection, {
                each.location.id: each.verdict for each in found})
            return True

        run.write(record.VERIFYING, mark)
        return found


class _Counting:
    """Adds up the bytes of all that an action reads and writes."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: list[Progress] = []
        run.progress.restart()
        run.progress.branches.clear()

    def part(self, store: str, total: int | None = None) -> Progress:
        """Return what counts the bytes that are read of a store now."""
        part = Progress(total)
        self._run.progress.branches[store] = part
        self._parts.append(part)
        return part

    def check(self) -> None:
        """As :meth:`Run.check`, after adding up."""
        progress = self._run.progress
        progress.done = sum(part.done for part in self._parts)
        self._run.check()


def _result(image: images.Image, found: list[verdicts.Verdict]
            ) -> dict[str, Any]:
    return {'image_id': image.id, 'stores': _by_store(found)}


def _by_store(found: list[verdicts.Verdict]) -> dict[str, Any]:
    """Return a verdict for each store, the worst of it where it has several.
    """
    worst = sorted(found, key=lambda each: each.verdict != verdicts.GOOD)
    return {each.store or 'default': each.view() for each in worst}


def _say(found: list[verdicts.Verdict], bad: list[verdicts.Verdict]) -> str:
    if not found:
        return 'The image has no copy there any more'
    said = ', '.join(f'{drivers.name(each.store)}: {each.verdict}'
                     for each in bad)
    return f'{len(bad)} of {len(found)} copies are not good ({said})'
