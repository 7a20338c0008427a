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
"""Copies between two stores of one file system that can share blocks."""

import os
import random
import shutil
import subprocess
import unittest

from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.harness import glance

SIZE = 64 << 20
DATA = random.Random(4).randbytes(SIZE)


class CloneTest(ImportCase):
    """``fast`` and ``slow`` are on it, ``cold`` is not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid():
            raise unittest.SkipTest('skipped: only root may mount')
        if not shutil.which('mkfs.xfs'):
            raise unittest.SkipTest('skipped: mkfs.xfs absent')
        cls.own = glance.Glance(config=changed(DEFAULT={'http_retries': 1}))
        cls.addClassCleanup(cls.own.stop)
        disk, image = (cls.own.directory / name for name in ('d', 'd.xfs'))
        disk.mkdir()
        with image.open('wb') as file:
            file.truncate(1 << 30)
        subprocess.run(['mkfs.xfs', '-q', '-m', 'reflink=1', image],
                       check=True)
        if subprocess.run(['mount', '-o', 'loop', image, disk]).returncode:
            raise unittest.SkipTest('skipped: no loop mounts here')
        cls.addClassCleanup(subprocess.run, ['umount', disk], check=True)
        for store in ('fast', 'slow'):
            (disk / store).mkdir()
            (cls.own.directory / store).symlink_to(disk / store)
        cls.disk = disk
        cls.own.start()

    def setUp(self):
        self.glance = self.own
        self.addCleanup(self.glance.clear_faults)

    def used(self):
        os.sync()
        room = os.statvfs(self.disk)
        return (room.f_blocks - room.f_bfree) * room.f_frsize

    def test_a_copy_takes_no_room(self):
        image = self.glance.legacy(DATA, stores=('fast',))
        before = self.used()
        action = self.copy(image, 'slow', 'cold')
        self.assertCopied(action, image, 'slow', 'cold', data=DATA)
        self.assertEqual(digests(DATA), fields(self.glance, image))
        self.assertLess(self.used() - before, SIZE // 8)
        for store in ('slow', 'cold'):
            self.assertEqual(
                (self.glance.directory / 'fast' / image).stat().st_mode,
                self.glance.store_file(store, image).stat().st_mode)

    def test_what_the_data_goes_on_with_elsewhere_is_written(self):
        """The first source is longer, and not the same from a byte on."""
        image = self.glance.upload(DATA, stores=('fast', 'cold'))
        bad = bytearray(DATA + DATA[:1000])
        bad[SIZE // 2] ^= 1
        path = self.glance.store_file('fast', image)
        path.write_bytes(bad)
        action = self.copy(image, 'slow')
        self.assertEqual('success', action['status'], action)
        path.write_bytes(DATA)
        self.assertCopied(action, image, 'slow', data=DATA)

    def test_a_copy_that_fails_leaves_nothing(self):
        image = self.glance.upload(DATA, stores=('fast',))
        before, there = self.rows(image), self.objects(image)
        self.glance.fault('raise', 'add', store='cold', image=image,
                          at=SIZE // 2)
        self.assertUndone(self.copy(image, 'slow', 'cold'),
                          'store_unavailable', before, there)
