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
"""What was measured before, and its picture."""

import pathlib
import tempfile
import unittest
from xml.etree import ElementTree

from bench import history
from bench import plot
from bench import turns

SVG = '{http://www.w3.org/2000/svg}'


def entry(date, *values):
    return {'date': date, 'rows': [
        turns.row('wall <&>', [values[0]], 'times', least=1.8),
        turns.row('speed', [500], 'MiB/s'),
        *(turns.row('memory', [value], 'MiB', most=8)
          for value in values[1:])]}


ENTRIES = [entry('2026-11-20T10:00:00+00:00', 1.5),
           entry('2026-11-21T10:00:00+00:00', 2.0, 3.5)]


class TestHistory(unittest.TestCase):

    def test_what_is_appended_is_read_in_its_order(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, 'history.jsonl')
            self.assertEqual([], history.read(path))
            for each in ENTRIES:
                history.append(path, each)
            self.assertEqual(ENTRIES, history.read(path))

    def test_series_are_of_what_has_a_target(self):
        found = history.series(ENTRIES)
        self.assertEqual(
            {'wall <&>, times': [1.5, 2.0], 'memory, MiB': [3.5]},
            {name: [row['value'] for _date, row in points]
             for name, points in found.items()})


class TestPlot(unittest.TestCase):

    def setUp(self):
        self.root = ElementTree.fromstring(plot.draw(ENTRIES))

    def all(self, kind, name):
        return [each for each in self.root.iter(SVG + kind)
                if each.get('class') == name]

    def test_each_target_has_a_chart_with_its_name(self):
        self.assertEqual(
            ['wall <&>, times', 'memory, MiB'],
            [each.text for each in self.all('text', 'name')])
        self.assertEqual(2, len(self.all('line', 'target')))

    def test_points_lie_where_their_values_are(self):
        missed, = self.all('circle', 'missed')
        met, _other = self.all('circle', 'met')
        target = self.all('line', 'target')[0]
        # Up is less.
        self.assertLess(float(met.get('cy')), float(target.get('y1')))
        self.assertLess(float(target.get('y1')), float(missed.get('cy')))
        self.assertLess(float(missed.get('cx')), float(met.get('cx')))
        self.assertEqual(
            self.all('polyline', 'line')[0].get('points'),
            f'{missed.get("cx")},{missed.get("cy")} '
            f'{met.get("cx")},{met.get("cy")}')

    def test_everything_is_inside(self):
        width, height = (float(self.root.get(name))
                         for name in ('width', 'height'))
        for group in self.root.iter(SVG + 'g'):
            x, y = map(float, group.get('transform')[10:-1].split())
            for point in group.iter(SVG + 'circle'):
                self.assertLess(x + float(point.get('cx')), width)
                self.assertLess(y + float(point.get('cy')), height)

    def test_nothing_measured_is_an_empty_picture(self):
        root = ElementTree.fromstring(plot.draw([]))
        self.assertEqual([], list(root.iter(SVG + 'g')))
