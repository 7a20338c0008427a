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
"""An image's data, sent to where its owner wants it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
import pathlib
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.conf.hash import is_calculable
from glance_ext.host import conversion
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import quotas
from glance_ext.host import staging
from glance_ext.plugins import attempts
from glance_ext.plugins import destinations
from glance_ext.plugins import sources
from glance_ext.plugins import staged
from glance_ext.plugins import web_download
from glance_ext.stores import drivers
from glance_ext.stores.digesting import Believe
from glance_ext.stores.digesting import Readable
from glance_ext.stores.reading import Copy
from glance_ext.transfer import http_put
from glance_ext.transfer import reported
from glance_ext.transfer.closing import closing
from glance_ext.transfer.digests import Digests

ACTION_TYPE = 'export'


def spec(location: str, has_secret: bool, request: str,
         formats: tuple[str, str] | None) -> dict[str, Any]:
    """Return what :func:`node.begin_unlocked` wants to know.

    :param location: without its query
    :param formats: what the image is, and what it is to be converted to
    """
    return record.new_spec(
        ACTION_TYPE, locks_image=False, location=location, request=request,
        secret=['location'] if has_secret else [],
        formats=list(formats) if formats else None)


class ImageExport:
    """The plugin. The spec is that of :func:`spec`."""

    statuses = (images.ACTIVE,)

    def run(self, run: Run) -> None:
        action = run.action
        staging.remove(action.id)
        seconds = cfg.CONF.glance_ext.export_timeout
        run.end_within(seconds, f'The export took longer than {seconds} '
                                f'seconds (export_timeout)')
        run.write(record.READING)
        made: Sequence[Readable] = ()
        while True:
            image = run.require_image()
            try:
                if action.spec['formats'] and not made:
                    made = self._convert(run, image)
                self._send(run, image, made)
            except errors.ActionError as exc:
                if not exc.passing:
                    raise
                run.check()
                run.retry(exc)
            else:
                break
        staging.remove(action.id)
        run.succeed(f'Sent {action.result["size"]} bytes')

    def undo(self, run: Run) -> None:
        """What lies at the target is its owner's."""
        staging.remove(run.action.id)

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        """Nothing was written to the image."""

    def stores(self, action: record.Action) -> Collection[str]:
        return ()

    def events(self, action: record.Action, what: str
               ) -> Iterator[tuple[str, dict[str, Any]]]:
        yield f'image.export.{what}', {'result': action.result}

    def look_after(self, actions: list[record.Action]) -> None:
        """Nothing of an export can be undone."""

    def _convert(self, run: Run, image: images.Image) -> list[Readable]:
        """Have the image in staging, in the wanted format."""
        given, wanted = run.action.spec['formats']
        copies = _copies(run, image)
        reading = attempts.reader(run, {attempts.CHECKSUM}, _recorded(image),
                                  len(copies))
        # What will be staged is told at once, for the project's limits.
        run.progress.total = image.size or None
        run.write(record.READING)

        def convert(file: pathlib.Path) -> pathlib.Path:
            target = file.with_name('converted')
            with conversion.opened(file, given, run.context, run.sleep
                                   ) as disk:
                size = disk.size_as(wanted)
                run.progress.total = file.stat().st_size + size
                run.write(record.READING)
                disk.write(target, wanted, quotas.most(run.context, 1), size)
            return target
        return list(staged.fetch(run, reading, copies, convert)[0])

    def _send(self, run: Run, image: images.Image,
              made: Sequence[Readable]) -> None:
        """Send the bytes once, and compare digests with the target."""
        copies = made or _copies(run, image)
        size = copies[0].size(cfg.CONF.glance_ext.stall_timeout)
        if size is None:
            raise errors.StoreError(
                f'{copies[0]} does not say how large the image is')
        run.progress.total = size
        recorded = {} if made else _recorded(image)
        reading = attempts.reader(run, {attempts.CHECKSUM}, recorded,
                                  len(copies))
        stored = None

        def deliver(chunks: Iterable[bytes], digests: Digests,
                    believe: Believe) -> dict[str, str]:
            nonlocal stored
            found: dict[str, str] = {}
            stored = _put(run, size, _believed(
                run, chunks, size, digests, believe, found))
            return found

        found = reading.read(copies, deliver)[1]
        run.write(record.VERIFYING)
        known = reported.digests(stored.headers) if stored else {}
        compared = sorted(known.keys() & found.keys())
        for algorithm in compared:
            if known[algorithm] != found[algorithm]:
                raise errors.HashMismatch(
                    f'The target reports another {algorithm} than that of '
                    f'the data which was sent; what is there is not the '
                    f'image')
        run.action.result = {
            'image_id': image.id, 'size': size, 'verified_by': compared}


def _believed(run: Run, chunks: Iterable[bytes], size: int, digests: Digests,
              believe: Believe, found: dict[str, str]) -> Iterator[bytes]:
    """Yield the chunks, the last of them only if all of them are right.

    A target that did not get every byte keeps none.
    """
    left = size
    with closing(chunks) as source:
        for chunk in source:
            digests.update(chunk)
            run.progress.advance(len(chunk))
            left -= len(chunk)
            if left <= 0:
                break
            yield chunk
        else:
            chunk = b''
        # What is beyond the size, Pass objects to.
        for more in source:
            digests.update(more)
        found.update(digests.finish())
        believe(found)
        if chunk:
            yield chunk


def _put(run: Run, size: int, chunks: Iterable[bytes]) -> http_put.Stored:
    spec = run.action.spec
    location = sources.Location(
        spec['location'],
        run.secret('location') if 'location' in spec['secret'] else '')
    try:
        return http_put.put(
            sources.joined(location), destinations.rules(exporting=True),
            chunks, size, transport=web_download.transport(),
            check=run.check)
    except (errors.RemoteRefused, errors.RemoteUnavailable) as exc:
        if exc.status:
            said = type(exc)(
                f'Could not send the image.  Received {exc.status} response '
                f"for url '{location.shown}'.")
            said.status = exc.status
            raise said from exc
        raise


def _copies(run: Run, image: images.Image) -> list[Copy]:
    found = [Copy(location, run.context) for location in images.locations(
        image.id, drivers.default_store())]
    if not found:
        raise errors.DataMissing('The image has no location')
    return found


def _recorded(image: images.Image) -> dict[str, str]:
    """Return what the data has to be, as far as that is known here."""
    if image.os_hash_value and image.os_hash_algo and is_calculable(
            image.os_hash_algo):
        return {image.os_hash_algo: image.os_hash_value}
    return {attempts.CHECKSUM: image.checksum} if image.checksum else {}
