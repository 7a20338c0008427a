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
"""Calculate the checksum and the multihash of an image that has none.

See ``specs: calculate-hash-api``, approved for Glance 2025.1.
"""

import functools
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.actions.run import require_active
from glance_ext.conf.hash import ALGORITHMS
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import release
from glance_ext.host import tasks
from glance_ext.stores import reading
from glance_ext.transfer.digests import Digests

LOG = logging.getLogger(__name__)

ACTION_TYPE = 'hash'
#: The algorithm of an image's column ``checksum``.
_CHECKSUM = 'md5'


def spec(algorithm: str, rehash: bool) -> dict[str, Any]:
    """Return what :func:`node.begin` wants to know."""
    return record.new_spec(ACTION_TYPE, os_hash_algo=algorithm,
                           rehash=rehash)


class Hash:
    """The plugin. The spec holds ``os_hash_algo`` and ``rehash``."""

    event = 'image.hash'

    def run(self, run: Run) -> str:
        image = require_active(images.read(run.action.image_id))
        _hold_lock(run)
        if _is_recorded(run.action, image):
            # Our process died between the write and its end.
            return _done(run.action)
        _begin(run, image)
        location, digests = _read_some_copy(run, image)
        _record(run, image, location, digests)
        images.announce_update(image.id)
        return _done(run.action)

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        images.clear_half_hash(connection, action.image_id)

    def event_payload(self, action: record.Action) -> dict[str, Any]:
        return {'os_hash_algo': action.spec['os_hash_algo'],
                'result': action.result}

    def look_after(self, actions: list[record.Action]) -> None:
        """Write hashes again that a stale save of their image took back."""
        now = {image.id: image for image in images.read_many(
            [action.image_id for action in actions])}
        for action in actions:
            image = now.get(action.image_id)
            if image is None or image.is_gone:
                continue
            if action.status == tasks.SUCCESS:
                _restore(action, image)
            elif image.os_hash_algo and not image.os_hash_value and (
                    not locks.holder(image.id)):
                db.transaction(functools.partial(
                    images.clear_half_hash, image_id=image.id))


def _hold_lock(run: Run) -> None:
    """Make sure of the lock: its process may have died before it had it."""
    action = run.action
    if locks.holder(action.image_id) != action.id and not locks.take(
            action.image_id, action.id):
        raise errors.ImageChanged('Another operation holds the image')


def _begin(run: Run, image: images.Image) -> None:
    """Say which algorithm is coming; see that the old one can be checked."""
    action = run.action
    if image.os_hash_value is None:
        if not run.write(record.READING, functools.partial(
                images.set_hash_algo, image_id=image.id, task_id=action.id,
                algorithm=action.spec['os_hash_algo'])):
            raise _why_not_written(action)
    elif not action.spec['rehash']:
        raise errors.ImageChanged('The image has got a hash meanwhile')
    elif image.os_hash_algo not in ALGORITHMS:
        raise errors.HashUnverifiable(
            f'The image\'s hash is of the algorithm '
            f'{image.os_hash_algo!r}, which this host does not have')
    action.bytes_total = image.size or None


def _read_some_copy(run: Run, before: images.Image
                    ) -> tuple[images.Location, dict[str, str]]:
    """Read a copy that agrees with what is recorded of the image.

    Each attempt begins with the next copy. A copy that does not agree is
    passed over for the others; with none that agrees, nothing is recorded.
    """
    locations = images.locations(
        before.id, cfg.CONF.glance_store.default_backend
        if cfg.CONF.enabled_backends else None)
    if not locations:
        require_active(images.read(before.id))
        raise errors.DataMissing('The image has no location')
    first = (run.action.attempt - 1) % len(locations)
    mismatch: errors.HashMismatch | None = None
    for location in locations[first:] + locations[:first]:
        try:
            digests = _read(run, before, location)
            _compare(before, location, digests)
        except errors.HashMismatch as exc:
            mismatch = exc
        except errors.DataMissing:
            _finish_delete(run, before, locations)
            raise
        else:
            return location, digests
    assert mismatch is not None  # noqa: S101 - for the type checker
    raise mismatch


def _read(run: Run, before: images.Image, location: images.Location
          ) -> dict[str, str]:
    """Read one copy to its end and return its digests."""
    algorithms = {_CHECKSUM, run.action.spec['os_hash_algo']}
    if before.os_hash_value and before.os_hash_algo:
        algorithms.add(before.os_hash_algo)
    green = release.has_green_threads()
    threads = 0 if green else cfg.CONF.glance_ext.digest_threads
    run.action.bytes_done = 0
    with Digests(sorted(algorithms), threads) as digests:
        for chunk in reading.chunks(location, run.context):
            run.check()
            digests.update(chunk)
            run.advance(len(chunk))
            if green:
                time.sleep(0)
        found = digests.finish()
    _confirm(run, before, location)
    return found


