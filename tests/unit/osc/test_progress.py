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

import io
import os
import unittest

from glance_ext.client import action
from glance_ext.osc import progress

MIB = 1024 * 1024


def running(name='a1', done=0, total=None, status='processing', **fields):
    counts = {'bytes_done': done, 'bytes_total': total}
    if total:
        counts['percent'] = 100 * done / total
    counts |= fields.pop('progress', {})
    return action.parse(
        {'id': name, 'status': status, 'phase': 'reading', 'progress': counts}
        | fields
    )


class Terminal(io.StringIO):
    """A stream that is a terminal, and what it shows."""

    def isatty(self):
        return True

    def screen(self):
        lines = ['']
        for piece in self.getvalue().split('\x1b['):
            if piece[0:1].isdigit():
                up, piece = piece.split('F', 1)
                del lines[len(lines) - int(up) - 1 : -1]
                lines[-1] = ''
            piece = piece.removeprefix('J')
            for part in piece.splitlines(keepends=True):
                lines[-1] += part
                if part.endswith('\n'):
                    lines.append('')
        return [line.rstrip('\n') for line in lines]


class DescribeTest(unittest.TestCase):
    def test_how_far_it_is(self):
        for seen, words in (
            (running(), 'reading'),
            (running(status='pending'), 'waits for its turn'),
            (running(done=3 * MIB), '3 MiB, reading'),
            (
                running(
                    done=3 * MIB,
                    total=12 * MIB,
                    progress={'bytes_per_second': 1536, 'eta_seconds': 75},
                    attempt=2,
                    max_attempts=4,
                ),
                '25 %, 1.5 KiB/s, 1:15 left, attempt 2 of 4, '
                '3 MiB of 12 MiB, reading',
            ),
            (running(attempt=1, max_attempts=4), 'reading'),
            (running(progress={'eta_seconds': 7325}), '2:02:05 left, reading'),
            (running(status='resting', phase=''), 'resting'),
        ):
            with self.subTest(words):
                self.assertEqual(words, progress.describe(seen))

    def test_sizes_have_three_digits(self):
        for count, words in (
            (1, '1 B'),
            (999, '999 B'),
            (1000, '0.977 KiB'),
            (1024 * MIB, '1 GiB'),
            (3 << 50, '3 PiB'),
        ):
            with self.subTest(words):
                self.assertIn(words, progress.describe(running(done=count)))


class OnTest(unittest.TestCase):
    def test_bars_are_for_terminals(self):
        terminal = Terminal()
        self.assertIsInstance(progress.on(terminal), progress.Bars)
        self.assertIsInstance(progress.on(io.StringIO()), progress.Lines)

    def test_a_terminal_that_cannot_go_back_gets_lines(self):
        term = os.environ.get('TERM')
        os.environ['TERM'] = 'dumb'
        try:
            self.assertIsInstance(progress.on(Terminal()), progress.Lines)
        finally:
            os.environ.pop('TERM')
            if term is not None:
                os.environ['TERM'] = term

    def test_quiet_is_silent(self):
        for stream in (Terminal(), io.StringIO()):
            display = progress.on(stream, quiet=True)
            display.show('i1', running())
            display.show('i1', running(status='success'))
            display.close()
            self.assertEqual('', stream.getvalue())


class LinesTest(unittest.TestCase):
    def setUp(self):
        self.stream = io.StringIO()
        self.lines = progress.Lines(self.stream)

    def test_a_line_for_the_end_and_for_each_new_attempt(self):
        for seen in (
            running(status='pending'),
            running(attempt=1),
            running(attempt=1, done=5),
            running(attempt=2, max_attempts=4),
            running(attempt=2, max_attempts=4, status='success'),
        ):
            self.lines.show('i1', seen)
        self.assertEqual(
            'i1: attempt 2 of 4, reading\ni1: success\n',
            self.stream.getvalue(),
        )

    def test_a_line_now_and_then(self):
        self.addCleanup(setattr, progress, 'LINE_EVERY', progress.LINE_EVERY)
        self.lines.show('i1', running(done=1))
        self.lines.show('i1', running(done=2))
        progress.LINE_EVERY = 0.0
        self.lines.show('i1', running(done=3))
        self.assertEqual('i1: 3 B, reading\n', self.stream.getvalue())


