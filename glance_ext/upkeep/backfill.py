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
"""Hashes for all images that have none, or have a weak one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field
import datetime
import threading
import time
from typing import Any

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import images
from glance_ext.host import sweeps
from glance_ext.host import tasks
from glance_ext.plugins import hash as hash_

#: Seconds between two looks at what runs.
_LOOK = 0.1
#: What may have become of an image.
HASHED, FAILED, BUSY = 'hashed', 'failed', 'busy'
CHANGED, HANDED_BACK, WOULD_HASH = 'changed', 'handed-back', 'would-hash'


@dataclass
class Backfill:
    """One sweep. Every image without a hash gets an action, in this process.

    Others may sweep at the same time: an image that has an action is
    ``busy``, and one that got its hash since it was listed ``changed``.
    """

    algorithm: str
    #: Replace the hashes of this algorithm, instead of missing ones.
    having: str | None = None
    parallel: int = 1
    #: Only images that were created before, in UTC.
    created_before: datetime.datetime | None = None
    #: Only images with a copy in one of these stores; empty: all.
    stores: frozenset[str] = frozenset()
    #: Begin behind this id.
    after: str = ''
    #: Begin nothing more after so many seconds.
    max_duration: float | None = None
    #: Told of every image once something has become of it.
    tell: Callable[[dict[str, Any]], None] = lambda line: None
    #: Set from outside to stop it; what runs is handed back.
    stopped: threading.Event = field(default_factory=threading.Event)
    #: How many images came to each end.
    counts: dict[str, int] = field(default_factory=dict)
    #: The bytes of the images that were hashed, or would be.
    bytes: int = 0
    #: The last image that was looked at, by this sweep or the one before;
    #: '' after the last one of all.
    reached: str = ''

    def plan(self) -> None:
        """Tell of every image that :meth:`run` would begin with."""
        for image in self._candidates():
            self._tell(image.id, WOULD_HASH, image.size or 0)
        self.reached = ''

    def run(self) -> bool:
        """Sweep. True when all images have been looked at.

        What this process runs has ended then, or is handed back.
        """
        begun = time.monotonic()
        executor = node.start(takes_over=False)
        running: list[record.Action] = []
        complete = True
        self.reached = self.after
        for image in self._candidates():
            while len(running) >= self.parallel and not self.stopped.is_set():
                running = self._look(running)
            if self.stopped.is_set() or (
                    self.max_duration is not None
                    and time.monotonic() - begun >= self.max_duration):
                complete = False
                break
            self.reached = image.id
            action = self._begin(image)
            if action is not None:
                running.append(action)
        while running and not self.stopped.is_set():
            running = self._look(running)
        if self.stopped.is_set():
            complete = False
            executor.close(0)
            for action in running:
                self._ended(action)
        if complete:
            self.reached = ''
        return complete

    def summary(self) -> dict[str, Any]:
        """Return what became of the images, in numbers."""
        return {'images': sum(self.counts.values()), 'bytes': self.bytes,
                **{name: self.counts.get(name, 0) for name in (
                    (WOULD_HASH,) if WOULD_HASH in self.counts else
                    (HASHED, FAILED, BUSY, CHANGED, HANDED_BACK))}}

    def _candidates(self) -> Iterator[sweeps.Candidate]:
        for page in sweeps.candidates(self.after, self.having,
                                      self.created_before):
            places = (sweeps.stores([image.id for image in page])
                      if self.stores else {})
            for image in page:
                if not self.stores or self.stores & places.get(
                        image.id, set()):
                    yield image

    def _begin(self, listed: sweeps.Candidate) -> record.Action | None:
        context = contexts.admin()
        image = images.seen_by(context, listed.id)
        if (image is None or image.status != images.ACTIVE
                or (image.os_hash_algo != self.having if self.having
                    else image.os_hash_value is not None)):
            self._tell(listed.id, CHANGED)
            return None
        spec = hash_.spec(self.algorithm, rehash=self.having is not None,
                          replaces=self.having)
        try:
            return node.begin(spec, image, context)
        except node.Busy:
            self._tell(listed.id, BUSY)
            return None

    def _look(self, running: list[record.Action]) -> list[record.Action]:
        time.sleep(_LOOK)
        held = {run.action.id for run in node.start().held()}
        for action in running:
            if action.id not in held:
                self._ended(action)
        return [action for action in running if action.id in held]

    def _ended(self, action: record.Action) -> None:
        if action.status == tasks.SUCCESS:
            self._tell(action.image_id, HASHED, action.bytes_done,
                       action_id=action.id,
                       os_hash_algo=action.result['os_hash_algo'],
                       os_hash_value=action.result['os_hash_value'])
        elif action.status == tasks.FAILURE:
            error = action.error or {}
            self._tell(action.image_id,
                       CHANGED if error.get('code') == 'image_changed'
                       else FAILED, action_id=action.id, error=error)
        else:
            self._tell(action.image_id, HANDED_BACK, action_id=action.id)

    def _tell(self, image_id: str, outcome: str, size: int = 0,
              **more: Any) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.bytes += size
        self.tell({'image_id': image_id, 'outcome': outcome, 'bytes': size,
                   **more})
