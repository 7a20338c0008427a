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
"""The user guide shows how a cloud of 200 images gets its hashes.

Two projects, 120 images without a hash, the real ``openstack`` on a terminal
with a real Keystone. ``WRITE=1`` writes what the guide includes anew.
"""

from concurrent import futures
import os
import pathlib
import pty
import re
import shlex
import signal
import subprocess
import tempfile
import unittest

from tests.functional.cases import until
from tests.harness import glance
from tests.harness import keystone
from tests.harness import users
from tests.harness import venvs

PAGE = venvs.ROOT / 'doc' / 'source' / 'user' / 'backfill.txt'
IMAGES, LACKING = 200, 120
# Some are large enough for their bars to be seen.
SMALL, LARGE = 512 << 10, 8 << 20
COLUMNS = ('-c', 'image_name', '-c', 'status', '-c')
# In bytes per second.
RATE = 8 << 20
# What stays of a long output at either end.
ROWS = 5


class Terminal:
    """One run of ``openstack``: standard error is a terminal of 79 columns.

    :ivar frames: what the terminal showed, one after the other.
    """

    def __init__(self, line, env):
        self.frames = ['']
        ours, theirs = pty.openpty()
        program = str(venvs.ensure('client') / 'bin' / 'openstack')
        self._output = tempfile.TemporaryFile('w+')
        self._process = subprocess.Popen(
            [program, *line], stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=theirs, env=env)
        os.close(theirs)
        self._terminal = open(ours, 'rb', buffering=0)

    def run(self, interrupt_at=None):
        """Return the status and the output; Ctrl-C after so many images."""
        seen = ''
        with self._terminal, self._output, self._process:
            try:
                while piece := self._read():
                    seen += piece.decode()
                    self.frames = re.split(r'\x1b\[\d+F\x1b\[J|\x1b\[J', seen)
                    ended = re.findall(r'(\d+) of \d+ ended', seen)
                    if interrupt_at and ended and (
                            int(ended[-1]) >= interrupt_at):
                        self._process.send_signal(signal.SIGINT)
                        interrupt_at = None
                status = self._process.wait(60)
            finally:
                self._process.kill()
            self._output.seek(0)
            return status, self._output.read()

    def _read(self):
        try:
            return self._terminal.read(4096)
        except OSError:  # the other end is closed
            return b''


class BackfillTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.enterClassContext(keystone.Keystone())
        cls.server = cls.enterClassContext(glance.Glance(
            auth='keystone', keystone=cls.people,
            config={'glance_ext': {'bytes_per_second': RATE}}))
        cls.people.publish(cls.server.url)
        with futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(cls.make, range(IMAGES)))

    @classmethod
    def make(cls, number):
        make = cls.server.legacy if number < LACKING else cls.server.upload
        size = SMALL if number % 20 else LARGE
        make(number.to_bytes(2) * (size // 2), name=f'image-{number:03}',
             user=(users.MEMBER, users.OTHER)[number % 2])

    def setUp(self):
        self.lines = []
        home = self.enterContext(tempfile.TemporaryDirectory())
        self.env = self.people.environment(users.ADMIN) | {
            'PATH': os.environ['PATH'], 'HOME': home, 'TERM': 'xterm',
            'LANG': 'C.UTF-8', 'COLUMNS': '79', 'LINES': '24'}

    def openstack(self, line, status=0, interrupt_at=None):
        """Run a command and write it down; return its output."""
        terminal = Terminal(shlex.split(line), self.env)
        ended, output = terminal.run(interrupt_at)
        frames = terminal.frames
        self.assertEqual(status, ended, frames[-9:])
        self.lines += ['', f'$ openstack {line}']
        fullest = max(frames, key=lambda frame: (
            frame.count('#'), frame.count('[')))
        if '[' in fullest:
            self.lines += fullest.splitlines()
            self.lines += ['^C'] if interrupt_at else ['...']
        self.lines += shortened(frames[-1].splitlines())
        self.lines += shortened(output.splitlines())
        return output

    def lacking(self):
        """Return how many images the report says lack a hash."""
        output = self.openstack('image hash report')
        rows = re.findall(r'^\| (\S*) +\| (\d+) ', output, re.MULTILINE)
        counts = {algorithm: int(images) for algorithm, images in rows}
        self.assertEqual(IMAGES, sum(counts.values()), output)
        return counts.get('', 0)

    def hashed(self):
        """Return how often each image was hashed."""
        return dict(self.server.sql(
            "select image_id, count(*) from tasks where status = 'success' "
            'and image_id is not null group by image_id'))

    def test_interrupted_and_resumed_all_are_hashed_and_none_twice(self):
        calculate = 'image hash calculate --missing --parallel 8'
        self.assertEqual(LACKING, self.lacking())
        plan = self.openstack(
            'image hash calculate --missing --dry-run -f value '
            f'{" ".join(COLUMNS)} size')
        self.assertEqual(LACKING, len(plan.splitlines()))
        self.assertEqual({}, self.hashed())

        self.assertIn('action_id', self.openstack(
            calculate, status=130, interrupt_at=30))
        until(lambda: not self.server.sql(
            "select id from tasks where status in ('pending', 'processing')"),
            timeout=120)
        before = self.hashed()
        self.assertLess(29, len(before))
        self.assertLess(len(before), LACKING)
        rest = self.openstack(
            f'{calculate} -f value {" ".join(COLUMNS)} os_hash_algo')
        self.assertEqual(LACKING - len(before), len(rest.splitlines()))
        self.assertEqual(0, self.lacking())
        self.assertEqual(dict.fromkeys(self.hashed(), 1), self.hashed())
        self.assertEqual(LACKING, len(self.hashed()))

        copied = self.openstack(
            'image copy --missing --store cold --parallel 8 '
            f'{" ".join(COLUMNS)} stores')
        done = re.findall(r'(?m)^\| image-\d+ +\| success ', copied)
        self.assertEqual(IMAGES, len(done))
        self.assertEqual('', self.openstack(
            'image copy --missing --store cold'))
        if os.environ.get('WRITE'):
            pathlib.Path(PAGE).write_text('\n'.join(self.lines[1:]) + '\n')


def shortened(lines):
    """Leave out the middle of what is long."""
    if len(lines) <= 2 * ROWS + 2:
        return lines
    left = len(lines) - 2 * ROWS
    return [*lines[:ROWS], f'[{left} more lines]', *lines[-ROWS:]]
