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

"""Where things stand in the text of an ini file.

The headers and options that a ConfigParser finds in the text, by the same
rules (``=`` or ``:``, values that go on in deeper indented lines, comments
and blank lines in between), with the places that a ConfigParser forgets: so
that a text can be changed without losing how it was written.
"""

import dataclasses
import re

_LINE = re.compile(r'[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+')
_HEADER = re.compile(r'\[(.+)\]')
_OPTION = re.compile(r'\s*(.*?)\s*[=:]')
_WORD = re.compile(r'\S+')


@dataclasses.dataclass(frozen=True)
class Line:
    """One line with its end, and where it begins and the next one does."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True)
class Word:
    """One word of an option's value; ``place`` is where it begins."""

    text: str
    place: int
    line: Line

    @property
    def end(self) -> int:
        return self.place + len(self.text)


@dataclasses.dataclass(frozen=True)
class Option:
    """One option: ``line`` is its first, the words are those of its value."""

    section: str
    key: str
    line: Line
    words: tuple[Word, ...]


@dataclasses.dataclass(frozen=True)
class Header:
    """A section's header.

    ``above`` is where the comments right above it begin, and its own line
    where there are none.
    """

    section: str
    indent: str
    above: int


def read(text: str) -> tuple[list[Header], list[Option]]:
    """Return the headers and the options, in the order of the text.

    The text is one that a ConfigParser accepts; of another, whatever looks
    like headers and options is returned.
    """
    headers: list[Header] = []
    options: list[Option] = []
    indent = 0
    continues = False
    comments = None
    for found in _LINE.finditer(text):
        line = Line(*found.span(), found[0])
        bare = line.text.strip()
        if bare and bare[0] in '#;':
            comments = line.start if comments is None else comments
            continue
        above = line.start if comments is None else comments
        comments = None
        if not bare:
            continue
        depth = line.text.index(bare)
        if continues and depth > indent:
            last = options[-1]
            words = last.words + _words(text, line.start, line)
            options[-1] = dataclasses.replace(last, words=words)
            continue
        indent = depth
        header = _HEADER.match(bare)
        option = _OPTION.match(line.text)
        continues = False
        if header:
            headers.append(Header(header[1], line.text[:depth], above))
        elif option and headers:
            words = _words(text, line.start + option.end(), line)
            section = headers[-1].section
            options.append(Option(section, option[1], line, words))
            continues = True
    return headers, options


def _words(text: str, start: int, line: Line) -> tuple[Word, ...]:
    return tuple(
        Word(word[0], word.start(), line)
        for word in _WORD.finditer(text, start, line.end)
    )
