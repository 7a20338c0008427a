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
"""Images to measure with, and Glance's own way of hashing one."""

from collections.abc import Callable, Iterator
import contextlib
import hashlib
import pathlib
import tempfile
import time

from glance_ext import errors
from glance_ext.stores.digesting import Pass
from glance_ext.transfer.ahead import UNIT
from glance_ext.transfer.progress import Progress

CHUNK = 64 * 1024
MIB = 1 << 20


@contextlib.contextmanager
def image(directory: str | None, mib: int, *, sparse: bool = False
          ) -> Iterator[pathlib.Path]:
    """Yield a file of so many MiB; it is deleted afterwards.

    :param sparse: of zeros that no disk has to hold
    """
    with tempfile.TemporaryDirectory(dir=directory) as where:
        path = pathlib.Path(where, 'image')
        block = hashlib.shake_256(b'bench').digest(MIB)
        with path.open('wb') as file:
            if sparse:
                file.truncate(mib * MIB)
            else:
                for _ in range(mib):
                    file.write(block)
        yield path


def chunks(path: pathlib.Path, size: int = CHUNK) -> Iterator[bytes]:
    """Read as glance_store's filesystem driver does."""
    with path.open('rb') as file:
        while chunk := file.read(size):
            yield chunk


def hash_theirs(path: pathlib.Path, check: Callable[[int], None]
                ) -> list[str]:
    """Hash as Glance does after a location is added: one loop for all.

    Its own loop also looks for a file, at every chunk, that would cancel it;
    this one does not, and is a little faster for it.

    :param check: called with the bytes of every chunk
    """
    checksum = hashlib.md5(usedforsecurity=False)
    multihash = hashlib.sha512()
    for chunk in chunks(path):
        check(len(chunk))
        checksum.update(chunk)
        multihash.update(chunk)
    return [checksum.hexdigest(), multihash.hexdigest()]


class Copy:
    """A copy of an image, as the hash job knows it, in a plain file."""

    seeks = True
    store = 'bench'

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        return chunks(self._path, UNIT)

    def size(self, patience: float | None = None) -> int:
        return self._path.stat().st_size


def fail(cause: errors.StoreError) -> None:
    """Take every failure of a store for the end."""
    raise cause


def hash_ours(path: pathlib.Path, threads: int, progress: Progress,
              check: Callable[[], None] = lambda: None) -> list[str]:
    """Hash as the hash job does."""
    _copy, found = Pass(
        algorithms=frozenset({'md5', 'sha512'}), recorded={},
        size=path.stat().st_size, threads=threads, stall_timeout=60,
        check=check, retry=fail, sleep=time.sleep, progress=progress
    ).read([Copy(path)])
    return [found['md5'], found['sha512']]
