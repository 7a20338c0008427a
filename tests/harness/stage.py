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
"""Run stages of the checks and count what came of them.

``python3.11 -m tests.harness.stage STAGE...``; needs the standard library
only. Each line ``STAGE PASSED FAILED SKIPPED`` also goes to the file that
the environment names in ``RESULTS``. Exit status 1 when anything failed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

from tests.harness import distributions
from tests.harness import tempest
from tests.harness import venvs

NEWEST = 'glance-33'
RELEASES = sorted(venvs.GLANCE)
SMOKE_RELEASES = ('28', '30', '33')
# The functional tests of a smoke run: one regular expression a line.
SMOKE = Path(__file__).with_name('smoke.list')
# Those that take long: these as well.
LONG = str(Path(__file__).with_name('long.list'))


@dataclasses.dataclass(frozen=True)
class Count:
    """How many checks passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )


def count(output: str, status: int) -> Count:
    """Return the counts in what stestr printed.

    A run that ended badly, or in which nothing ran, has at least one failure.
    """
    found = {name: int(number) for name, number in TOTAL.findall(output)}
    passed = found.get('Passed', 0) + found.get('Expected Fail', 0)
    failed = found.get('Failed', 0) + found.get('Unexpected Success', 0)
    skipped = found.get('Skipped', 0)
    if not failed and (status or not passed + skipped):
        failed = 1
    return Count(passed, failed, skipped)


TOTAL = re.compile(r'(?m)^ - ([A-Z][A-Za-z ]+): (\d+)$')


def tests(
    path: str, venv: str = NEWEST, *options: str, **env: str
) -> Iterator[tuple[str, Count]]:
    """Run the tests under ``path`` with the Python of an environment."""
    name = Path(path).name + ('' if venv == NEWEST else f' on {venv}')
    bin = venvs.ensure(venv) / 'bin'
    command = [str(bin / 'stestr'), '--test-path', path]
    # Every environment keeps its own results and times.
    command += ['--repo-url', str(venvs.HOME / venv)]
    env['PYTHON'] = str(bin / 'python')
    run = ['run', '--concurrency', '2', *options]
    output, status = tee([*command, *run], env)
    yield name, count(output, status)


def commands(venv: str, *environments: str) -> Iterator[tuple[str, Count]]:
    """Run what these environments of tox run, each command a check."""
    bin = venvs.ensure(venv) / 'bin'
    env = {'PATH': f'{bin}{os.pathsep}{os.environ["PATH"]}'}
    for environment in environments:
        for command in venvs.tox(environment, 'commands'):
            print(f'{environment}: {command}', flush=True)
            status = tee(shlex.split(command), env)[1]
            yield command, Count(int(not status), int(bool(status)))


def matrix(
    releases: tuple[str, ...] = tuple(RELEASES), *options: str
) -> Iterator[tuple[str, Count]]:
    """Run the functional tests on every release of Glance."""
    for each in releases:
        yield from tests('tests/functional', f'glance-{each}', *options)


def outside() -> Iterator[tuple[str, Count]]:
    """Run the tests that want real services beside Glance."""
    for path in ('tests/services', 'tests/conformance'):
        yield from tests(path, NEWEST, '--exclude-list', LONG)


def long() -> Iterator[tuple[str, Count]]:
    """Run what the stages before have left out, because it takes long."""
    for path in ('functional', 'services', 'conformance'):
        yield from tests(f'tests/{path}', NEWEST, '--include-list', LONG)


def tempests() -> Iterator[tuple[str, Count]]:
    """Run Tempest's image tests, and ours.

    One of Tempest's that did not run has failed. So has the whole, where it
    was not the extension that answered the imports which it takes over.
    """
    wanted = tempest.LIST.read_text().split()
    with tempest.workspace() as work:
        output, status = tee([*work.command, '--regex', tempest.OURS],
                             work.env)
        yield 'tempest plugin', count(output, status)
        output, status = tee([*work.command, *work.chosen(wanted)], work.env)
        found = count(output, status)
        missing = len(wanted) - found.passed - found.failed
        yield 'tempest', found + Count(failed=max(missing, 0))
        for method in ('copy-image', 'web-download'):
            ours, hosts = work.actions(method)
            print(f'{method}: {ours} by the extension, {hosts} by Glance')
            good = bool(ours) and not hosts
            yield f'{method} is ours', Count(int(good), int(not good))


