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
"""qemu-img, run with as few rights as this host lets a program have.

It reads data that nobody trusts: in a directory of its own, with limits for
memory, time and what it writes, as another user where the service is root,
and without a network or other files where the host permits that. See
``glance_ext.host.confined``.
"""

from collections.abc import Callable
import functools
import json
import os
from pathlib import Path
import pwd
import shutil
import subprocess  # noqa: S404
import sys
import tempfile
from typing import IO, Any, NamedTuple

from oslo_config import cfg

from glance_ext.host import confined

_LOOK_UP = 0.05
_MIB = 1 << 20
#: Bytes of an answer, and of an error, that are looked at.
_MOST_SAID = _MIB
#: What programs are made of, beside their own directory.
_SYSTEM = ('/usr', '/lib', '/lib32', '/lib64', '/nix/store', '/gnu/store',
           '/etc/ld.so.cache', '/etc/ld.so.preload', '/dev/urandom',
           '/sys/devices/system')


class Unusable(Exception):
    """qemu-img cannot be run on this host; the text says why.

    It quotes no option, because it is shown to whoever wants the image.
    """


class Failed(Exception):
    """qemu-img failed.

    :ivar is_limit: whether at one of its limits
    """

    def __init__(self, is_limit: bool) -> None:
        super().__init__()
        self.is_limit = is_limit


class Isolation(NamedTuple):
    """What a program can reach in spite of ``confined``.

    :ivar network: other hosts
    :ivar files: files outside of its directory that its user may read
    """

    network: bool
    files: bool


def run(directory: Path, arguments: list[str], most: int,
        sleep: Callable[[float], None]) -> bytes:
    """Run qemu-img in a directory; return what it says.

    :param directory: its only files, of :func:`owner`
    :param most: bytes that each file may have which it writes
    :param sleep: called while it runs; what it raises ends it
    :raises Failed:
    :raises Unusable:
    """
    options = cfg.CONF.glance_ext
    limits = {'RLIMIT_AS': options.conversion_memory * _MIB,
              'RLIMIT_CPU': options.conversion_timeout,
              'RLIMIT_FSIZE': most, 'RLIMIT_CORE': 0}
    with tempfile.TemporaryFile() as heard, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603
            [*_confined(limits), _program(), *arguments], cwd=directory,
            stdin=subprocess.DEVNULL, stdout=said, stderr=heard,
            env={'LC_ALL': 'C', 'PATH': os.defpath})
        try:
            while process.poll() is None:
                sleep(_LOOK_UP)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        complaint, answer = _beginning(heard), _beginning(said)
    if process.returncode:
        raise Failed(process.returncode < 0 or b'too large' in complaint
                     or b'memory' in complaint)
    return answer


def owner() -> tuple[int, int] | None:
    """Return user and group that qemu-img runs as, or None: as we do.

    :raises Unusable: there is no such user
    """
    if os.geteuid():
        return None
    try:
        found = pwd.getpwnam(cfg.CONF.glance_ext.conversion_user)
    except KeyError as exc:
        raise Unusable('the user that [glance_ext] conversion_user names '
                       'does not exist') from exc
    return found.pw_uid, found.pw_gid


@functools.lru_cache(maxsize=1)
def isolation() -> Isolation:
    """Find out, once, what this host permits, and that qemu-img starts.

    :raises Unusable:
    """
    command = _confined({})
    answer = _try(command, 'the Python interpreter that [wsgi] '
                           'python_interpreter names cannot be run')
    _try([*command, _program(), '--version'],
         'qemu-img does not start without files outside of the directories '
         'of programs and libraries')
    return Isolation(**json.loads(answer))


def _try(command: list[str], failure: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        if user := owner():
            os.chown(directory, *user)
        try:
            return subprocess.run(  # noqa: S603
                command, cwd=directory, stdin=subprocess.DEVNULL,
                capture_output=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError) as exc:
            raise Unusable(failure) from exc


def python() -> str:
    """Return the interpreter that starts qemu-img.

    :raises Unusable: it is not known, as under uWSGI
    """
    set_: str | None = cfg.CONF.wsgi.python_interpreter
    if set_:
        return set_
    if not Path(sys.executable).name.startswith(('python', 'pypy')):
        raise Unusable(
            '[wsgi] python_interpreter is not set, and the server that runs '
            'Glance, such as uWSGI, is no Python interpreter')
    return sys.executable


def _confined(limits: dict[str, int]) -> list[str]:
    wanted: dict[str, Any] = {
        'limits': limits, 'user': owner(), 'program': [
            *_SYSTEM, str(Path(_program()).resolve().parent)]}
    return [python(), '-I', '-S', confined.__file__, json.dumps(wanted)]


def _program() -> str:
    found = shutil.which('qemu-img')
    if found is None:
        raise Unusable('qemu-img is not installed')
    return found


def _beginning(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_MOST_SAID)
