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

"""Whether what would be released can be installed, and works.

The sdist and the wheel are built from a clean clone of the last commit. The
wheel is installed beside each release of Glance in an environment of its
own, where the package's source is out of reach, as the installation guide
says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from tests.harness import venvs


class Checkout:
    """A clean clone, what was built from it, and its environments."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clone = directory / 'clone'
        self._uv = venvs.find_uv() or 'uv'
        _run('git', 'clone', '-q', venvs.ROOT, self.clone)

    def build(self) -> tuple[Path, Path]:
        """Return the sdist, and the wheel that is made of it."""
        made = self.directory / 'dist'
        _run(self._uv, 'build', '-q', '--python', sys.executable,
             '--out-dir', made, cwd=self.clone)
        (sdist,), (wheel,) = made.glob('*.tar.gz'), made.glob('*.whl')
        return sdist, wheel

    def install(self, release: str) -> Path:
        """Return a new environment with a Glance."""
        venv = self.directory / f'glance-{release}'
        python = venv / 'bin' / 'python'
        _run(self._uv, 'venv', '-q', '--seed', '--python', sys.executable,
             venv)
        wanted = (*venvs.GLANCE[release], *venvs.SERVERS)
        _run(self._uv, 'pip', 'install', '-q', '--python', python, *wanted)
        return venv

    def follow(self, wheel: Path, *environments: Path) -> list[str]:
        """Follow the installation guide; return what went wrong."""
        shutil.rmtree(self.clone / 'glance_ext', ignore_errors=True)
        try:
            _run(sys.executable, '-m', 'tests.harness.guide', wheel,
                 *environments, cwd=self.clone)
        except subprocess.CalledProcessError as exc:
            return [str(exc), exc.output]
        return []


def missing(sdist: Path, wheel: Path) -> list[str]:
    """Return what the two should hold and do not, or the other way round."""
    tracked = set(_run('git', 'ls-files', cwd=venvs.ROOT).split())
    tracked -= {'.gitignore', '.gitreview'}  # pbr leaves them out
    package = {name for name in tracked if name.startswith('glance_ext/')}
    with tarfile.open(sdist) as archive:
        inside = {name.partition('/')[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as built:
        names = set(built.namelist())
    code = {name for name in names if name.startswith('glance_ext/')}
    tops = {name.partition('/')[0] for name in names}
    shared = {name.partition('/data/share/glance-ext/')[2] for name in names}
    return [
        *(f'sdist: {name}' for name in tracked - inside),
        *(f'wheel: {name}' for name in package ^ code),
        *(f'wheel: etc/{name}' for name in {
            name.removeprefix('etc/') for name in tracked
            if name.startswith('etc/')} - shared),
        *(f'wheel: top level {name}' for name in tops
          if name != 'glance_ext' and '.d' not in name),
    ]


def check() -> Iterator[tuple[str, list[str]]]:
    """Yield each check's name with what is wrong; nothing is good."""
    with tempfile.TemporaryDirectory() as directory:
        checkout = Checkout(Path(directory))
        sdist, wheel = checkout.build()
        yield f'{sdist.name}, {wheel.name}', missing(sdist, wheel)
        found = {}
        for release in sorted(venvs.GLANCE):
            found[release] = checkout.install(release)
            yield (f'wheel on Glance {release}',
                   checkout.follow(wheel, found[release]))
        oldest, *_, newest = found
        yield (f'wheel from Glance {oldest} to {newest}',
               checkout.follow(wheel, found[oldest], found[newest]))


def _run(*command: object, cwd: Path | None = None) -> str:
    """Return what a command printed.

    :raises subprocess.CalledProcessError: it failed; it has told why.
    """
    return subprocess.run(
        [str(each) for each in command], check=True, cwd=cwd, text=True,
        stdout=subprocess.PIPE).stdout