def cover() -> Iterator[tuple[str, Count]]:
    """Run the tests, those with real services too; tell what they reach.

    The hook that the installation of coverage has brings it into every
    process of the environment, servers and their children among them. But
    Apache does not wait until one has saved what it knows.
    """
    coverage = str(venvs.ensure('cover') / 'bin' / 'coverage')
    env = {
        'COVERAGE_FILE': str(venvs.ROOT / '.coverage'),
        'COVERAGE_PROCESS_START': str(venvs.ROOT / 'pyproject.toml'),
    }
    tee([coverage, 'erase'], env)
    for path in ('unit', 'functional', 'services', 'conformance'):
        yield from tests(f'tests/{path}', 'cover', '--exclude-regex',
                         r'\.ModWsgiTest\.', **env)
    yield from tests('tests/functional', 'cover-28', '--include-list',
                     str(SMOKE), **env)
    for command in (['combine', '-q'], ['html', '-q', '-d', 'cover']):
        tee([coverage, *command], env)
    status = tee([coverage, 'report', '--skip-covered', '--omit',
                  'glance_ext/compat/*', '--fail-under', '95'], env)[1]
    yield 'at least 95 %', Count(int(not status), int(bool(status)))


def releases() -> Iterator[tuple[str, Count]]:
    """Check the sdist and the wheel, on every release of Glance."""
    for name, wrong in distributions.check():
        print(name, *wrong or ['good'], sep='\n    ', flush=True)
        yield name, Count(int(not wrong), int(bool(wrong)))


def audit() -> Iterator[tuple[str, Count]]:
    """Look for known vulnerabilities in what the newest Glance runs with."""
    bin = venvs.ensure('audit') / 'bin'
    (where,) = venvs.ensure(NEWEST).glob('lib/python3*/site-packages')
    yield 'audit', audited(subprocess.run(
        [str(bin / 'pip-audit'), '--path', str(where), '--skip-editable',
         '--progress-spinner', 'off', '--format', 'json'],
        stdout=subprocess.PIPE, text=True).stdout)


def audited(report: str) -> Count:
    """Return the counts in what pip-audit printed, a package a check.

    Nothing failed where it could look up no package at all.
    """
    packages = json.loads(report)['dependencies'] if report.strip() else []
    known = [each for each in packages if 'vulns' in each]
    if not known:
        print('skipped: no list of vulnerabilities can be reached')
        return Count(skipped=1)
    bad = [each for each in known if each['vulns']]
    for each in bad:
        print(each['name'], each['version'],
              *(vulnerability['id'] for vulnerability in each['vulns']))
    return Count(len(known) - len(bad), len(bad), len(packages) - len(known))


def soak() -> Iterator[tuple[str, Count]]:
    """Run the long forms."""
    for path in ('tests/soak', 'tests/functional', 'tests/services'):
        yield from tests(path, GLANCE_EXT_SOAK='1')
    yield from tests('tests/soak', 'cinder', 'test_cinder',
                     GLANCE_EXT_SOAK='1')


STAGES: dict[str, Callable[[], Iterator[tuple[str, Count]]]] = {
    'unit': lambda: tests('tests/unit'),
    'functional': lambda: tests(
        'tests/functional', NEWEST, '--exclude-list', LONG
    ),
    'long': long,
    'audit': audit,
    'lint': lambda: commands('lint', 'pep8'),
    'docs': lambda: commands('docs', 'docs', 'api-ref', 'releasenotes'),
    'matrix': matrix,
    'smoke': lambda: matrix(SMOKE_RELEASES, '--include-list', str(SMOKE)),
    'services': outside,
    'tempest': tempests,
    'cover': cover,
    'release': releases,
    'soak': soak,
}


def tee(command: list[str], env: dict[str, str]) -> tuple[str, int]:
    """Run a command, show its output, and return it with the exit status."""
    process = subprocess.Popen(
        command,
        cwd=venvs.ROOT,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    with process:
        for line in process.stdout or ():
            print(line, end='', flush=True)
            lines.append(line)
    return ''.join(lines), process.returncode


@contextlib.contextmanager
def scratch() -> Iterator[None]:
    """Keep all temporary files in one directory and remove it afterwards.

    So a test that is killed leaves nothing behind either.
    """
    outer = os.environ.get('TMPDIR')
    directory = tempfile.mkdtemp(prefix='glance-ext-stage-')
    os.chmod(directory, 0o711)  # a MariaDB of its own runs as mysql
    os.environ['TMPDIR'] = directory
    tempfile.tempdir = None
    try:
        yield
    finally:
        tempfile.tempdir = None
        os.environ.pop('TMPDIR')
        if outer is not None:
            os.environ['TMPDIR'] = outer
        if not os.environ.get('KEEP'):
            shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Run the stages named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('stage', nargs='+', choices=sorted(STAGES))
    # In the background of a script SIGINT is ignored, by all that follows.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    results = os.environ.get('RESULTS', os.devnull)
    counts = {}
    with scratch():
        for stage in parser.parse_args().stage:
            for name, found in STAGES[stage]():
                counts[name] = found
                line = f'{found.passed} {found.failed} {found.skipped}'
                with open(results, 'a') as file:
                    print(stage, line, file=file)
    print(f'\n{"":44}{"passed":>8}{"failed":>8}{"skipped":>8}')
    for name, found in counts.items():
        numbers = dataclasses.astuple(found)
        print(f'{name[:43]:44}' + ''.join(f'{n:8}' for n in numbers))
    return any(found.failed for found in counts.values())


if __name__ == '__main__':
    sys.exit(main())
