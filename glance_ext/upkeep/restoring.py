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
"""A deleted image comes back, with what its deletion took."""

from collections.abc import Iterator
import functools
import pathlib
import time
from typing import Any

from glance_ext import errors
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import deletions
from glance_ext.host import images
from glance_ext.plugins import verdicts
from glance_ext.transfer.progress import Progress

_SCRUBBER = 'glance-scrubber', 'glance.cmd.scrubber'
_KEY, _KEY_POLICY = ('cinder_encryption_key_id',
                     'cinder_encryption_key_deletion_policy')


class Refused(Exception):
    """The image cannot be restored, or not now. The message says why."""


def restore(image_id: str, deactivated: bool, dry_run: bool
            ) -> dict[str, Any]:
    """Restore an image; return what came back, or would.

    Its data is read before and compared with its hash. A copy without one
    counts if it has as many bytes as the image.

    :param deactivated: bring it back as that; no row says what it was
    :raises Refused:
    """
    for process in _scrubbers():
        raise Refused(f'the scrubber is running (process {process}); stop '
                      f'it, on every host')
    image, deletion = images.read(image_id), deletions.find(image_id)
    if image is None:
        raise Refused('there is no row of such an image: there never was '
                      'one, or it was purged')
    if deletion is None:
        raise Refused(f'the image is not deleted, it is {image.status}')
    if deletion.values.get(_KEY) and deletion.values.get(
            _KEY_POLICY) == 'on_image_deletion':
        raise Refused('its encryption key was deleted with it')
    if not deletion.locations:
        raise Refused('no row of a location is left that its deletion took: '
                      'they were purged, or it had none')
    found = _judge(image, deletion)
    whole = [each for each in found if each.verdict in (
        verdicts.GOOD, verdicts.UNPROVEN)]
    if not whole:
        raise Refused('no copy of its data is whole: ' + ', '.join(
            f'{each.store or "default"} {each.verdict}' for each in found))
    status = images.DEACTIVATED if deactivated else images.ACTIVE
    if not dry_run:
        _write(deletion, [each.location.id for each in whole], status)
        db.transaction(functools.partial(copies.mark_verified, found={
            each.location.id: each.verdict for each in whole}))
        images.announce_update(image_id)
    return {
        'image_id': image_id, 'status': status,
        'deletion_began_at': copies.isotime(deletion.since),
        'deleted_at': copies.isotime(deletion.deleted_at),
        'properties': sorted(deletion.properties.values()),
        'tags': sorted(deletion.tags.values()),
        'members': sorted(deletion.members.values()),
        'stores': {each.store or 'default': each.view() for each in found},
        'restored_stores': sorted(each.store or 'default'
                                  for each in whole)}


def _judge(image: images.Image, deletion: deletions.Deletion
           ) -> list[verdicts.Verdict]:
    try:
        reader = verdicts.Reader(image, contexts.admin(), lambda: None,
                                 time.sleep)
    except errors.HashUnverifiable as exc:
        raise Refused(exc.message) from exc
    found = [reader.judge(copies.location(location), Progress())
             for location in deletion.locations]
    reader.settle(found)
    if len({str(each.digests) for each in found
            if each.verdict == verdicts.UNPROVEN}) > 1:
        raise Refused('it has no hash, and its copies differ')
    return found


def _write(deletion: deletions.Deletion, locations: list[int], status: str
           ) -> None:
    try:
        done = db.transaction(functools.partial(
            deletions.undo, deletion=deletion, locations=locations,
            status=status))
    except deletions.Changed:
        done = False
    if not done:
        raise Refused('it changed while its data was read: a scrubber works '
                      'on it, on another host perhaps')


def _scrubbers() -> Iterator[str]:
    """Yield the processes of this host that are Glance's scrubber."""
    for file in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = file.read_bytes().decode(errors='replace').split('\0')
        except OSError:
            continue  # it has just ended
        if any(pathlib.PurePath(word).name in _SCRUBBER
               for word in words[:4]):
            yield file.parent.name
