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

"""The import method ``shelf``: files that lie on the Glance nodes.

``{"method": {"name": "shelf", "file": "debian-12.raw"}}``
"""

from collections.abc import Iterator, Sequence
import pathlib
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions.run import Run
from glance_ext.host import images
from glance_ext.plugins import web_download
from glance_ext.stores.digesting import Readable

GROUP = 'glance_ext_shelf'
OPTIONS = [
    cfg.StrOpt('directory', default='/srv/shelf',
               help='Where the files are, on every node.')]

cfg.CONF.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return what the generator of sample files asks for."""
    return [(GROUP, OPTIONS)]


class Shelf(web_download.WebDownload):
    """All but the source of the bytes is as with web-download."""

    name = 'shelf'
    # No separator, and no dot in front: a name never leads elsewhere.
    properties = {'file': {
        'type': 'string', 'maxLength': 255,
        'pattern': r'\A[A-Za-z0-9_][A-Za-z0-9_.-]*\Z'}}

    def keep(self, method: dict[str, Any]
             ) -> tuple[dict[str, Any], dict[str, str]]:
        """Say no before the import is accepted, where that can be known."""
        if 'file' not in method:
            raise ValueError("shelf needs a 'file'")
        if not File(method['file']).path.is_file():
            raise ValueError('There is no such file on the shelf')
        return method, {}

    def sources(self, run: Run, image: images.Image) -> Sequence[Readable]:
        file = File(run.action.spec['method']['file'])
        run.progress.total = file.size()
        return [file]

    def recorded(self, run: Run, image: images.Image) -> dict[str, str]:
        return {}


class File:
    """A file, as actions read it."""

    store = ''  # it takes no store's bandwidth
    seeks = True

    def __init__(self, name: str) -> None:
        self.path = pathlib.Path(cfg.CONF[GROUP].directory, name)

    def __str__(self) -> str:
        return f'the file {self.path.name}'

    def size(self, patience: float | None = None) -> int | None:
        try:
            return self.path.stat().st_size
        except OSError as exc:
            raise self._gone() from exc

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        try:
            with self.path.open('rb') as file:
                file.seek(offset)
                while chunk := file.read(1 << 19):
                    yield chunk
        except OSError as exc:
            raise self._gone() from exc

    def close(self) -> None:
        """Nothing stays open."""

    def _gone(self) -> errors.StoreError:
        return errors.DataMissing(f'{self} cannot be read on this node')
