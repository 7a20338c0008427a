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

Approved for Glance 2025.1 as "Implement Calculate Hash API"; what the
documentation calls differences from that specification is decided here.
"""

from collections.abc import Collection, Iterator
import functools
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import DELETION_LAG
from glance_ext.actions.run import Run
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import release
from glance_ext.host import tasks
from glance_ext.plugins import verdicts
from glance_ext.stores import drivers
from glance_ext.stores.digesting import Pass
from glance_ext.stores.reading import Copy

LOG = logging.getLogger(__name__)

ACTION_TYPE = 'hash'
#: The algorithm of an image's column ``checksum``.
_CHECKSUM = 'md5'


def spec(algorithm: str, rehash: bool, replaces: str | None = None
         ) -> dict[str, Any]:
    """Return what :func:`node.begin` wants to know.

    :param replaces: with ``rehash``, only a hash of this algorithm
    """
    only = {'replaces': replaces} if replaces else {}
    return record.new_spec(ACTION_TYPE, os_hash_algo=algorithm,
                           rehash=rehash, **only)


class Hash:
    """The plugin. The spec holds ``os_hash_algo`` and ``rehash``."""

    statuses = (images.ACTIVE,)

    def run(self, run: Run) -> None:
        if not locks.ensure(run.action.image_id, run.action.id):
            raise errors.ImageChanged('Another operation holds the image')
        while True:
            image = run.require_image()
            try:
                _begin(run, image)
                copy, digests = _read(run, image)
                _record(run, image, copy, digests)
            except errors.StoreError as exc:
                _retry(run, exc)
            else:
                images.announce_update(image.id)
                return

    def undo(self, run: Run) -> None:
        """A hash leaves nothing outside of the database."""

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        images.clear_half_hash(connection, action.image_id)

    def stores(self, action: record.Action) -> Collection[str]:
        return {location.store for location in images.locations(
            action.image_id, None)}

    def events(self, action: record.Action, what: str
               ) -> Iterator[tuple[str, dict[str, Any]]]:
        yield f'image.hash.{what}', {
            'os_hash_algo': action.spec['os_hash_algo'],
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


def _begin(run: Run, image: images.Image) -> None:
    """Say which algorithm is coming; see that the old one can be checked."""
    action = run.action
    run.progress.total = image.size or None
    if image.os_hash_value is None:
        if not run.write(record.READING, functools.partial(
                images.set_hash_algo, image_id=image.id, task_id=action.id,
                algorithm=action.spec['os_hash_algo'])):
            raise _why_not_written(run)
    elif not action.spec['rehash'] or (
            action.spec.get('replaces', image.os_hash_algo)
            != image.os_hash_algo):
        raise errors.ImageChanged('The image has got a hash meanwhile')
    else:
        verdicts.require_calculable(image.os_hash_algo)
        run.write(record.READING)


def _read(run: Run, image: images.Image) -> tuple[Copy, dict[str, str]]:
    """Read a copy that agrees with what is recorded of the image.

    Each attempt begins with the next copy. With none that agrees, nothing
    is recorded.
    """
    copies = _copies(run)
    if not copies:
        raise errors.DataMissing('The image has no location')
    first = (run.action.attempt - 1) % len(copies)
    recorded = {_CHECKSUM: image.checksum}
    if image.os_hash_value and image.os_hash_algo:
        recorded[image.os_hash_algo] = image.os_hash_value
    options = cfg.CONF.glance_ext
    reading = Pass(
        algorithms=frozenset({_CHECKSUM, run.action.spec['os_hash_algo']}),
        recorded={name: value for name, value in recorded.items() if value},
        size=image.size or 0,
        threads=(0 if release.has_green_threads()
                 else options.digest_threads),
        stall_timeout=options.stall_timeout,
        check=run.check, retry=functools.partial(_retry, run), sleep=run.sleep,
        progress=run.progress)
    try:
        return reading.read(copies[first:] + copies[:first])
    except errors.HashMismatch:
        # Bytes of an image that is being deleted prove nothing.
        run.require_image()
        raise


def _copies(run: Run) -> list[Copy]:
    return [Copy(location, run.context) for location in images.locations(
        run.action.image_id, drivers.default_store())]


def _retry(run: Run, cause: errors.StoreError) -> None:
    """Let another attempt follow, unless the image is deleted.

    What a deletion looks like to a reader is each driver's own affair.
    """
    _end_if_deleted(run)
    action = run.action
    if (isinstance(cause, errors.DataMissing)
            and action.attempt >= action.max_attempts):
        until = time.monotonic() + DELETION_LAG
        while time.monotonic() < until:
            run.sleep(DELETION_LAG / 10)
            _end_if_deleted(run)
    run.retry(cause)


def _end_if_deleted(run: Run) -> None:
    run.require_image()
    _finish_delete(run)


def _finish_delete(run: Run) -> None:
    """Finish a deletion of which the store did its half.

    :raises errors.ImageDeleted: it is finished. Returns where nobody asked
        for it or some copy is left: a missing object alone proves nothing.
    """
    action = run.action
    task = tasks.get(action.id)
    image = images.read(action.image_id)
    if (task is None or not (task.ours or {}).get('delete_failed')
            or image is None or image.protected
            or not all(copy.is_missing(cfg.CONF.glance_ext.stall_timeout)
                       for copy in _copies(run))):
        return
    if images.finish_delete(image.id, run.context):
        LOG.warning('Image %s: its store had deleted the data and refused '
                    'the deletion; the image is deleted now', image.id)
        raise errors.ImageDeleted(
            'The image was deleted: its store had deleted the data before '
            'it refused the deletion that was asked for')


def _record(run: Run, before: images.Image, copy: Copy,
            digests: dict[str, str]) -> None:
    action = run.action
    algorithm = action.spec['os_hash_algo']
    action.result = {
        'image_id': before.id, 'size': run.progress.done,
        'checksum': digests[_CHECKSUM], 'os_hash_algo': algorithm,
        'os_hash_value': digests[algorithm]}
    action.state = {'location_id': copy.location.id,
                    'replaced': before.os_hash_value}
    run.write(record.RECORDING)
    if not run.succeed(
            f'Calculated the {algorithm} of {run.progress.done} bytes',
            functools.partial(_write_hash, before=before, action=action,
                              task_id=action.id)):
        action.result = {}
        raise _why_not_written(run)


def _write_hash(connection: db.Connection, before: images.Image,
                action: record.Action, task_id: str | None) -> bool:
    result = action.result
    return images.record_hash(
        connection, before, location_id=action.state['location_id'],
        checksum=result['checksum'], algorithm=result['os_hash_algo'],
        value=result['os_hash_value'], task_id=task_id)


def _why_not_written(run: Run) -> errors.ActionError:
    """Find out why a guarded write to the image met no row."""
    try:
        image = run.require_image()
    except errors.ActionError as exc:
        return exc
    if locks.holder(image.id) != run.action.id:
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
