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

"""The list of checks, and how they are put to files."""

from collections.abc import Callable, Iterable, Iterator
import dataclasses
import pathlib

from glance_ext.hacking import floors
from glance_ext.hacking import shape
from glance_ext.hacking import source

Check = Callable[[source.Source], Iterator[source.Finding]]

CHECKS: dict[str, Check] = {
    'X301': floors.glance_only_in_host,
    'X302': floors.glance_store_only_in_stores,
    'X303': floors.imports_point_down,
    'X304': shape.short_module,
    'X305': shape.telling_name,
    'X306': floors.production_without_tests,
    'X307': shape.narrow_image_writes,
    'X308': shape.licence_header,
}

_NOT_SOURCE = frozenset({'build', 'dist', '__pycache__'})


@dataclasses.dataclass(frozen=True, order=True)
class Violation:
    """One broken rule: ``str()`` is a line that editors understand."""

    path: pathlib.PurePath
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: {self.code} {self.message}'


def check_file(file: source.Source) -> list[Violation]:
    """Return what one file breaks, in the order of its lines."""
    return sorted(
        Violation(file.path, line, code, message)
        for code, check in CHECKS.items()
        for line, message in check(file)
    )


def check_tree(
    root: pathlib.Path, paths: Iterable[pathlib.Path]
) -> Iterator[Violation]:
    """Check the Python files under ``paths``, named relative to ``root``.

    Raises ValueError for a path outside ``root``: the rules hang on where
    in the repository a file is.
    """
    for path in paths:
        for found in _python_files(path.resolve()):
            name = found.relative_to(root.resolve())
            text = found.read_text(encoding='utf-8')
            yield from check_file(source.Source(name, text))


def _python_files(path: pathlib.Path) -> Iterator[pathlib.Path]:
    if path.is_file():
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.is_dir():
            if _is_source(child):
                yield from _python_files(child)
        elif child.suffix == '.py':
            yield child


def _is_source(directory: pathlib.Path) -> bool:
    name = directory.name
    return not (
        name in _NOT_SOURCE
        or name.startswith('.')
        or (directory / 'pyvenv.cfg').exists()
    )
