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
"""A large image, and staging that is far smaller."""

import hashlib
import os
import subprocess
import time
import unittest

from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import glance
from tests.harness.backends import http
from tests.harness.soaking import soak
from tests.soak.test_hash_size import forget_peak
from tests.soak.test_hash_size import peak
from tests.soak.test_hash_size import resident

SIZE = 5 << 30
STAGING = 64 << 20
#: What a copy into three stores may take beside what the process has.
ALLOWED = 64 << 20
STORES = ('fast', 'slow', 'cold', 'deep')
#: Zeros take no room in the stores.
THIN = {store: {'filesystem_thin_provisioning': True} for store in STORES}


def setUpModule():
    if os.geteuid():
        raise unittest.SkipTest('skipped: only root may mount')


class SmallCase(ImportCase):
    """A Glance with a file system of its own for staging."""

    config = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = glance.Glance(
            stores=STORES, config=changed(**THIN, **cls.config))
        cls.addClassCleanup(cls.own.stop)
        cls.staging = cls.own.directory / 'staging'
        cls.staging.mkdir()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={STAGING}',
                        'tmpfs', cls.staging], check=True)
        cls.addClassCleanup(subprocess.run, ['umount', cls.staging],
                            check=True)
        cls.own.start()

    def setUp(self):
        self.glance = self.own
        self.addCleanup(self.glance.clear_faults)

    def large_image(self):
        """Return an image of SIZE zeros."""
        image = self.glance.legacy(b'data', stores=('fast',))
        path = self.glance.store_file('fast', image)
        os.truncate(path, 0)
        os.truncate(path, SIZE)
        self.glance.sql('update images set size = ? where id = ?',
                        (SIZE, image))
        return image

    def assertNothingStaged(self):
        self.assertEqual([], list(self.staging.iterdir()))
        room = os.statvfs(self.staging)
        self.assertEqual(STAGING, room.f_bavail * room.f_frsize)


@soak
class StraightTest(SmallCase):

    def test_a_copy_needs_no_staging_and_little_memory(self):
        image = self.large_image()
        (process,) = self.glance.processes_alive()
        # What is loaded by the first copy of a process stays loaded.
        other = self.glance.upload(bytes(64 << 20), stores=('fast',))
        self.copy(other, *STORES[1:])
        idle = resident(process)
        forget_peak(process)
        begun = time.monotonic()
        action = self.glance.wait_action(
            self.begin(image, copying(*STORES[1:])), 1200)
        seconds = time.monotonic() - begun
        grown = peak(process) - idle
        print(f'{SIZE >> 20} MiB into 3 stores in {seconds:.1f} s, idle '
              f'{idle / 2**20:.1f} MiB, peak {grown / 2**20:+.1f} MiB')
        self.assertEqual('success', action['status'], action)
        self.assertLess(grown, ALLOWED)
        self.assertEqual(set(STORES), self.stores(image))
        with self.glance.store_file('fast', image).open('rb') as data:
            found = hashlib.file_digest(data, 'sha512').hexdigest()
        self.assertEqual(found, self.glance.image(image)['os_hash_value'])
        for store in STORES[1:]:
            copied = self.glance.store_file(store, image).stat()
            self.assertEqual(SIZE, copied.st_size)
        self.assertNothingStaged()


@soak
class StagedTest(SmallCase):

    config = {'glance_ext': {'copy_through_staging': True},
              'image_import_opts': {'image_import_plugins':
                                    "['image_decompression']"}}

    def test_a_copy_that_has_to_be_staged_fails_and_leaves_nothing(self):
        image = self.large_image()
        before, there = self.rows(image), self.objects(image)
        self.assertUndone(self.copy(image, *STORES[1:]), 'store_full',
                          before, there)
        self.assertNothingStaged()

    def test_so_does_a_download(self):
        server = self.enterContext(http.Server())
        uri = server.serve('/image', STAGING + 1)
        image = self.glance.create()['id']
        before = self.rows(image)
        self.assertUndone(
            self.run_import(image, downloading(uri, *STORES[1:])),
            'store_full', before, [])
        self.assertEqual('queued', self.glance.image(image)['status'])
        self.assertNothingStaged()
