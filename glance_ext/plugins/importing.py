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
"""Import methods: one source into several stores, all of it or nothing."""

import abc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
import functools
import pathlib
from typing import Any

from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import import_plugins
from glance_ext.host import locks
from glance_ext.host import policy
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.host import undoing
from glance_ext.plugins import aftercare
from glance_ext.plugins import attempts
from glance_ext.plugins.attempts import Attempts
from glance_ext.stores import writing
from glance_ext.stores.digesting import Readable

LOG = logging.getLogger(__name__)

#: What ends an import however many stores have their copy.
_FINAL = (errors.Cancelled, errors.ImageDeleted, errors.ImageNotActive,
          errors.ImageChanged)


class Import(abc.ABC):
    """What all imports do; a kind of import says where the bytes are.

    The spec holds ``stores``, ``all_stores_must_succeed`` and ``method``.
    The state holds ``noted``: the stores where something may lie that is
    not recorded, for whoever goes on when this process dies; ``names``: the
    names under which the last attempt began to write there; and ``left``:
    those of them that a partial success has not cleared.
    """

    #: As it is called in a request, and the type of its actions.
    name: str
    event = 'image.copy'
    #: What the image has to be while it runs.
    statuses: Collection[str]

    # How the bytes go ---------------------------------------------------

    @abc.abstractmethod
    def is_staged(self) -> bool:
        """Tell whether the data lies in staging on its way."""

    @abc.abstractmethod
    def is_inspected(self, image: Any) -> bool:
        """Tell whether the data is looked at, as Glance does on upload.

        :param image: Glance's image object
        """

    def seen(self, run: Run) -> Any | None:
        """Return Glance's image object, as the caller sees it."""
        return images.seen_by(run.context, run.action.image_id)

    def conversion(self, run: Run, changes: import_plugins.Changes
                   ) -> Callable[[pathlib.Path], pathlib.Path] | None:
        """Return what turns a staged file into what is to be stored.

        :param changes: takes what that changes of the image
        """
        return None

    # What a kind has of its own -----------------------------------------

    @abc.abstractmethod
    def sources(self, run: Run, image: images.Image) -> Sequence[Readable]:
        """Return where the data can be read from, the best one first."""

    @abc.abstractmethod
    def recorded(self, run: Run, image: images.Image) -> dict[str, str]:
        """Return ``{algorithm: digest}`` that the source must have."""

    def register(self, run: Run, written: writing.Written,
                 show: Callable[[db.Connection], bool]) -> bool:
        """Record a copy that is whole, if it is not left to the end.

        :param show: :meth:`Attempts.show`
        :returns: True if it is recorded
        """
        run.write(record.WRITING, show)
        return False

    def locate(self, connection: db.Connection, run: Run,
               written: writing.Written) -> bool:
        """Record a copy in the image's row. True if it is."""
        action = run.action
        location_id = copies.add(
            connection, action.image_id, action.id, store=written.store,
            url=written.url, metadata=written.metadata,
            statuses=self.statuses)
        action.state.setdefault('copies', {})[written.store] = location_id
        return location_id is not None

    @abc.abstractmethod
    def finish(self, run: Run, image: images.Image, job: Attempts) -> None:
        """End the action well, in one write."""

    # The plugin ----------------------------------------------------------

    def run(self, run: Run) -> None:
        if not locks.ensure(run.action.image_id, run.action.id):
            raise errors.ImageChanged('Another operation holds the image')
        self._begin(run)
        image_id = run.action.image_id
        with writing.Transaction(image_id, run.context, run
                                 ) as transaction:
            job = Attempts(self, run, transaction)
            while not job.is_done():
                try:
                    cause = job.attempt(run.require_image())
                except errors.ActionError as exc:
                    cause = exc
                if cause is not None:
                    self._go_on(run, job, cause)
            with job.recording(job.written):
                self.finish(run, run.require_image(), job)
            job.commit(job.written)
        staging.remove(run.action.id)
        images.announce('image.upload', image_id)
        images.announce_update(image_id)

    def undo(self, run: Run) -> None:
        action = run.action
        removed = _recorded(action)

        def work(connection: db.Connection) -> bool:
            return undoing.take_back(connection, action.image_id, removed)

        if not run.write(record.ROLLING_BACK, work):
            LOG.warning('Action %s leaves the copies of image %s that it '
                        'made: the image has no other', action.id,
                        action.image_id)
        staging.remove(action.id)
        for store in action.state.get('noted', []):
            is_cleared = aftercare.clear(run, store, action.image_id)
            attempts.forget_noted(action, store)
            if is_cleared and action.stores[store]['status'] != 'failure':
                action.stores[store]['status'] = 'rolled-back'

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        if shown := [store for store in action.spec['stores'] if store]:
            copies.set_lists(
                connection, action.image_id, importing=[], failed=[
                    store for store in shown
                    if action.stores[store]['status'] == 'failure'])

    def stores(self, action: record.Action) -> Collection[str]:
        return list(action.spec['stores'])

    def events(self, action: record.Action, what: str
               ) -> Iterator[tuple[str, dict[str, Any]]]:
        for store, state in action.stores.items():
            done = state['status'] == 'success' and what != 'error'
            word = what if what == 'start' else 'end' if done else 'error'
            yield f'{self.event}.{word}', {
                'store': store, 'bytes': state['bytes_done']}

    def look_after(self, actions: list[record.Action]) -> None:
        """Put back what a stale save of the image took back."""
        for action in actions:
            image = images.read(action.image_id)
            if image is not None and image.status == 'deleted':
                aftercare.clear_deleted(image.id, [
                    *action.state.get('copies', {}),
                    *action.state.get('left', [])])
                continue
            if image is None or image.is_gone or locks.holder(image.id):
                continue
            if action.status == tasks.SUCCESS:
                _look_after_success(action, image)
            elif removed := _recorded(action):
                db.transaction(functools.partial(
                    undoing.take_back, image_id=image.id,
                    location_ids=removed))
            if copies.importing(image.id):
                db.transaction(functools.partial(
                    copies.set_lists, image_id=image.id, importing=[]))

    # ----------------------------------------------------------------------

    def _begin(self, run: Run) -> None:
        """Clear what a process that died has left unrecorded."""
        action = run.action
        images.announce('image.prepare', action.image_id)
        staging.remove(action.id)
        there = copies.in_stores(action.image_id, action.spec['stores'])
        for store in action.spec['stores']:
            action.stores[store]['status'] = (
                'success' if store in there else 'pending')
            if store in action.state.get('noted', []) and store not in there:
                aftercare.clear(run, store, action.image_id)
                attempts.forget_noted(action, store)
        run.write(record.READING)

    def _go_on(self, run: Run, job: Attempts, cause: errors.ActionError
               ) -> None:
        """Try the stores again that failed, or do without them.

        :raises errors.ActionError: ``cause``, where neither is allowed; or
            what has happened meanwhile
        """
        run.require_image_after(cause)
        try:
            if not cause.passing:
                raise cause
            run.retry(cause)
        except errors.ActionError as exc:
            if (isinstance(exc, _FINAL) or not job.kept
                    or run.action.spec['all_stores_must_succeed']):
                raise
            job.give_up()


