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
"""A directory that goes when the process that made it ends, however it ends.

A small shell of its own session waits at a pipe that only its maker holds
open. The kernel closes the pipe even of a maker that was killed; the shell
then unmounts what is mounted at ``mnt`` and removes the directory.
"""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import tempfile

# The pause lets servers that die of the same end write their last.
KEEPER = """
read -r _
[ -e "$1" ] || exit 0
sleep 1
umount -l "$1/mnt" 2>/dev/null
rm -rf --one-file-system -- "$1"
"""


class Scratch:
    """A new directory, ``path``, until ``remove`` or the process's end."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f'glance-ext-{name}-'))
        self._keeper = subprocess.Popen(
            ['sh', '-c', KEEPER, 'keeper', str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd='/',
            start_new_session=True,
        )

    def remove(self) -> None:
        """Remove it now; a second call does nothing.

        :raises OSError: when something is still mounted in it.
        """
        if self.path.exists():
            shutil.rmtree(self.path)
        assert self._keeper.stdin
        self._keeper.stdin.close()
        self._keeper.wait()
