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
"""File stores: a plain directory, or a file system of its own by a loop.

A mount is seen by the whole machine, and is undone with the directory it is
in (``scratch``), also when this process is killed.
"""

from __future__ import annotations

import atexit
import functools
import os
from pathlib import Path
import subprocess

from tests.harness import backends
from tests.harness.backends import scratch

# How each is made, and the least MiB that it can be made of.
MAKE = {
    'ext4': (('mkfs.ext4', '-q', '-F', '-m', '0'), 8),
    'xfs': (('mkfs.xfs', '-q', '-f', '-m', 'reflink=1'), 300),
    'btrfs': (('mkfs.btrfs', '-q', '-f'), 110),
}
CAP_SYS_ADMIN = 21


def available(kind: str = 'plain') -> backends.Availability:
    """Tell whether this kind of file system can be made and mounted here."""
    if kind == 'plain':
        return backends.Availability()
    command, _ = MAKE[kind]
    found = backends.programs((command[0], 'mount', 'umount'))
    if found and not _may_mount():
        return backends.Availability(f'{kind}: only root can mount')
    if found and not Path('/dev/loop-control').exists():
        return backends.Availability(f'{kind}: loop devices absent')
    return found


class Filesystem:
    """One file system of its own, or just a directory, while it is started.

    :param kind: ``plain``, or a key of ``MAKE``.
    :param size: MiB, and no less than ``MAKE`` says. It takes disk only for
        what is written. ``Filesystem('ext4', 8)`` is for filling up.
    """

    def __init__(self, kind: str = 'plain', size: int = 1024) -> None:
        available(kind).require()
        self.kind = kind
        self._size = size
        self._scratch = scratch.Scratch(kind)
        self._mounted = False
        self.directory = self._scratch.path / 'mnt'
        self.directory.mkdir()
        atexit.register(self.stop)

    def __enter__(self) -> Filesystem:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Filesystem:
        """Make it and mount it.

        :raises RuntimeError: when that fails, with what was said.
        """
        try:
            if self.kind != 'plain':
                self._mount()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Unmount and remove it.

        :raises RuntimeError: when something in it is still open.
        """
        atexit.unregister(self.stop)
        if self._mounted:
            _run('umount', str(self.directory))
            self._mounted = False
        self._scratch.remove()

    def conf(
        self, name: str = 'file', **changes: object
    ) -> backends.Sections:
        """Return a file store in a directory of its own on it.

        :param changes: options of the driver over these.
        """
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        options = {'filesystem_store_datadir': str(directory)}
        return {f'{name}:file': options | changes}

    def free(self) -> int:
        """Return how many bytes can still be written."""
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize

    def _mount(self) -> None:
        image = self._scratch.path / 'image'
        with image.open('xb') as file:
            file.truncate(self._size << 20)
        _run(*MAKE[self.kind][0], str(image))
        _run('mount', '-t', self.kind, '-o', 'loop',
             str(image), str(self.directory))
        self._mounted = True
        # The loop holds it; nobody has to remove it afterwards.
        image.unlink()


@functools.cache
def shared(kind: str = 'plain') -> Filesystem:
    """Return this worker process's file system of a kind, 1 GiB.

    :raises unittest.SkipTest: where it cannot be had, with the reason.
    """
    return Filesystem(kind).start()


def _may_mount() -> bool:
    status = Path('/proc/self/status').read_text()
    (line,) = (line for line in status.splitlines() if 'CapEff' in line)
    return bool(int(line.split()[1], 16) >> CAP_SYS_ADMIN & 1)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{command[0]}: {done.stderr}')
