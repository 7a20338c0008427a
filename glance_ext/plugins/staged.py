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
"""Data that waits in the staging directory of this host on its way."""

from collections.abc import Callable, Iterable, Iterator, Sequence
import contextlib
import errno
import os
import pathlib
from typing import BinaryIO

from glance_ext import errors
from glance_ext.actions.run import Run
from glance_ext.host import staging
from glance_ext.plugins import claiming
from glance_ext.stores.digesting import Believe
from glance_ext.stores.digesting import Pass
from glance_ext.stores.digesting import Readable
from glance_ext.transfer.closing import closing
from glance_ext.transfer.digests import Digests

_CHUNK = 1 << 20


class StagedFile:
    """A file of this host, as a source."""

    store = ''
    seeks = True

    def __init__(self, file: pathlib.Path) -> None:
        self.file = file

    def __str__(self) -> str:
        return 'the staged data'

    def size(self, patience: float | None = None) -> int:
        try:
            return self.file.stat().st_size
        except OSError as exc:
            raise _translated(exc) from exc

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes from ``offset`` on.

        :raises errors.StoreError: the disk failed
        """
        try:
            with open(self.file, 'rb') as file:
                file.seek(offset)
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as exc:
            raise _translated(exc) from exc


def fetch(run: Run, reading: Pass, sources: Sequence[Readable],
          convert: Callable[[pathlib.Path], pathlib.Path] | None
          ) -> tuple[list[Readable], dict[str, str]]:
    """Read a source into staging; return that, and its digests.

    :param convert: makes what is to be stored of it, and returns that
    :returns: no digests where it was converted
    :raises errors.StoreFull: staging has no room
    :raises errors.ImageTooLarge: the project may not have so much
    """
    try:
        file = staging.file(run.action.id)
    except OSError as exc:
        raise _translated(exc) from exc

    def deliver(chunks: Iterable[bytes], digests: Digests, believe: Believe
                ) -> dict[str, str]:
        try:
            with _opened(file) as target, closing(chunks) as source:
                for chunk in source:
                    digests.update(chunk)
                    target.write(chunk)
                    run.progress.advance(len(chunk))
        except OSError as exc:
            raise _translated(exc) from exc
        found = digests.finish()
        believe(found)
        return found

    _source, found = reading.read(sources, deliver)
    made = StagedFile(convert(file) if convert else file)
    run.progress.total = made.size()
    claiming.ask(run, run.progress.total)
    return [made], {} if convert else found


@contextlib.contextmanager
def writing(action_id: str) -> Iterator[tuple[BinaryIO, pathlib.Path]]:
    """Open a file beside the data of an action, for its data to come.

    It is gone afterwards, unless it was moved.

    :raises errors.StoreError: staging failed
    """
    try:
        file = staging.file(action_id).with_name('upload')
        try:
            with _opened(file) as target:
                yield target, file
        finally:
            file.unlink(missing_ok=True)
    except OSError as exc:
        raise _translated(exc) from exc


def _opened(file: pathlib.Path) -> BinaryIO:
    return open(os.open(
        file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600),
        'wb')


def _translated(exc: OSError) -> errors.StoreError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.StoreFull('The staging directory is full')
    return errors.StoreError(
        f'The staging directory failed: {type(exc).__name__}')
