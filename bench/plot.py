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
"""The history as a picture: a small chart for each target."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from bench import history

_WIDTH, _HEIGHT, _ACROSS = 380, 150, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 34, 24
_STYLE = """
text { font: 11px sans-serif; fill: #333 }
.name { font-weight: bold }
.far { text-anchor: end }
.box { fill: #fff; stroke: #ddd }
.target { stroke: #999; stroke-dasharray: 4 3 }
.line { fill: none; stroke: #06c; stroke-width: 1.5 }
.met { fill: #06c } .missed { fill: #c30 }
"""


def draw(entries: list[dict[str, Any]]) -> str:
    """Return an SVG picture of a history; a dashed line is a target."""
    charts = history.series(entries)
    lines = -(-len(charts) // _ACROSS)
    width, height = _WIDTH * _ACROSS, max(1, lines) * _HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{height}" viewBox="0 0 {width} {height}">',
             f'<style>{_STYLE}</style>']
    for index, (name, points) in enumerate(charts.items()):
        x, y = index % _ACROSS * _WIDTH, index // _ACROSS * _HEIGHT
        parts += [f'<g transform="translate({x} {y})">',
                  *_chart(name, points), '</g>']
    return '\n'.join([*parts, '</svg>', ''])


def _chart(name: str, points: Sequence[tuple[str, dict[str, Any]]]
           ) -> list[str]:
    values = [float(row['value']) for _date, row in points]
    target = float(points[-1][1]['target'].split()[-1])
    top = max(*values, target) * 1.1 or 1.0
    right = _WIDTH - _RIGHT

    def across(index: int) -> float:
        share = index / (len(values) - 1) if len(values) > 1 else 0.5
        return round(_LEFT + share * (right - _LEFT), 1)

    def up(value: float) -> float:
        share = max(0.0, value) / top
        return round(_HEIGHT - _BOTTOM - share * (
            _HEIGHT - _BOTTOM - _TOP), 1)

    line = ' '.join(f'{across(index)},{up(value)}'
                    for index, value in enumerate(values))
    return [
        f'<rect class="box" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="name" x="8" y="16">{escape(name)}</text>',
        f'<text x="8" y="{up(target) + 4}">{target:g}</text>',
        f'<line class="target" x1="{_LEFT}" x2="{right}" '
        f'y1="{up(target)}" y2="{up(target)}"/>',
        f'<polyline class="line" points="{line}"/>',
        *(_point(across(index), up(values[index]), date, row)
          for index, (date, row) in enumerate(points)),
        f'<text x="8" y="{_HEIGHT - 8}">{escape(points[0][0][:10])}</text>',
        f'<text class="far" x="{right}" y="{_HEIGHT - 8}">'
        f'{escape(points[-1][0][:10])}: {values[-1]:g}</text>',
    ]


def _point(x: float, y: float, date: str, row: dict[str, Any]) -> str:
    verdict = 'met' if row['met'] else 'missed'
    title = escape(f'{date}: {row["value"]:g}')
    return (f'<circle class="{verdict}" r="3" cx="{x}" cy="{y}">'
            f'<title>{title}</title></circle>')
