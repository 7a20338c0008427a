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

"""Our filter in the text of a ``glance-api-paste.ini``: put in, taken out.

Text in, text out: nothing here opens a file, and nothing of the text moves
but what has to. Both ways to write Glance's pipelines are known:

* the keys of a composite made by ``glance.api:pipeline_factory``, one for
  each flavour, as Glance ships them today;
* ``pipeline = ...`` in sections ``[pipeline:...]``, as older releases did.

The filter belongs right after ``context`` or ``unauthenticated-context``,
from which it learns who is calling. A pipeline without either is left alone.

:func:`disable` undoes :func:`enable` to the byte, unless the text had the
filter in a pipeline before.
"""

from collections.abc import Callable
import configparser
import dataclasses
import io
import re

from glance_ext.cmd import ini_text

FILTER = 'glance_ext'
USE = 'egg:glance-ext#glance_ext'

#: Marks the section that :func:`enable` wrote. One without it was written
#: by hand, may hold more than ours does, and stays; unnamed it does nothing.
MARK = '# Added by "glance-ext-manage enable", removed by "disable".'

CONTEXTS = ('context', 'unauthenticated-context')

_PIPELINE_FACTORY = 'glance.api:pipeline_factory'

_EOL = r'(?:\r\n|\r|\n)'
_OUR_BLOCK = re.compile(
    rf'(?:\A|(?<=[\r\n]))([ \t]*){re.escape(MARK)}{_EOL}'
    rf'\1\[filter:{FILTER}\]{_EOL}'
    rf'\1use = {re.escape(USE)}{_EOL}{_EOL}'
)


class PasteError(Exception):
    """The text is no pipeline configuration that can be edited; says why."""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """One flavour: the words name its filters, and the last one its app."""

    option: ini_text.Option

    def __str__(self) -> str:
        return f'"{self.option.key}" in [{self.option.section}]'

    @property
    def flavour(self) -> str:
        """The ``flavor`` in Glance's options that it is for."""
        if self.option.key == 'pipeline':
            name = self.option.section.removeprefix('pipeline:glance-api')
            return name.lstrip('-')
        return '' if self.option.key == 'default' else self.option.key

    @property
    def words(self) -> tuple[ini_text.Word, ...]:
        return self.option.words

    @property
    def context(self) -> int | None:
        """Which word is its (last) context filter; None without one."""
        found = None
        for number, word in enumerate(self.words[:-1]):
            if word.text in CONTEXTS:
                found = number
        return found

    @property
    def ours(self) -> list[int]:
        """Which words name our filter."""
        return [
            number
            for number, word in enumerate(self.words)
            if word.text == FILTER
        ]


@dataclasses.dataclass(frozen=True)
class _Change:
    """Put ``text`` in the place of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: str = ''


def enable(text: str) -> str:
    """Return the text with the filter in every pipeline with a context.

    A filter that stands elsewhere in such a pipeline is moved. The section
    ``[filter:glance_ext]`` is added unless there is one.

    :raises PasteError: the text does not parse, or holds no pipeline, or
        none with a context filter
    """
    if all(pipeline.context is None for pipeline in pipelines(text)):
        raise PasteError(
            'no pipeline names the filter context or unauthenticated-context, '
            f'right after which {FILTER} has to stand'
        )
    text = _changed(text, _step_to_enabled)
    return text if has_section(text) else _with_section(text)


def disable(text: str) -> str:
    """Return the text without the filter in any pipeline.

    The section that :func:`enable` added goes as well; see :data:`MARK`.

    :raises PasteError: the text does not parse, or holds no pipeline
    """
    pipelines(text)
    return _OUR_BLOCK.sub('', _changed(text, _step_to_disabled))


def pipelines(text: str) -> list[Pipeline]:
    """Return the pipelines of the text, in its order.

    :raises PasteError: the text does not parse, or holds no pipeline
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_file(io.StringIO(text, newline=None), source='the file')
    except configparser.Error as error:
        reason = ' '.join(str(error).split())
        raise PasteError(f'PasteDeploy cannot read it: {reason}') from error
    found = _pipelines(text)
    if not found:
        raise PasteError(
            'no pipeline found: neither a composite of '
            f'{_PIPELINE_FACTORY} nor a section [pipeline:...]'
        )
    return found


def has_section(text: str) -> bool:
    """Whether the text holds ``[filter:glance_ext]``, whoever wrote it."""
    headers, _ = ini_text.read(text)
    return any(_names(each.section, 'filter', FILTER) for each in headers)


def _pipelines(text: str) -> list[Pipeline]:
    _, options = ini_text.read(text)
    flavoured = {
        option.section
        for option in options
        if [word.text for word in option.words] == [_PIPELINE_FACTORY]
    }
    return [
        Pipeline(option)
        for option in options
        if len(option.words) > 1
        and (
            option.section in flavoured
            or option.section.startswith('pipeline:')
            and option.key == 'pipeline'
        )
    ]


def _names(section: str, kind: str, name: str) -> bool:
    found, _, rest = section.partition(':')
    return found == kind and rest.strip() == name


def _changed(text: str, step: Callable[[Pipeline], _Change | None]) -> str:
    """Make one change after the other until no pipeline asks for one."""
    while True:
        changes = (step(pipeline) for pipeline in _pipelines(text))
        change = next((each for each in changes if each), None)
        if change is None:
            return text
        text = text[: change.start] + change.text + text[change.end :]


def _step_to_disabled(pipeline: Pipeline) -> _Change | None:
    return _removal(pipeline, pipeline.ours[0]) if pipeline.ours else None


def _step_to_enabled(pipeline: Pipeline) -> _Change | None:
    place = pipeline.context
    if place is None or pipeline.ours == [place + 1]:
        return None
    return _step_to_disabled(pipeline) or _insertion(pipeline, place)


def _insertion(pipeline: Pipeline, place: int) -> _Change:
    context = pipeline.words[place]
    if _has_own_line(pipeline, context):
        # One filter a line: ours gets a line that looks like this one.
        text = context.line.text.replace(context.text, FILTER)
        return _Change(context.line.end, context.line.end, text)
    return _Change(context.end, context.end, f' {FILTER}')


def _removal(pipeline: Pipeline, number: int) -> _Change:
    word = pipeline.words[number]
    if _has_own_line(pipeline, word):
        return _Change(word.line.start, word.line.end)
    if number and pipeline.words[number - 1].line == word.line:
        return _Change(pipeline.words[number - 1].end, word.end)
    following = pipeline.words[number + 1 : number + 2]
    if following and following[0].line == word.line:
        return _Change(word.place, following[0].place)
    return _Change(word.place, word.end)


def _has_own_line(pipeline: Pipeline, word: ini_text.Word) -> bool:
    sharing = [each for each in pipeline.words if each.line == word.line]
    return len(sharing) == 1 and word.line != pipeline.option.line


def _with_section(text: str) -> str:
    """Add the section above that of a context filter, where there is one.

    Above another section and not at the end: whether the file ends with a
    line break then stays as it was. And indented like its neighbour: a
    header that is indented deeper than the line above it is no header.
    """
    headers, _ = ini_text.read(text)
    near = [
        header
        for header in headers
        if any(_names(header.section, 'filter', each) for each in CONTEXTS)
    ]
    header = (near or headers)[0]
    eol = re.search(_EOL, text)
    lines = (MARK, f'[filter:{FILTER}]', f'use = {USE}')
    block = [f'{header.indent}{line}' for line in lines]
    added = (eol[0] if eol else '\n').join([*block, '', ''])
    return text[: header.above] + added + text[header.above :]
