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

"""What a file looks like, and one call it must not make.

X304, X305, X307 and X308.
"""

import ast
from collections.abc import Iterator
import re

from glance_ext.hacking import source

MAX_LINES = 400

_GRAB_BAGS = frozenset({'utils', 'helpers', 'common', 'misc', 'manager'})
_LICENCE = 'Licensed under the Apache License, Version 2.0'
_IMAGE_REPO = re.compile(r'(?:^|_)(?<!task_)repo$')


def short_module(file: source.Source) -> Iterator[source.Finding]:
    """X304: a module has at most 400 lines."""
    lines = len(file.text.splitlines())
    if lines > MAX_LINES:
        yield MAX_LINES + 1, f'{lines} lines, at most {MAX_LINES}'


def telling_name(file: source.Source) -> Iterator[source.Finding]:
    """X305: no module or package is called after nothing in particular."""
    parts = [*file.path.parent.parts, file.path.stem]
    for name in _GRAB_BAGS.intersection(parts):
        yield 1, f'{name} says nothing: name the module for what it holds'


def narrow_image_writes(file: source.Source) -> Iterator[source.Finding]:
    """X307: no whole image is saved: it would undo what others wrote."""
    if not file.production:
        return
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr='save')):
                if _is_image_repo(owner):
                    yield node.lineno, 'saves the whole image'


def licence_header(file: source.Source) -> Iterator[source.Finding]:
    """X308: a file that holds anything starts with the licence."""
    if not file.text.strip():
        return
    opening = []
    for line in file.text.splitlines():
        if not line.startswith('#'):
            break
        opening.append(line)
    if _LICENCE not in '\n'.join(opening):
        yield 1, 'no Apache-2.0 licence header'


def _is_image_repo(owner: ast.expr) -> bool:
    match owner:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _IMAGE_REPO.search(name) is not None
        case ast.Call(func=ast.Attribute(attr='get_repo')):
            return True
    return False