class BarsTest(unittest.TestCase):
    def setUp(self):
        for name, value in (('COLUMNS', '72'), ('LINES', '4')):
            old = os.environ.get(name)
            os.environ[name] = value
            if old is None:
                self.addCleanup(os.environ.pop, name)
            else:
                self.addCleanup(os.environ.__setitem__, name, old)
        self.terminal = Terminal()
        self.bars = progress.Bars(self.terminal)

    def test_one_line_is_drawn_again_and_again(self):
        for done in (1, 2, 3):
            self.bars.show('i1', running(done=done, total=4))
        self.assertEqual(
            [
                'i1  [##################......]  75 %, 3 B of 4 B, reading',
                '',
            ],
            self.terminal.screen(),
        )

    def test_one_line_for_each_that_runs(self):
        self.bars.show('i1', running('a1'))
        self.bars.show('image2', running('a2'))
        bar = f'[{"." * 24}]  reading'
        self.assertEqual(
            [f'i1      {bar}', f'image2  {bar}', '0 of 2 ended', ''],
            self.terminal.screen(),
        )

    def test_a_copy_has_a_bar_for_each_store(self):
        stores = {
            'fast': {'status': 'verifying', 'bytes_done': 4},
            'far': {
                'status': 'writing',
                'bytes_done': 1,
                'bytes_per_second': 2048,
            },
        }
        seen = running(done=4, total=4, progress={'stores': stores})
        os.environ['LINES'] = '24'
        self.bars.show('i1', seen)
        self.assertEqual(
            [
                'i1  100 %, 4 B of 4 B, reading',
                f'  fast  [{"#" * 24}]  verifying',
                f'  far   [{"#" * 6}{"." * 18}]  2 KiB/s, writing',
                '',
            ],
            self.terminal.screen(),
        )

    def test_stores_that_find_no_room_are_left_out(self):
        stores = {f's{n}': {'bytes_done': 0} for n in range(9)}
        self.bars.show('i1', running('a1', progress={'stores': stores}))
        self.bars.show('i2', running('a2'))
        self.assertEqual(
            ['0 of 2 ended, 1 more running', ''], self.terminal.screen()[2:]
        )

    def test_one_that_waits_has_no_bar(self):
        self.bars.show('i1', running(status='pending'))
        self.assertEqual(
            ['i1  waits for its turn', ''], self.terminal.screen()
        )

    def test_those_that_wait_have_ended_or_find_no_room_are_counted(self):
        self.bars.show('i1', running('a1', status='success'))
        self.bars.show('i2', running('a2', status='pending'))
        for name in ('3', '4', '5'):
            self.bars.show(f'i{name}', running(f'a{name}'))
        screen = self.terminal.screen()
        self.assertEqual(['i3', 'i4'], [line[:2] for line in screen[:2]])
        self.assertEqual(
            ['1 of 5 ended, 1 more running, 1 waiting', ''], screen[2:]
        )

    def test_no_line_is_as_wide_as_the_terminal(self):
        self.bars.show(
            'x' * 200, running(done=1, total=2, attempt=2, max_attempts=4)
        )
        self.assertEqual(71, len(self.terminal.screen()[0]))

    def test_nothing_stays(self):
        self.bars.show('i1', running())
        self.bars.close()
        self.assertEqual([''], self.terminal.screen())

    def test_a_percentage_beyond_all_bounds_is_a_full_bar(self):
        for percent, bar in ((250, '#' * 24), (-5, '.' * 24)):
            self.bars.show('i1', running(progress={'percent': percent}))
            self.assertIn(f'[{bar}]', self.terminal.screen()[0])
