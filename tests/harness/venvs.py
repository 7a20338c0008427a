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
"""The virtual environments of this checkout, built on demand.

``python3.11 tests/harness/venvs.py NAME...`` builds ``.venvs/NAME``; a
second call is a stamp comparison. Only the standard library is needed.
"""

import argparse
from collections.abc import Sequence
import configparser
import dataclasses
import fcntl
import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / '.venvs'

# The releases and what each needs to run with today's libraries: Glance 28
# and 29 import pkg_resources and oslo.utils' md5, 28..30 oslo.db's facade, and
# 28..32 read oslo.policy's enforce_scope.
SCOPE = 'oslo.policy<6'
FACADE = ('oslo.db<18', SCOPE)
OLD = ('setuptools<81', 'oslo.utils<9', *FACADE)
GLANCE = {
    '28': ('glance==28.2.0', *OLD),
    '29': ('glance==29.2.1', *OLD),
    '30': ('glance==30.2.0', *FACADE),
    '31': ('glance==31.1.0', SCOPE),
    '32': ('glance==32.0.0', SCOPE),
    '33': ('glance==33.0.0',),
}
SERVERS = ('waitress>=3,<4', 'pyuwsgi>=2.0.30,<2.1', 'gunicorn>=23')
COVERAGE = 'coverage>=7.17'
PROJECT = ('-e', '.')
TESTS = ('-r', 'test-requirements.txt')


@dataclasses.dataclass(frozen=True)
class Spec:
    """What one virtual environment holds.

    ``requirements`` are arguments for ``pip install``; ``compiled`` asks for
    byte code at once: a service that starts from plain sources loses five
    seconds at every boot where Python may not write its cache.
    """

    requirements: tuple[str, ...]
    compiled: bool = False

    def digest(self) -> str:
        """Return what decides whether an existing environment is stale."""
        seen = hashlib.sha256(repr((self, sys.version)).encode())
        files = {
            ROOT / value
            for flag, value in zip(
                self.requirements, self.requirements[1:], strict=False
            )
            if flag == '-r'
        }
        if '.' in self.requirements:
            names = ('setup.cfg', 'setup.py', 'pyproject.toml')
            files.update(ROOT / name for name in names)
            files.add(ROOT / 'requirements.txt')
        for path in sorted(files):
            seen.update(path.read_bytes() if path.exists() else b'absent')
        return seen.hexdigest()


def tox(environment: str, option: str) -> list[str]:
    """Return the lines of an option in ``tox.ini``."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / 'tox.ini')
    text = parser[f'testenv:{environment}'][option]
    return text.replace('{toxinidir}/', '').strip().splitlines()


SPECS = {
    f'glance-{release}': Spec((*pins, *SERVERS, *PROJECT, *TESTS), True)
    for release, pins in GLANCE.items()
} | {
    'client': Spec(('python-openstackclient', *PROJECT, *TESTS), True),
    # Glance's driver for Cinder wants a part of Cinder beside Glance.
    'cinder': Spec(
        ('cinder==29.0.0', 'glance_store[cinder]', *GLANCE['33'], *SERVERS,
         *PROJECT, *TESTS), True
    ),
    # The last Glance but one with version 1 of the API, and Nova: what the
    # compatibility is compared with. Glance 15 runs with the libraries of its
    # list and no others.
    'glance-15': Spec(('--no-deps', '-r', 'tests/harness/glance15.txt'), True),
    'nova': Spec(('nova==34.0.0', 'waitress>=3,<4'), True),
    'keystone': Spec(('keystone==30.0.0', 'waitress>=3,<4'), True),
    'swift': Spec(('swift==2.38.3', 'setuptools<81'), True),
    'tempest': Spec(
        ('tempest==47.0.0', 'glance-tempest-plugin==0.17.0', *PROJECT), True
    ),
    # The oldest release has its own ways, and green threads.
    'cover': Spec((*GLANCE['33'], *SERVERS, *PROJECT, *TESTS, COVERAGE), True),
    'cover-28': Spec(
        (*GLANCE['28'], *SERVERS, *PROJECT, *TESTS, COVERAGE), True
    ),
    'audit': Spec(('pip-audit>=2.9',)),
    'lint': Spec(tuple(' '.join(tox('pep8', 'deps')).split())),
    'docs': Spec(('-r', 'doc/requirements.txt', *PROJECT)),
    # Only a compiled uWSGI can reload: the wheel's master executes the base
    # interpreter again, which knows nothing of the virtual environment.
    'uwsgi': Spec(('uwsgi>=2.0.31,<2.1',)),
}


def ensure(name: str) -> Path:
    """Return the directory of the environment ``name``, built if need be.

    :raises KeyError: for a name that is not in ``SPECS``.
    :raises subprocess.CalledProcessError: when the installer fails; its
        output has gone to stderr.
    """
    spec = SPECS[name]
    venv = HOME / name
    stamp = venv / '.stamp'
    if _is(stamp, spec.digest()):
        return venv
    HOME.mkdir(exist_ok=True)
    # One builder at a time: editable installs share the checkout's egg-info.
    with (HOME / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is(stamp, spec.digest()):
            _build(venv, spec)
            stamp.write_text(spec.digest())
    return venv


def _is(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


def _build(venv: Path, spec: Spec) -> None:
    begun = time.monotonic()
    _say(f'{venv.name}: installing {" ".join(spec.requirements)}')
    uv = find_uv()
    python = venv / 'bin' / 'python'
    if not python.exists():
        _run(
            [uv, 'venv', '-q', '--python', sys.executable, str(venv)]
            if uv
            else [sys.executable, '-m', 'venv', str(venv)]
        )
    if uv:
        command = [uv, 'pip', 'install', '-q', '--python', str(python)]
        if spec.compiled:
            command.append('--compile-bytecode')
        if '.' in spec.requirements:
            command += ['--reinstall-package', 'glance-ext']
    else:
        command = [str(python), '-m', 'pip', 'install', '-q']
    _run([*command, *spec.requirements])
    _say(f'{venv.name}: ready in {time.monotonic() - begun:.0f} s')


def find_uv() -> str | None:
    """Return the path of uv, or None where it cannot be installed."""
    tools = HOME / 'tools'
    uv = tools / 'bin' / 'uv'
    if not uv.exists():
        _run([sys.executable, '-m', 'venv', '--clear', str(tools)])
        pip = [str(tools / 'bin' / 'python'), '-m', 'pip', 'install', '-q']
        if subprocess.call([*pip, 'uv'], stdout=sys.stderr):
            _say('tools: no uv to be had, pip does its work')
    return str(uv) if uv.exists() else shutil.which('uv')


def _run(command: Sequence[str]) -> None:
    env = {k: v for k, v in os.environ.items() if k != 'VIRTUAL_ENV'}
    # uv leaves its locks among the temporary files.
    with tempfile.TemporaryDirectory() as env['TMPDIR']:
        subprocess.run(
            command, check=True, cwd=ROOT, env=env, stdout=sys.stderr
        )


def _say(text: str) -> None:
    print(f'venvs: {text}', file=sys.stderr, flush=True)


def main() -> int:
    """Build the environments named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('name', nargs='+', choices=sorted(SPECS))
    for name in parser.parse_args().name:
        print(ensure(name))
    return 0


if __name__ == '__main__':
    sys.exit(main())