def _confirm(run: Run, before: images.Image,
             location: images.Location) -> None:
    """Believe a read only if the store still has that many bytes there.

    RBD gives zeros, to the last byte and without an error, for an image
    that is deleted while it is read; a truncated file just ends.
    """
    count, recorded = run.action.bytes_done, before.size or 0
    if recorded and count != recorded:
        raise errors.ShortRead(
            f'{location} gave {count} bytes of {recorded}')
    stored = reading.size(location, run.context)
    # An HTTP server that sends no length says 0, and so does the image.
    if stored != count and (stored or recorded):
        raise errors.ShortRead(
            f'{location} says that it holds {stored} bytes; it gave {count}')


def _compare(before: images.Image, location: images.Location,
             digests: dict[str, str]) -> None:
    recorded = {_CHECKSUM: before.checksum}
    if before.os_hash_algo and before.os_hash_value:
        recorded[before.os_hash_algo] = before.os_hash_value
    for algorithm, value in recorded.items():
        if value and digests[algorithm] != value:
            raise errors.HashMismatch(
                f'The {algorithm} of the data in {location} is not the one '
                f'that is recorded; nothing was changed')


def _finish_delete(run: Run, before: images.Image,
                   locations: list[images.Location]) -> None:
    """Finish a deletion of which the store did its half.

    :raises errors.ImageDeleted: it is finished. Returns where nobody asked
        for it or some copy is left: a missing object alone proves nothing.
    """
    task = tasks.get(run.action.id)
    if (task is None or not (task.ours or {}).get('delete_failed')
            or before.protected
            or not all(_is_missing(run, each) for each in locations)):
        return
    if images.finish_delete(before.id, run.context):
        LOG.warning('Image %s: its store had deleted the data and refused '
                    'the deletion; the image is deleted now', before.id)
        raise errors.ImageDeleted(
            'The image was deleted: its store had deleted the data before '
            'it refused the deletion that was asked for')


def _is_missing(run: Run, location: images.Location) -> bool:
    try:
        reading.size(location, run.context)
    except errors.DataMissing:
        return True
    except errors.StoreError:
        return False
    return False


def _record(run: Run, before: images.Image, location: images.Location,
            digests: dict[str, str]) -> None:
    action = run.action
    algorithm = action.spec['os_hash_algo']
    action.result = {
        'image_id': before.id, 'size': action.bytes_done,
        'checksum': digests[_CHECKSUM], 'os_hash_algo': algorithm,
        'os_hash_value': digests[algorithm]}
    action.state = {'location_id': location.id,
                    'replaced': before.os_hash_value}
    if not run.write(record.RECORDING, functools.partial(
            _write_hash, before=before, action=action, task_id=action.id)):
        action.result = {}
        raise _why_not_written(action)


def _write_hash(connection: db.Connection, before: images.Image,
                action: record.Action, task_id: str | None) -> bool:
    result = action.result
    return images.record_hash(
        connection, before, location_id=action.state['location_id'],
        checksum=result['checksum'], algorithm=result['os_hash_algo'],
        value=result['os_hash_value'], task_id=task_id)


def _why_not_written(action: record.Action) -> errors.ActionError:
    """Find out why a guarded write to the image met no row."""
    try:
        image = require_active(images.read(action.image_id))
    except errors.ActionError as exc:
        return exc
    if locks.holder(image.id) != action.id:
        return errors.ImageChanged('The action lost the lock of the image')
    # What was read is no copy of the image any more, or its hash changed:
    # the next attempt sees it as it is now.
    return errors.StoreError('The image was changed while it was read')


def _is_recorded(action: record.Action, image: images.Image) -> bool:
    return bool(action.result) and all(
        getattr(image, name) == action.result[name]
        for name in ('checksum', 'os_hash_algo', 'os_hash_value'))


def _restore(action: record.Action, image: images.Image) -> None:
    """Put back what the action wrote, if what it replaced is back."""
    if (_is_recorded(action, image)
            or image.os_hash_value != action.state['replaced']
            or image.checksum not in (None, action.result['checksum'])):
        return
    if db.transaction(functools.partial(
            _write_hash, before=image, action=action, task_id=None)):
        LOG.warning('The hash of image %s, which a concurrent save of the '
                    'image had undone, is back', image.id)
        images.announce_update(image.id)


def _done(action: record.Action) -> str:
    result = action.result
    return (f'Calculated the {result["os_hash_algo"]} of '
            f'{result["size"]} bytes')
