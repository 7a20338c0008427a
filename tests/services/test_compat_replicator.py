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

"""Glance's own replicator, which speaks version 1 and nothing else."""

import hashlib
import os
import random
import subprocess
import tempfile
import unittest

from tests.harness import compat
from tests.harness.users import ADMIN


def setUpModule():
    """Boot the two Glances of this module."""
    for name in ('source', 'target'):
        booted = compat.fresh().start()
        unittest.addModuleCleanup(booted.stop)
        setattr(ReplicatorTest, name, booted)


class ReplicatorTest(unittest.TestCase):
    source: compat.Glance
    target: compat.Glance

    def replicate(self, command, *arguments):
        """Run it; return all that it said."""
        done = subprocess.run(
            [
                str(self.source.venv / 'bin' / 'glance-replicator'),
                '--token', ADMIN.token,
                command,
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={'PATH': os.environ['PATH'], 'PYTHONWARNINGS': 'ignore'},
        )  # fmt: skip
        self.assertEqual(0, done.returncode, done.stdout)
        return done.stdout

    def test_dump_load_livecopy_compare_and_size(self):
        source, target = (
            f'127.0.0.1:{glance.port}'
            for glance in (self.source, self.target)
        )
        # It reads what it loads as text.
        text = b'some text\n' * 5000
        noise = random.Random(1).randbytes(100000)
        loaded = self.source.upload(text, name='text', os_type='linux')
        self.assertIn(
            f'Total size is {len(text)} bytes', self.replicate('size', source)
        )
        with tempfile.TemporaryDirectory() as directory:
            self.replicate('dump', source, directory)
            self.replicate('load', target, directory)
        copied = self.source.upload(noise, name='noise', a='100%')
        compared = self.replicate('compare', source, target)
        self.assertIn(f'Image {copied} ("noise") entirely missing', compared)
        self.assertNotIn(f'Image {loaded} ("text") entirely', compared)
        self.replicate('livecopy', source, target)
        self.assertNotIn(
            'entirely missing', self.replicate('compare', source, target)
        )
        for image, data in ((loaded, text), (copied, noise)):
            here, there = (
                glance.image(image) for glance in (self.source, self.target)
            )
            self.assertEqual(data, self.target.download(image))
            self.assertEqual(hashlib.md5(data).hexdigest(), there['checksum'])
            for name in ('checksum', 'os_hash_value', 'size', 'name',
                         'disk_format', 'container_format', 'owner'):
                self.assertEqual(here[name], there[name], name)
        self.assertEqual('linux', self.target.image(loaded)['os_type'])
        self.assertEqual('100%', self.target.image(copied)['a'])
