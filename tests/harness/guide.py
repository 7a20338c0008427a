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
"""The installation guide, followed to the letter on a plain Glance.

``python3.11 -m tests.harness.guide PACKAGE VENV [VENV]``: the Glance of the
first environment is enabled, used, disabled and uninstalled, and nothing but
what was asked for may have changed. With another environment the Glance is
upgraded to that one's release in between.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from tests.harness import database
from tests.harness import glance
from tests.harness import venvs

PAGES = venvs.ROOT / 'doc' / 'source' / 'install'
DATA = b'from before Rocky' * 4096
# What a hash changes in the row of its image.
HASH = {'checksum', 'os_hash_algo', 'os_hash_value', 'updated_at'}

# By table and first column.
Rows = dict[tuple[str, Any], dict[str, Any]]


class Plain(glance.Glance):
    """A Glance whose files are its operator's once it has started."""

    def prepare(self) -> None:
        """Write the files at the first start and never again."""
        if not self._created:
            super().prepare()


class Kept(database.Sqlite):
    """The database of a Glance before its upgrade."""

    def create(self, venv: Path) -> None:
        """Bring the tables to the release in ``venv``."""
        database.sync(venv, self.url)


class Operator:
    """Who has the guide, a package, and a Glance in an environment."""

    def __init__(self, package: Path, here: glance.Glance) -> None:
        self.package = package
        self.here = here

    def read(self, page: str, program: str) -> list[str]:
        """Return what root runs of a program on a page, for this machine."""
        text = (PAGES / f'{page}.rst').read_text(encoding='utf-8')
        places = {
            '/opt/glance': str(self.here.venv),
            '/etc/glance': str(self.here.directory / 'etc'),
            './glance-ext': str(self.package),
        }
        found = re.findall(
            rf'^ +# (\S*\b{program} .+)$', text, re.MULTILINE)
        for there, path in places.items():
            found = [line.replace(there, path) for line in found]
        return found

    def follow(self, page: str, program: str) -> None:
        """Run a page's commands with a program.

        :raises AssertionError: the page has none.
        :raises subprocess.CalledProcessError: one failed.
        """
        lines = self.read(page, program)
        assert lines, page
        path = f'{self.here.venv / "bin"}{os.pathsep}{os.environ["PATH"]}'
        env = os.environ | {'PATH': path, 'PIP_QUIET': '1'}
        for line in lines:
            print('#', line, flush=True)
            subprocess.run(
                line, shell=True, check=True, cwd=self.here.directory,
                env=env, input='y\n', text=True)

    def libraries(self) -> set[str]:
        """Return what is installed beside the extension."""
        done = subprocess.run(
            [self.here.venv / 'bin' / 'pip', 'freeze'], check=True, text=True,
            stdout=subprocess.PIPE)
        lines = set(done.stdout.splitlines())
        return {line for line in lines if not line.startswith('glance-ext')}

    def restart(self) -> None:
        """Restart Glance, which reads its pipeline again."""
        self.here.halt()
        self.here.start()

    def offered(self) -> int:
        """Return how Glance answers when it is asked for the extension."""
        return self.here.request('GET', '/v2/info/glance-ext').status

    def calculate(self, image: str) -> str:
        """Give an image its hash; return the id of the action."""
        answer = self.here.request('POST', f'/v2/images/{image}/hash', {})
        action = self.here.wait_action(answer.json['id'])
        assert action['status'] == 'success', action
        found = self.here.image(image)['os_hash_value']
        assert found == hashlib.sha512(DATA).hexdigest(), found
        return str(action['id'])

    def schema(self) -> list[Any]:
        """Return what made each table and index."""
        rows = self.here.sql('select name, sql from sqlite_master')
        return sorted(rows)

    def rows(self) -> Rows:
        """Return every row of every table."""
        found: Rows = {}
        tables = self.here.sql(
            "select name from sqlite_master where type = 'table'")
        for (table,) in tables:
            names = self.here.sql(
                f'select name from pragma_table_info("{table}")')
            for row in self.here.sql(f'select * from "{table}"'):
                found[table, row[0]] = {
                    name: value
                    for (name,), value in zip(names, row, strict=True)
                }
        return found


def changes(before: Rows, after: Rows) -> dict[tuple[str, Any], set[str]]:
    """Return the names of the columns that differ, for each row."""
    found = {}
    for key in before.keys() | after.keys():
        old = before.get(key, {}).items()
        new = after.get(key, {}).items()
        if old != new:
            found[key] = {name for name, _ in old ^ new}
    return found


def install(package: Path, here: glance.Glance) -> Operator:
    """Install the package as the guide says, and enable it."""
    operator = Operator(package, here)
    libraries = operator.libraries()
    operator.follow('install', 'pip')
    moved = libraries - operator.libraries()
    assert not moved, moved
    subprocess.run([here.venv / 'bin' / 'pip', 'check'], check=True)
    operator.follow('enable', 'glance-ext-manage')
    operator.restart()
    assert operator.offered() == 200, operator.offered()
    return operator


def uninstall(operator: Operator) -> None:
    """Disable it as the guide says, and uninstall it."""
    here = operator.here
    operator.follow('uninstall', 'glance-ext-manage')
    operator.restart()
    assert operator.offered() == 404, operator.offered()
    operator.follow('uninstall', 'pip')
    (left,) = here.venv.glob('lib/python3*/site-packages')
    assert not list(left.glob('glance_ext*')), left


def check(package: Path, venv: Path, upgrade: Path | None = None) -> None:
    """Follow the guide, and compare what was before with what is after.

    :raises AssertionError: something is not as the guide says.
    """
    with Plain(venv=venv, extension=False, inject=False) as here:
        paste = here.directory / 'etc' / 'glance-api-paste.ini'
        shipped = paste.read_text()
        old, older = here.legacy(DATA), here.legacy(DATA)
        operator = Operator(package, here)
        assert operator.offered() == 404, operator.offered()
        schema, rows = operator.schema(), operator.rows()
        install(package, here)
        action = operator.calculate(old)
        if upgrade:
            here.halt()
            with Plain(here.directory, venv=upgrade, extension=False,
                       inject=False, database=Kept(here.directory)) as newer:
                again = Operator(package, newer)
                schema, rows = again.schema(), again.rows()
                install(package, newer)
                second = again.calculate(older)
                assert newer.action(action)['status'] == 'success'
                uninstall(again)
                assert newer.image(old)['os_hash_value']
                compare(again, schema, rows, older, second)
            return
        uninstall(operator)
        assert here.download(old) == DATA
        assert paste.read_text() == shipped
        compare(operator, schema, rows, old, action)


def compare(operator: Operator, schema: list[Any], rows: Rows, image: str,
            action: str) -> None:
    """See that a hash, and the action that calculated it, are all that came.

    :raises AssertionError: something else is not what it was.
    """
    assert operator.schema() == schema
    found = changes(rows, operator.rows())
    assert found.pop(('images', image)) == HASH, found
    assert found.keys() == {('tasks', action), ('task_info', action)}, found


if __name__ == '__main__':
    package, *environments = (
        Path(each).absolute() for each in sys.argv[1:])
    check(package, *environments)
