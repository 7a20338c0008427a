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
"""Bars for a terminal, and as SVG."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape  # nosec B406

_WIDTH = 40
_ROW, _LEFT, _RIGHT = 28, 160, 240


class Bar(NamedTuple):
    """One bar: how much of a whole, and what stands beside it."""

    name: str
    part: int
    whole: int
    note: str


def text(title: str, bars: Sequence[Bar]) -> str:
    """Return the bars as lines of text."""
    wide = max((len(bar.name) for bar in bars), default=0)
    lines = [title]
    for bar in bars:
        filled = _filled(bar, _WIDTH)
        if bar.part and not filled:
            filled = 1
        lines.append(
            f'  {bar.name:{wide}} {"█" * filled}{"░" * (_WIDTH - filled)} '
            f'{bar.note}'
        )
    return '\n'.join(lines)


def svg(title: str, bars: Sequence[Bar]) -> str:
    """Return the bars as a picture of their own."""
    long = 400
    width, height = _LEFT + long + _RIGHT, _ROW * (len(bars) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="13">',
        f'<title>{escape(title)}</title>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="{_ROW - 8}" font-weight="bold">{escape(title)}'
        f'</text>',
    ]
    for index, bar in enumerate(bars, 1):
        top = _ROW * index + 6
        filled = _filled(bar, long)
        parts += [
            f'<text x="{_LEFT - 8}" y="{top + 14}" text-anchor="end">'
            f'{escape(bar.name)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{long}" height="18" '
            f'fill="#e6e9ed"/>',
            f'<rect x="{_LEFT}" y="{top}" width="{filled}" height="18" '
            f'fill="#c0392b"/>',
            f'<text x="{_LEFT + long + 8}" y="{top + 14}">'
            f'{escape(bar.note)}</text>',
        ]
    return '\n'.join([*parts, '</svg>', ''])


def _filled(bar: Bar, width: int) -> int:
    return width * bar.part // bar.whole if bar.whole else 0
