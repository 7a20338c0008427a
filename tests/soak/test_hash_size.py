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
"""A large image: right digests, in little memory. The long form."""

import hashlib
import os
from pathlib import Path
import random
import re
import time
import unittest

from tests.functional import cases

SIZE = 1 << 30
ALGORITHMS = ('sha512', 'sha256', 'sha1', 'blake2b', 'sha3_512')
#: What a hash may take beside what the idle process has.
ALLOWED = 8 << 20


@unittest.skipUnless(os.environ.get('GLANCE_EXT_SOAK') == '1',
                     'skipped: GLANCE_EXT_SOAK is not 1')
class LargeImageTest(cases.HashCase):
    def test_digests_and_memory(self):
        image = self.large_image()
        path = self.glance.store_file('fast', image)
        (process,) = self.glance.processes_alive()
        # What is loaded by the first hash of a process stays loaded.
        self.succeeded(self.hash(self.glance.legacy(bytes(16 << 20))))
        for algorithm in ALGORITHMS:
            self.set_columns(image, checksum=None, os_hash_algo=None,
                             os_hash_value=None)
            idle = resident(process)
            forget_peak(process)
            begun = time.monotonic()
            action = self.accept(image, os_hash_algo=algorithm)
            self.succeeded(self.glance.wait_action(action['id'], 600))
            seconds = time.monotonic() - begun
            grown = peak(process) - idle
            print(f'{algorithm}: {SIZE >> 20} MiB in {seconds:.1f} s, idle '
                  f'{idle / 2**20:.1f} MiB, peak {grown / 2**20:+.1f} MiB')
            with self.subTest(algorithm):
                self.assertLess(grown, ALLOWED)
                self.assertEqual((digest(path, 'md5'), algorithm,
                                  digest(path, algorithm)),
                                 self.digests(image))

    def large_image(self):
        """Return an image of SIZE bytes; every MiB begins with noise."""
        image = self.glance.legacy(b'data')
        noise = random.Random(1)
        with self.glance.store_file('fast', image).open('r+b') as data:
            data.truncate(SIZE)
            for start in range(0, SIZE, 1 << 20):
                data.seek(start)
                data.write(noise.randbytes(4096))
        self.set_columns(image, size=SIZE)
        return image


def digest(path: Path, algorithm: str) -> str:
    with path.open('rb') as data:
        return hashlib.file_digest(data, algorithm).hexdigest()


def status(process: int, name: str) -> int:
    """Return a size of /proc/PID/status, in bytes."""
    text = Path(f'/proc/{process}/status').read_text()
    return int(re.search(rf'{name}:\s+(\d+) kB', text)[1]) * 1024


def resident(process: int) -> int:
    return status(process, 'VmRSS')


def peak(process: int) -> int:
    return status(process, 'VmHWM')


def forget_peak(process: int) -> None:
    Path(f'/proc/{process}/clear_refs').write_text('5')
