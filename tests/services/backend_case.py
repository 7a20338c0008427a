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
"""What the tests of the backends of the harness have in common."""

import contextlib
import hashlib
import io
import os
from pathlib import Path
import shutil
import socket
import tempfile
import threading
import unittest
from unittest import mock
import uuid

import glance_store
from glance_store import exceptions
from oslo_config import cfg

from tests.harness.backends import behaviour
from tests.harness.backends import stores

MIB = 1 << 20
DATA = behaviour.Pattern(MIB)[:]


def belongings():
    """Return the processes and threads that this process has."""
    mine = set()
    for stat in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            pid, _, rest = stat.read_text().partition(' ')
            if rest.rpartition(')')[2].split()[1] == str(os.getpid()):
                mine.add(pid)
    return mine, set(threading.enumerate())


def mounts(directory):
    """Return the mounts in a directory."""
    lines = Path('/proc/self/mounts').read_text().splitlines()
    return [line for line in lines if f' {directory}/' in line]


class BackendCase(unittest.TestCase):
    """A test that sees what its backend has left when it has stopped."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='glance-ext-test-')
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.enterContext(
            mock.patch.object(tempfile, 'tempdir', self.directory)
        )
        self.before = belongings()
        # Cleanups run in the opposite order: after the backend's own.
        self.addCleanup(self.assert_nothing_left)

    def assert_nothing_left(self):
        self.assertEqual([], os.listdir(self.directory))
        self.assertEqual([], mounts(self.directory))
        self.assertEqual(self.before, belongings())

    def add(self, data=DATA, store=None, size=None):
        """Add an image to the store, or the single one; return its URL."""
        source, size = io.BytesIO(data), len(data) if size is None else size
        name = str(uuid.uuid4())
        add = glance_store.add_to_backend_with_multihash
        args = [cfg.CONF, name, source, size]
        if store:
            add = glance_store.add_with_multihash
            args.append(store)
        url, stored, checksum, _, _ = add(*args, 'sha256')
        self.assertEqual(len(data), stored)
        self.assertEqual(hashlib.md5(data).hexdigest(), checksum)
        return url

    def get(self, url, store=None):
        """Return the bytes that a driver reads."""
        if store:
            return b''.join(glance_store.get(url, store)[0])
        return b''.join(glance_store.get_from_backend(url)[0])

    def try_driver(self, sections):
        """Add, get and delete 1 MiB with the driver, with and without ids."""
        ((key, _),) = sections.items()
        store = key.partition(':')[0]
        with stores.multi_store(sections):
            url = self.add(store=store)
            self.assertEqual(DATA, self.get(url, store))
            glance_store.delete(url, store)
            with self.assertRaises(exceptions.NotFound):
                self.get(url, store)
        with stores.single_store(sections):
            url = self.add()
            self.assertEqual(DATA, self.get(url))
            glance_store.delete_from_backend(url)
            with self.assertRaises(exceptions.NotFound):
                self.get(url)

    def leave_an_upload(self, server):
        """Let the s3 driver fail after its first part, which it leaves."""

        class Source(io.BytesIO):
            def read(self, size=-1):
                if self.tell() >= 5 * MIB:
                    raise RuntimeError('the source failed')
                return super().read(size)

        sections = server.s3_conf(s3_store_bucket='bucket')
        with stores.multi_store(sections) as conf:
            with self.assertRaisesRegex(RuntimeError, 'the source failed'):
                glance_store.add_with_multihash(
                    conf, 'id', Source(11 * DATA), 11 * MIB, 's3', 'sha256'
                )
        ((upload, parts),) = server.uploads('bucket').items()
        self.assertEqual('id', upload.partition('/')[0])
        self.assertEqual(1, parts)
        self.assertEqual({}, server.objects('bucket'))

    def assert_silent(self, url):
        """Nobody listens at the port of a URL any more."""
        port = int(url.split(':')[2].partition('/')[0])
        with socket.socket() as probe:
            self.assertTrue(probe.connect_ex(('127.0.0.1', port)))
