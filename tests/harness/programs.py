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

"""Many runs of ``openstack`` and ``glance-ext`` for the start of one.

The programs need a second to load what they are made of. Here a process of
the client's environment loads it once, and forks for each run: what runs is
the console script, in a process of its own.
"""

import atexit
from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import dataclasses
import functools
from importlib import metadata
import json
import os
import pty
import subprocess
import sys
import tempfile
import traceback
from typing import Any

from tests.harness import venvs


@dataclasses.dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    returncode: int
    stdout: str
    stderr: str


class Programs:
    """A process that has loaded the programs, and forks for each run."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix='glance-ext-home-')
        kept = ('PATH', 'LANG', 'TMPDIR')
        clean = {name: os.environ[name] for name in kept if name in os.environ}
        # No cloud of whoever runs the tests, and a width that is known.
        self._process = subprocess.Popen(
            [str(venvs.ensure('client') / 'bin' / 'python'), '-m', __name__],
            cwd=venvs.ROOT,
            env=clean | {'HOME': self._home.name, 'COLUMNS': '79'},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.stop)

    def run(
        self,
        line: Sequence[str],
        env: Mapping[str, str] | None = None,
        typed: bool = False,
    ) -> Ended:
        """Run one command line, with these variables besides.

        :param typed: whether standard input is a terminal, or nothing
        """
        process = self._process
        assert process.stdin and process.stdout
        told = json.dumps([line, env or {}, typed])
        print(told, file=process.stdin, flush=True)
        return Ended(*json.loads(process.stdout.readline()))

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()
        self._home.cleanup()
        atexit.unregister(self.stop)


@functools.cache
def shared() -> Programs:
    """Return the one of this process."""
    return Programs()


def _main() -> None:
    # What cliff takes for the name of the program when it is loaded.
    sys.argv = ['openstack']
    points = metadata.entry_points(group='console_scripts')
    mains = {
        name: points[name].load() for name in ('openstack', 'glance-ext')
    }
    for told in sys.stdin:
        line, env, typed = json.loads(told)
        print(json.dumps(_fork(mains[line[0]], line, env, typed)), flush=True)


@contextlib.contextmanager
def _input(typed: bool) -> Iterator[int]:
    """Yield what can be a program's standard input."""
    ends = pty.openpty() if typed else (os.open(os.devnull, os.O_RDONLY),)
    try:
        yield ends[-1]
    finally:
        for end in ends:
            os.close(end)


def _fork(
    main: Callable[[], Any], line: list[str], env: dict[str, str], typed: bool
) -> tuple[int, str, str]:
    with (
        _input(typed) as given,
        tempfile.TemporaryFile('w+') as output,
        tempfile.TemporaryFile('w+') as errors,
    ):
        child = os.fork()
        if not child:
            os.dup2(given, 0)
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.update(env)
            sys.argv = line
            os._exit(_status(main))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        errors.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return code, output.read(), errors.read()


def _status(main: Callable[[], Any]) -> int:
    """Return the exit status, as a console script would end with it."""
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 70
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == '__main__':
    _main()
