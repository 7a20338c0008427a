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

"""One Python file as the checks see it: its place, its text, its imports."""

import ast
from collections.abc import Iterator
import dataclasses
import functools
import pathlib

Finding = tuple[int, str]
"""The line that breaks a rule, and how."""

_DEFERRED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported name, absolute and dotted.

    ``from glance.api import common`` is ``glance.api.common``: whether the
    last part is a module or a name inside one makes no difference to a rule
    about packages. ``lazy`` is true inside a function.
    """

    name: str
    line: int
    lazy: bool

    @property
    def root(self) -> str:
        return self.name.partition('.')[0]


class Source:
    """A file's text under its path relative to the repository's root.

    Raises SyntaxError, at the first look at ``tree``, if it does not parse.
    """

    def __init__(self, path: pathlib.PurePath, text: str) -> None:
        self.path = path
        self.text = text

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @property
    def production(self) -> bool:
        return self.path.parts[0] == 'glance_ext'

    @property
    def floor(self) -> str:
        """The package below ``glance_ext`` that the file is in, or ''."""
        parts = self.path.parts
        return parts[1] if self.production and len(parts) > 2 else ''

    @functools.cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(self._walk(self.tree, lazy=False))

    def _walk(self, node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            for name, line in self._names(child):
                yield Import(name, line, lazy)
            inside = isinstance(child, _DEFERRED)
            yield from self._walk(child, lazy or inside)

    def _names(self, node: ast.AST) -> Iterator[tuple[str, int]]:
        match node:
            case ast.Import(names=names, lineno=line):
                yield from ((alias.name, line) for alias in names)
            case ast.ImportFrom(module=module, names=names, lineno=line):
                base = self._absolute(module, node.level)
                yield from ((f'{base}.{each.name}', line) for each in names)
            case ast.Call(
                func=ast.Name(id='import_module' | '__import__')
                | ast.Attribute(attr='import_module' | 'try_import'),
                args=[ast.Constant(value=str(name)), *_],
                lineno=line,
            ):
                yield name, line

    def _absolute(self, module: str | None, level: int) -> str:
        if not level:
            return module or ''
        package = self.path.parent.parts
        here = package[: len(package) - level + 1]
        return '.'.join((*here, *([module] if module else [])))
