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

"""Bits that become an image only after they were fetched and verified.

From the specification "New upload workflow": until the end there is no
image, and nothing that anybody sees of one. The id of the image is reserved
from when the import is accepted until it has ended and is undone.
"""

from collections.abc import Container, Sequence
import functools
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_utils import uuidutils

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.host import copies
from glance_ext.host import creation
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import reservations
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.plugins import aftercare
from glance_ext.plugins import attempts
from glance_ext.plugins import claiming
from glance_ext.plugins import importing
from glance_ext.plugins import sources
from glance_ext.plugins import staged
from glance_ext.plugins import verifying
from glance_ext.plugins import web_download
from glance_ext.stores import writing
from glance_ext.stores.digesting import Readable
from glance_ext.transfer import sums

ACTION_TYPE = 'import'
_CONTAINER = 'bare'


def spec(body: dict[str, Any], stores: list[str], kept: dict[str, Any],
         request: str) -> dict[str, Any]:
    """Return what :func:`node.begin_unlocked` wants to know.

    :param body: of the request
    :param kept: of it, what the row may hold in the place of its URIs
    :param request: by which the same request is known again
    """
    asked = {name: body[name] for name in (
        'image_properties', 'os_hash_algo', 'os_hash_value') if name in body}
    waits = {} if 'location' in body else {
        'upload_timeout': cfg.CONF.glance_ext.import_upload_timeout}
    properties = body.get('image_properties', {})
    return record.new_spec(
        ACTION_TYPE, locks_image=False, stores=stores,
        **waits, **asked, **kept,
        all_stores_must_succeed=body.get('all_stores_must_succeed', True),
        future_id=properties.get('id') or uuidutils.generate_uuid(),
        request=request)


def rules(asked: Container[str]) -> tuple[str, ...]:
    """Return what Glance asks of whoever gives an image its data so.

    :param asked: the body of the request, or the spec
    """
    return creation.FETCH if 'location' in asked else creation.UPLOAD


class ImageImport(importing.Import):
    """The plugin.

    The spec holds ``location`` and ``hash_uri`` without their queries,
    ``image_properties``, the stores, the expected digest, and the
    ``future_id`` of the image. The state holds ``uploaded``; ``facts``, that
    is what the image is, found out by the verifiers; and ``noted``, the
    stores where something may lie.
    """

    name = ACTION_TYPE
    event = 'image.import'
    statuses = ()

    def run(self, run: Run) -> None:
        action = run.action
        if not reservations.ensure(action.spec['future_id'], action.id):
            raise errors.ImageExists('Another image or import has the id')
        self._begin(run)
        self._verify(run, *self._obtain(run))
        future = _future(run)
        with writing.Transaction(future.id, run.context, run
                                 ) as transaction:
            job = attempts.Attempts(self, run, transaction)
            while not job.is_done():
                try:
                    cause = job.attempt(future)
                except errors.ActionError as exc:
                    cause = exc
                if cause is not None:
                    self._go_on(run, job, cause)
            with job.recording(job.written):
                self.finish(run, future, job)
            job.commit(job.written)
        staging.remove(action.id)
        images.announce('image.upload', future.id)
        images.announce('image.activate', future.id)

    def undo(self, run: Run) -> None:
        self._clear(run)
        staging.remove(run.action.id)

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        """Let go of the id: there is no image that would have it."""
        reservations.release(connection, action.spec['future_id'], action.id)

    def look_after(self, actions: list[record.Action]) -> None:
        """As with other imports; and release what an older node did not."""
        super().look_after(actions)
        for action in actions:
            if action.phase == record.ENDED and reservations.is_reserved(
                    action.spec['future_id']):
                db.transaction(functools.partial(
                    self.roll_back, action=action))

    # What the attempts ask ------------------------------------------------

    def is_staged(self) -> bool:
        return False

    def is_inspected(self, image: Any) -> bool:
        return True

    def seen(self, run: Run) -> Any:
        return creation.build(run.context, _properties(run),
                              rules(run.action.spec))

    def sources(self, run: Run, image: images.Image) -> Sequence[Readable]:
        return [staged.StagedFile(_file(run))]

    def recorded(self, run: Run, image: images.Image) -> dict[str, str]:
        return {}

    def finish(self, run: Run, image: images.Image, job: attempts.Attempts
               ) -> None:
        action, written, found = run.action, job.written, job.found
        algorithm = job.algorithm(image)
        size = next(iter(written.values())).size
        virtual_size = job.virtual_size or action.state['facts'][
            'virtual_size']
        run.write(record.RECORDING)
        creation.add(run.context, _properties(run), action.id,
                     rules(action.spec))
        action.result = {
            'image_id': image.id, 'size': size, 'virtual_size': virtual_size,
            'checksum': found[attempts.CHECKSUM], 'os_hash_algo': algorithm,
            'os_hash_value': found[algorithm], 'stores': sorted(written),
            'failed_stores': [store for store in action.spec['stores']
                              if store not in written]}

        claim = claiming.to_record(run, size, len(written))

        def work(connection: db.Connection) -> bool:
            claim.require(connection)
            tasks.name_image(connection, action.id, image.id)
            return all(self.locate(connection, run, copy)
                       for copy in written.values()) and images.activate(
                connection, image.id, action.id, size=size,
                virtual_size=virtual_size, algorithm=algorithm,
                checksum=found[attempts.CHECKSUM], value=found[algorithm])

        action.image_id = image.id
        done = False
        try:
            done = run.succeed(f'Made an image of {size} bytes', work)
        finally:
            if not done:
                action.image_id, action.result = '', {}
        if not done:
            raise errors.ImageDeleted(
                'The image was deleted while it was made')

    # ----------------------------------------------------------------------

    def locate(self, connection: db.Connection, run: Run,
               written: writing.Written) -> bool:
        action = run.action
        location_id = copies.add(
            connection, action.image_id, action.id, store=written.store,
            url=written.url, metadata=written.metadata,
            statuses=(images.IMPORTING,))
        action.state.setdefault('copies', {})[written.store] = location_id
        return location_id is not None

    def _begin(self, run: Run) -> None:
        """Clear what a process that died has left."""
        action = run.action
        self._clear(run)
        if 'location' in action.spec:
            staging.remove(action.id)
        action.state = {name: value for name, value in action.state.items()
                        if name in ('uploaded', 'size')}
        for state in action.stores.values():
            state['status'] = 'pending'
        run.write(record.READING)

    def _clear(self, run: Run) -> None:
        """Delete the image and the data that are not to be.

        What is under an id that another image or import has is left alone.
        """
        action = run.action
        future_id = action.spec['future_id']
        if reservations.ensure(future_id, action.id):
            creation.discard(future_id, action.id)
        for store in action.state.get('noted', []):
            aftercare.clear(run, store, future_id)
            attempts.forget_noted(action, store)

    def _obtain(self, run: Run) -> tuple[dict[str, str], dict[str, str]]:
        """Have the data in staging; return its digests, and the wanted ones.
        """
        action = run.action
        expected = _expected(run)
        algorithms = {attempts.CHECKSUM, *expected}
        reading = attempts.reader(run, algorithms, {})
        if 'location' not in action.spec:
            return _uploaded(run, reading, bool(expected)), expected
        while True:
            source = None
            try:
                source = _source(run, claiming.most_staged(run))
                run.progress.total = source.size()
                claiming.ask(run, run.progress.total)
                found = staged.fetch(run, reading, [source], None)[1]
            except (errors.Cancelled, errors.ImageTooLarge):
                raise
            except errors.ActionError as exc:
                said = _plainly(run, exc)
                if not exc.passing or isinstance(
                        exc, errors.RemoteUnavailable):
                    # A download has made its attempts by itself.
                    raise said from exc
                run.retry(said)
            else:
                return found, expected
            finally:
                getattr(source, 'close', lambda: None)()

    def _verify(self, run: Run, found: dict[str, str],
                expected: dict[str, str]) -> None:
        action = run.action
        run.write(record.VERIFYING)
        properties = action.spec.get('image_properties', {})
        subject = verifying.Subject(
            staging.file(action.id), properties.get('disk_format'),
            properties.get('container_format') or _CONTAINER,
            found, expected, claiming.most(run), run.context, run.sleep)
        verifying.verify(subject)
        action.state['facts'] = {
            'disk_format': subject.disk_format,
            'container_format': subject.container_format,
            'virtual_size': subject.virtual_size}
        action.state['file'] = subject.file.name
        run.write(record.WRITING)