class Method(Import):
    """An import that ``POST /v2/images/{id}/import`` can ask for."""

    #: What the image has to be when it is asked for.
    wanted: str
    #: See :class:`claims.Claim`.
    may_exceed = False
    #: The JSON schemas of what ``method`` has beside its name.
    properties: Mapping[str, Any] = {}

    @abc.abstractmethod
    def require(self, allowed: policy.ImagePolicy) -> None:
        """Raise webob's HTTPForbidden or HTTPNotFound unless allowed."""

    @abc.abstractmethod
    def keep(self, method: dict[str, Any]
             ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the row keeps of ``method``, and what it must not.

        :raises ValueError: with what is wrong about it
        :raises errors.DestinationRefused:
        """

    @abc.abstractmethod
    def prepare(self, connection: db.Connection, image_id: str) -> bool:
        """Write to an image that its import is accepted. False: changed."""


def _recorded(action: record.Action) -> list[int]:
    """Return the ids of the locations that an action has added."""
    return [each for each in action.state.get('copies', {}).values() if each]


def _look_after_success(action: record.Action, image: images.Image) -> None:
    """Bring back that an image was made, and copies that are where they were.

    And clear the stores that the action did without.
    """
    result = action.result
    if image.status == images.IMPORTING and 'os_hash_value' in result:
        db.transaction(lambda connection: images.activate(
            connection, image.id, None, size=result['size'],
            virtual_size=result['virtual_size'],
            checksum=result['checksum'],
            algorithm=result['os_hash_algo'],
            value=result['os_hash_value']))
    aftercare.bring_back(image.id, action.state['copies'])
    aftercare.clear_left(action)
