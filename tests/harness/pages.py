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
"""The commands and programs that the documentation shows."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
from pathlib import Path
import re
import textwrap
from typing import Any

from tests.harness import venvs

SOURCE = venvs.ROOT / 'doc' / 'source'
README = venvs.ROOT / 'README.rst'

# What follows a directive, and is further in than it is.
_BLOCK = r'\n((?:(?P=margin) +.*\n|[ \t]*\n)+)'
_CONSOLE, _PYTHON = (re.compile(
    rf'^(?P<margin> *)\.\. code-block:: {language}\n' + _BLOCK, re.MULTILINE)
    for language in ('console', 'python'))
_CRONTAB = re.compile(r'^ +(?:[\d*/]+ ){5}\w+ (.+)$', re.MULTILINE)
_INCLUDED = re.compile(
    r'^ *\.\. literalinclude:: (\S+\.txt)\n'
    r'(?: +:(?!language).*\n)* +:language: console\n', re.MULTILINE)
_REQUEST = re.compile(r'``([A-Z]+)\s+(/v\d[^`]*)``')


@dataclasses.dataclass
class Command:
    """A command line, as it is written, and the lines below it."""

    line: str
    output: list[str]


def all_pages() -> list[Path]:
    """Return every page of the documentation, and the README."""
    return [README, *sorted(SOURCE.rglob('*.rst'))]


def commands(page: Path) -> list[Command]:
    """Return what a page tells its reader to run, in its order.

    These are the lines after a prompt and the lines of a crontab.
    """
    text = page.read_text('utf-8')
    found = [
        (block.start(), parse(textwrap.dedent(block[2])))
        for block in _CONSOLE.finditer(text)
    ]
    found += [
        (line.start(), [Command(line[1], [])])
        for line in _CRONTAB.finditer(text)
    ]
    return [each for _, block in sorted(
        found, key=lambda pair: pair[0]) for each in block]


def program(page: Path) -> Any:
    """Return the code of the program that the examples of a page make."""
    blocks = _PYTHON.finditer(page.read_text('utf-8'))
    return compile('\n'.join(textwrap.dedent(each[2]) for each in blocks),
                   str(page), 'exec')


def transcripts(page: Path) -> set[Path]:
    """Return the files that a page shows as what happens on a terminal."""
    names = _INCLUDED.findall(page.read_text('utf-8'))
    return {(page.parent / name).resolve() for name in names}


def requests(page: Path) -> set[tuple[str, str]]:
    """Return the requests, as method and path, in the sentences of a page."""
    text = page.read_text('utf-8')
    return set(_REQUEST.findall(text))


def parse(text: str) -> list[Command]:
    """Return the commands of a terminal.

    A command goes on in the next line after a backslash.

    :raises ValueError: there is something before the first command.
    """
    found: list[Command] = []
    goes_on = False
    for line in text.rstrip('\n').splitlines():
        if goes_on:
            found[-1].line += '\n' + line
        elif line.startswith(('$ ', '# ')):
            found.append(Command(line, []))
        elif found:
            found[-1].output.append(line)
        elif line.strip():
            raise ValueError(f'no command: {line}')
        goes_on = found[-1].line.endswith('\\') if found else False
    for command in found:
        while command.output and not command.output[-1].strip():
            command.output.pop()
    return found


def variants(line: str) -> Iterator[str]:
    """Yield a synopsis without its options in brackets, and with each."""
    options = re.findall(r' \[(--[^\[\]]+)\]', line)
    plain = re.sub(r' \[--[^\[\]]+\]| \.\.\.$', '', line)
    yield plain
    for option in options:
        for choice in option.split(' | '):
            # Where the program's options stand before its command's.
            at = line.index(' [') if ' [' in line else len(plain)
            yield f'{plain[:at]} {choice}{plain[at:]}'
