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

from collections.abc import Mapping, Sequence
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import traceback

from tests.harness import venvs


@dataclasses.dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(
    lines: Sequence[Sequence[str]], env: Mapping[str, str] | None = None
) -> list[Ended]:
    """Run the command lines one after the other."""
    kept = ('PATH', 'LANG', 'TMPDIR')
    clean = {name: os.environ[name] for name in kept if name in os.environ}
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(venvs.ensure('client') / 'bin' / 'python'), '-m', __name__],
            check=True,
            cwd=venvs.ROOT,
            env=clean | {'HOME': home, 'COLUMNS': '79'} | dict(env or {}),
            input=json.dumps([list(map(str, line)) for line in lines]),
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
        )
    return [Ended(*each) for each in json.loads(done.stdout)]


def _main() -> None:
    from importlib import metadata

    scripts = {
        name: metadata.entry_points(group='console_scripts', name=name)[name]
        for name in ('openstack', 'glance-ext')
    }
    mains = {name: script.load() for name, script in scripts.items()}
    print(json.dumps([_fork(mains, line) for line in json.load(sys.stdin)]))


def _fork(mains, line):
    with (
        tempfile.TemporaryFile('w+') as output,
        tempfile.TemporaryFile('w+') as errors,
    ):
        child = os.fork()
        if not child:
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os._exit(_status(mains[line[0]], line))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        errors.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return code, output.read(), errors.read()


def _status(main, line):
    """The exit status, as a console script would end with it."""
    sys.argv = line
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