def _future(run: Run) -> images.Image:
    """Return the row of the image that is to be."""
    return images.Image(
        id=run.action.spec['future_id'], owner=run.action.owner,
        status=images.IMPORTING, deleted=False, protected=False,
        size=_file(run).stat().st_size, checksum=None, os_hash_algo=None,
        os_hash_value=None)


def _properties(run: Run) -> dict[str, Any]:
    """Return what the image is to be like, as for ``POST /v2/images``."""
    spec, facts = run.action.spec, run.action.state['facts']
    return {**spec.get('image_properties', {}), 'id': spec['future_id'],
            'disk_format': facts['disk_format'],
            'container_format': facts['container_format']}


def _file(run: Run) -> Path:
    return staging.file(run.action.id).with_name(run.action.state['file'])


def _location(run: Run, name: str) -> sources.Location:
    spec = run.action.spec
    return sources.Location(
        spec[name], run.secret(name) if name in spec['secret'] else '')


def _source(run: Run, most: int) -> Readable:
    location = _location(run, 'location')
    source = sources.load(sources.scheme(location.shown))
    if source is None:
        raise errors.DestinationRefused(
            'This host cannot read from locations of that scheme')
    return source.open(run, location, most)


def _plainly(run: Run, cause: errors.ActionError) -> errors.ActionError:
    """Return a failure of the source in the specification's words."""
    status = getattr(cause, 'status', 0)
    why = (f"Received {status} response for url "
           f"'{run.action.spec['location']}'." if status
           else f'{cause.message[0].upper()}{cause.message[1:]}.')
    said = type(cause)(f'Could not retrieve image.  {why}')
    vars(said).update({name: value for name, value in vars(cause).items()
                       if name != 'message'})
    return said


def _expected(run: Run) -> dict[str, str]:
    """Return ``{algorithm: digest}`` that the data has to have."""
    spec = run.action.spec
    if 'os_hash_value' in spec:
        return {spec['os_hash_algo']: spec['os_hash_value']}
    if 'hash_uri' not in spec:
        return {}
    listed = _location(run, 'hash_uri')
    return web_download.listed_digest(
        web_download.download(run, sources.joined(listed), sums.MOST),
        spec.get('location', ''), listed.shown)


def _uploaded(run: Run, reading: Any, is_digested: bool) -> dict[str, str]:
    """Return the digests of what was uploaded, where they are wanted."""
    file = staging.file(run.action.id)
    if not file.exists():
        raise errors.UploadLost(
            'The uploaded data is not on the host that went on with the '
            'import')
    run.progress.total = file.stat().st_size
    if not is_digested:
        return {}
    found: dict[str, str] = reading.read([staged.StagedFile(file)])[1]
    return found
