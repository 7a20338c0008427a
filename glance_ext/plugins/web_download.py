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
"""Fetch the data of an image from a server, straight into its stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import hashlib
import pathlib
from typing import Any
import urllib.parse

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.actions.run import Run
from glance_ext.conf.hash import ALGORITHMS
from glance_ext.conf.hash import is_calculable
from glance_ext.host import copies
from glance_ext.host import database as db
from glance_ext.host import images
from glance_ext.host import import_plugins
from glance_ext.host import policy
from glance_ext.host import release
from glance_ext.plugins import claiming
from glance_ext.plugins import destinations
from glance_ext.plugins import importing
from glance_ext.plugins.attempts import CHECKSUM
from glance_ext.plugins.attempts import Attempts
from glance_ext.stores import drivers
from glance_ext.stores.digesting import Readable
from glance_ext.transfer import sums
from glance_ext.transfer import wire
from glance_ext.transfer.destinations import Rules
from glance_ext.transfer.http_source import Download

_TEXT = {'type': 'string', 'minLength': 1, 'maxLength': 2048}


class WebDownload(importing.Method):
    """The plugin. Nothing is recorded before all of it can be.

    What the row keeps of a URI ends at its question mark: the query may be a
    credential, and is one of the secrets.
    """

    name = 'web-download'
    event = 'image.import'
    wanted = images.QUEUED
    statuses = (images.IMPORTING,)
    properties = {
        'uri': _TEXT, 'hash_uri': _TEXT, 'os_hash_value': {
            'type': 'string', 'pattern': '^[0-9a-fA-F]{1,128}$'},
        'os_hash_algo': {'type': 'string', 'enum': list(ALGORITHMS)}}

    def require(self, allowed: policy.ImagePolicy) -> None:
        allowed.modify_image()

    def keep(self, method: dict[str, Any]
             ) -> tuple[dict[str, Any], dict[str, str]]:
        if 'uri' not in method:
            raise ValueError("web-download needs a 'uri'")
        if ('os_hash_algo' in method) != ('os_hash_value' in method):
            raise ValueError("'os_hash_algo' and 'os_hash_value' go together")
        if 'os_hash_value' in method and len(method['os_hash_value']) != (
                2 * hashlib.new(method['os_hash_algo'],
                                usedforsecurity=False).digest_size):
            raise ValueError("'os_hash_value' is no digest of 'os_hash_algo'")
        if 'hash_uri' in method and 'os_hash_value' in method:
            raise ValueError(
                "'hash_uri' and 'os_hash_value' exclude each other")
        kept: dict[str, Any] = dict(method)
        secrets: dict[str, str] = {}
        for name in ('uri', 'hash_uri'):
            if name in method:
                destinations.rules().parse(method[name])
                kept[name], _, query = method[name].partition('?')
                if query:
                    kept[name] += '?'
                    secrets[name] = query
        return kept, secrets

    def is_staged(self) -> bool:
        return bool(import_plugins.names())

    def is_inspected(self, image: Any) -> bool:
        return True

    def conversion(self, run: Run, changes: import_plugins.Changes
                   ) -> Callable[[pathlib.Path], pathlib.Path] | None:
        if not import_plugins.names():
            return None
        action = run.action

        def convert(file: pathlib.Path) -> pathlib.Path:
            most = claiming.most(run)
            made = import_plugins.run(
                file, changes, action.image_id, action.id, run.context,
                action.spec['stores'],
                {'method': {'name': self.name, **action.spec['method']}},
                most, run.sleep)
            if made.stat().st_size > most:
                raise errors.ImageTooLarge(
                    f'The data is more than {most} bytes after conversion, '
                    f'which {most.limit} does not allow')
            return made
        return convert

    def prepare(self, connection: db.Connection, image_id: str) -> bool:
        return images.change_status(
            connection, image_id, images.QUEUED, images.IMPORTING)

    def run(self, run: Run) -> None:
        # Glance leaves it so when it refuses an upload for its format. It
        # must not become a copy of the data that is fetched.
        if there := images.locations(run.action.image_id, None):
            stores = ', '.join(sorted({
                drivers.name(each.store) for each in there}))
            raise errors.StoreOccupied(
                f'The image waits for data, and has some already: {stores}')
        super().run(run)

    def sources(self, run: Run, image: images.Image) -> Sequence[Readable]:
        remote = Remote(_download(run, 'uri', claiming.most_staged(run)))
        remote.download.open()
        run.progress.total = remote.download.size
        try:
            claiming.ask(run, remote.download.size)
        except BaseException:
            remote.close()
            raise
        return [remote]

    def recorded(self, run: Run, image: images.Image) -> dict[str, str]:
        method = run.action.spec['method']
        if 'os_hash_value' in method:
            return {method['os_hash_algo']: method['os_hash_value']}
        if 'hash_uri' not in method:
            return {}
        return listed_digest(_download(run, 'hash_uri', sums.MOST),
                             method['uri'], method['hash_uri'])

    def finish(self, run: Run, image: images.Image, job: Attempts
               ) -> None:
        action, written, found = run.action, job.written, job.found
        algorithm = job.algorithm(image)
        done, failed = sorted(written), [
            store for store in action.spec['stores'] if store not in written]
        size = next(iter(written.values())).size
        action.result = {
            'image_id': image.id, 'size': size,
            'virtual_size': job.virtual_size, 'checksum': found[CHECKSUM],
            'os_hash_algo': algorithm, 'os_hash_value': found[algorithm],
            'stores': done, 'failed_stores': failed}

        claim = claiming.to_record(run, size, len(written))

        def work(connection: db.Connection) -> bool:
            claim.require(connection)
            if not all(self.locate(connection, run, copy)
                       for copy in written.values()):
                return False
            if any(action.spec['stores']):
                copies.set_lists(connection, image.id, importing=[],
                                 failed=failed)
            job.changes.write(connection, image.id)
            return images.activate(
                connection, image.id, action.id, size=size,
                virtual_size=job.virtual_size, checksum=found[CHECKSUM],
                algorithm=algorithm, value=found[algorithm])

        if not run.succeed(f'Imported {size} bytes', work):
            action.result = {}
            run.require_image()
            raise errors.ImageChanged(
                'The action lost the lock of the image')
        images.announce('image.activate', image.id)

    def roll_back(self, connection: db.Connection,
                  action: record.Action) -> None:
        super().roll_back(connection, action)
        images.change_status(connection, action.image_id, images.IMPORTING,
                             images.QUEUED)


class Remote:
    """A download as a source of bytes."""

    store = ''

    def __init__(self, download: Download) -> None:
        self.download = download

    def __str__(self) -> str:
        return str(self.download)

    @property
    def seeks(self) -> bool:
        return self.download.seeks

    def size(self, patience: float | None = None) -> int | None:
        return self.download.size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        return self.download.chunks(offset)

    def close(self) -> None:
        self.download.close()


def listed_digest(listed: Download, uri: str, hash_uri: str
                  ) -> dict[str, str]:
    """Return ``{algorithm: digest}`` that a file of digests has for a URI.

    :param listed: that file, which lies at ``hash_uri``; closed in the end
    """
    with listed:
        text = sums.read(listed.chunks())
    algorithm, value = sums.find(text, urllib.parse.urlsplit(uri).path,
                                 urllib.parse.urlsplit(hash_uri).path)
    if not is_calculable(algorithm):
        raise errors.HashUnverifiable(
            f'The file of digests has one by {algorithm!r}, which this '
            f'host does not have')
    return {algorithm: value}


def _download(run: Run, name: str, limit: int) -> Download:
    url = run.action.spec['method'][name]
    if url.endswith('?'):
        url += run.secret(name)
    return download(run, url, limit)


def download(run: Run, url: str, limit: int, rules: Rules | None = None,
             headers: Mapping[str, str] | None = None) -> Download:
    """Return what is at ``url``, with the options of this host.

    :param limit: bytes that there may be
    :param rules: instead of those for what users ask for
    """
    options = cfg.CONF.glance_ext
    return Download(
        url, rules or destinations.rules(), headers=headers,
        transport=transport(),
        connections=(1 if release.has_green_threads()
                     else options.download_connections),
        timeout=options.download_timeout, limit=limit,
        limited_by=getattr(limit, 'limit', ''), check=run.check,
        retry=run.retry)


def transport() -> wire.Transport:
    """Return how this host connects to servers elsewhere."""
    options = cfg.CONF.glance_ext
    return wire.Transport(
        options.download_proxy, options.download_ca_file,
        options.download_connect_timeout, options.download_read_timeout)
