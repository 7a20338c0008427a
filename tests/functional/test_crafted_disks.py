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
"""No disk makes a conversion read another file, or connect to a host."""

import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from tests.functional import crafted
from tests.functional import disks

_SYSCALLS = ('execve,open,openat,openat2,creat,socket,connect,clone,clone3,'
             'fork,vfork')
_CALL = re.compile(r'^(\d+) +(\w+)\((.*)')
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CHILD = re.compile(r'^(\d+) .*(?:clone3?|v?fork).* = (\d+)$')
#: What qemu-img and its libraries read beside the image.
_SYSTEM = ('/usr/', '/lib', '/etc/ld.so', '/sys/devices/system/',
           '/proc/self/status', '/proc/sys/', '/dev/null', '/dev/urandom')
_OWN = 'disk', 'result'


@unittest.skipUnless(shutil.which('qemu-img'), 'skipped: qemu-img absent')
@unittest.skipUnless(shutil.which('strace'), 'skipped: strace absent')
class CraftedDisksTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        here = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        secret = here / 'host' / 'bait-secret'
        secret.parent.mkdir()
        secret.write_bytes(b'not for the image' * 1000)
        cls.disks = crafted.all_of(crafted.Bait(
            str(secret), '../../../host/bait-secret', 9))
        cls.good = [
            crafted.Crafted(f'good {each}', each, data, '') for each, data in (
                ('qcow2', disks.qcow2(disks.MIB)), ('vhd', crafted.vhd()),
                ('vmdk', crafted.sparse(crafted.descriptor(crafted.OWN))),
                ('vdi', crafted.vdi()), ('raw', disks.noise(disks.MIB)))]
        for number, disk in enumerate(cls.disks + cls.good):
            cls.file(here, number, disk).write_bytes(disk.data)
        log = here / 'strace'
        ended = subprocess.run(
            ['strace', '-f', '-qq', '-s', '512', '-o', log, '-e',
             f'trace={_SYSCALLS}', sys.executable, '-m',
             'tests.functional.converting', here],
            capture_output=True, text=True, cwd=Path(__file__).parents[2])
        assert ended.returncode == 0, ended.stderr
        cls.found = json.loads(ended.stdout)
        cls.outcomes = [
            (disk, *cls.found[cls.file(here, number, disk).name])
            for number, disk in enumerate(cls.disks + cls.good)]
        cls.calls = log.read_text(errors='replace').splitlines()

    @staticmethod
    def file(here, number, disk):
        return here / f'disk-{number:03}.{disk.disk_format}'

    def test_there_are_more_than_fifty(self):
        self.assertGreater(len(self.disks), 50)
        self.assertEqual(len(self.disks),
                         len({disk.name for disk in self.disks}))

    def test_each_is_refused_in_plain_words(self):
        for disk, kind, message in self.outcomes[:len(self.disks)]:
            with self.subTest(disk.name):
                self.assertIn(kind, ('ConversionFailed', 'InvalidImageData'))
                self.assertRegex(message, disk.message)
                self.assertNotIn('bait', message)
                self.assertNotIn('127.0.0.1', message)

    def test_good_disks_are_converted(self):
        for disk, kind, message in self.outcomes[len(self.disks):]:
            with self.subTest(disk.name):
                self.assertEqual(('', ''), (kind, message))

    def test_nothing_that_they_refer_to_is_opened(self):
        self.assertEqual([], [line for line in self.calls if 'bait' in line])

    def test_no_connection_is_made(self):
        # The service asks the host for the user that qemu-img runs as.
        self.assertEqual([], [line for line in self.calls
                              if 'connect(' in line and 'nscd' not in line])
        self.assertEqual([], [line for line in self._of_qemu_img()
                              if 'socket(' in line])

    def test_qemu_img_opens_the_image_and_libraries_alone(self):
        opened = set()
        for call in self._of_qemu_img():
            found = _CALL.match(call)
            if found and found[2].startswith(('open', 'creat')):
                opened.add(_PATH.search(found[3])[1])
        self.assertLessEqual({'disk', 'result'}, opened)
        self.assertEqual([], [
            path for path in sorted(opened)
            if path not in _OWN and not path.startswith(_SYSTEM)])

    def _of_qemu_img(self):
        """Yield the calls of qemu-img, its threads among them."""
        running = set()
        for line in self.calls:
            number = line.partition(' ')[0]
            if re.search(r'execve\("[^"]*/qemu-img"', line):
                running.add(number)
            elif 'execve(' in line:
                running.discard(number)
            if number in running:
                if child := _CHILD.match(line):
                    running.add(child[2])
                yield line
