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
"""The storage backends of the harness are real, and leave nothing behind."""

import contextlib
import http.client
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import botocore.exceptions
import glance_store
from glance_store import exceptions
from oslo_config import cfg

from tests.harness import venvs
from tests.harness import web
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import radosgw
from tests.harness.backends import stores
from tests.harness.backends import swift
from tests.services import backend_case

DATA, MIB = backend_case.DATA, backend_case.MIB
# A worker that is killed while its backends serve.
KILLED = """
import os, signal, sys
from tests.harness.backends import filesystems
from tests.harness.backends import swift
kept = [swift.shared(), filesystems.shared(sys.argv[1])]
print(*(backend.directory for backend in kept), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class SwiftTest(backend_case.BackendCase):
    def setUp(self):
        super().setUp()
        self.swift = swift.Swift()
        self.addCleanup(self.assert_silent, self.swift.url)
        self.addCleanup(self.swift.stop)
        self.swift.start()

    def test_the_swift_driver_works_with_it(self):
        self.try_driver(self.swift.conf())

    def test_the_s3_driver_works_with_it(self):
        self.try_driver(self.swift.s3_conf())

    def test_segments_are_seen_and_public(self):
        sections = self.swift.conf(swift_store_container='c')
        with stores.multi_store(sections):
            url = self.add(3 * DATA, 'swift', size=0)
            name = url.rpartition('/')[2]
            self.assertEqual(['c'], self.swift.containers())
            sizes = self.swift.objects('c')
            segments = [f'{name}-{number:05}' for number in (1, 2, 3, 4)]
            self.assertEqual([name, *segments], sorted(sizes))
            self.assertEqual(3 * MIB, sum(sizes.values()))
        public = f'{self.swift.publish("c")}/{name}'
        with stores.multi_store({'http:http': {}}):
            self.assertEqual(3 * DATA, self.get(public, 'http'))

    def test_a_multipart_upload_that_was_left_is_seen(self):
        self.leave_an_upload(self.swift)

    def test_it_is_killed_under_a_reader_and_keeps_what_it_holds(self):
        sections = self.swift.s3_conf(
            s3_store_large_object_size=100, s3_store_bucket='bucket'
        )
        with stores.multi_store(sections):
            url = self.add(20 * DATA, 's3')
            chunks = iter(glance_store.get(url, 's3')[0])
            next(chunks)
            self.swift.kill()
            with self.assertRaises(botocore.exceptions.IncompleteReadError):
                b''.join(chunks)
            self.swift.start()
            self.assertEqual(20 * DATA, self.get(url, 's3'))
        # The token is that of before, as it would be with a Keystone.
        found = self.swift.objects('bucket')
        self.assertEqual([20 * MIB], list(found.values()))

    def test_it_hangs_while_frozen(self):
        self.swift.freeze()
        with self.assertRaises(TimeoutError):
            web.request(f'{self.swift.url}/healthcheck', 'GET', timeout=0.5)
        self.swift.thaw()
        self.assertEqual([], self.swift.containers())

    def test_an_object_is_damaged_on_the_disk(self):
        for damage in (self._truncate, self._corrupt):
            with self.subTest(damage.__name__):
                self.swift.request('PUT', 'c')
                self.swift.request('PUT', 'c', 'o', body=DATA)
                damage(self.swift.file('c', 'o'))
                try:
                    read = self.swift.request('GET', 'c', 'o').body
                except http.client.IncompleteRead as cut:
                    read = cut.partial
                self.assertNotEqual(DATA, read)
                answer = self.swift.request('GET', 'c', 'o')
                self.assertEqual(404, answer.status)

    def _truncate(self, path):
        os.truncate(path, 1000)

    def _corrupt(self, path):
        with path.open('r+b') as file:
            file.write(b'not what it was')


class CephTest(backend_case.BackendCase):
    def setUp(self):
        super().setUp()
        self.ceph = ceph.Ceph()
        self.addCleanup(self.ceph.stop)
        self.ceph.start()

    def test_the_rbd_driver_works_with_it(self):
        self.try_driver(self.ceph.conf())
        self.assertEqual([], self.ceph.images())
        self.assertEqual([], self.ceph.trash())

    def test_images_are_seen_and_deleted_behind_the_driver(self):
        with stores.multi_store(self.ceph.conf()):
            url = self.add(store='rbd')
            (image,) = self.ceph.images()
            self.assertIn(image, url)
            self.assertEqual(['snap'], self.ceph.snapshots(image))
            self.ceph.remove(image)
            self.assertEqual([], self.ceph.images())
            with self.assertRaises(exceptions.NotFound):
                self.get(url, 'rbd')

    def test_the_driver_gives_up_on_a_frozen_osd(self):
        import rbd

        with stores.multi_store(self.ceph.conf(rados_connect_timeout=1)):
            url = self.add(store='rbd')
            self.ceph.freeze()
            begun = time.monotonic()
            with self.assertRaises(rbd.Error):
                self.get(url, 'rbd')
            self.assertLess(time.monotonic() - begun, 10)
            self.ceph.thaw()
            self.assertEqual(DATA, self.get(url, 'rbd'))


class BluestoreTest(backend_case.BackendCase):
    def test_the_rbd_driver_works_with_it(self):
        with ceph.Ceph('bluestore') as cluster:
            self.try_driver(cluster.conf())


class GatewayTest(backend_case.BackendCase):
    def test_the_swift_and_s3_drivers_work_with_it(self):
        with radosgw.Gateway() as gateway:
            self.try_driver(gateway.conf())
            self.try_driver(gateway.s3_conf())
            self.leave_an_upload(gateway)
        self.assert_silent(gateway.url)


class FilesystemTest(backend_case.BackendCase):
    def test_the_file_driver_works_on_each_kind(self):
        for kind in ('plain', *filesystems.MAKE):
            with self.subTest(kind):
                with filesystems.Filesystem(kind) as disk:
                    self.try_driver(disk.conf())
                    found = backend_case.mounts(disk.directory.parent)
                    wanted = [] if kind == 'plain' else [kind]
                    self.assertEqual(
                        wanted, [line.split()[2] for line in found]
                    )

    def test_a_small_one_is_full_soon(self):
        with filesystems.Filesystem('ext4', 8) as disk:
            self.assertLess(disk.free(), 8 * MIB)
            with stores.multi_store(disk.conf()):
                with self.assertRaises(exceptions.StorageFull):
                    self.add(8 * DATA, 'file')

    def test_reflinks_where_they_are(self):
        for kind, wanted in (('ext4', 1), ('xfs', 0), ('btrfs', 0)):
            with self.subTest(kind):
                with filesystems.Filesystem(kind) as disk:
                    source = disk.directory / 'source'
                    source.write_bytes(DATA)
                    command = ['cp', '--reflink=always', source]
                    done = subprocess.run(
                        [*command, disk.directory / 'copy'],
                        stderr=subprocess.DEVNULL,
                    )
                    self.assertEqual(wanted, done.returncode)

    def test_nothing_is_left_when_the_worker_is_killed(self):
        kind = 'xfs' if filesystems.available('xfs') else 'plain'
        done = subprocess.run(
            [sys.executable, '-c', KILLED, kind],
            stdout=subprocess.PIPE,
            env=os.environ | {'TMPDIR': self.directory},
            cwd=venvs.ROOT,
        )
        self.assertEqual(-signal.SIGKILL, done.returncode)
        directories = done.stdout.decode().split()
        self.assertEqual(2, len(directories))
        deadline = time.monotonic() + 10
        while os.listdir(self.directory):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        for path in Path('/proc').glob('[0-9]*/cmdline'):
            with contextlib.suppress(OSError):
                self.assertNotIn(directories[0], path.read_text())


class StoresTest(backend_case.BackendCase):
    def setUp(self):
        super().setUp()
        self.disk = self.enterContext(filesystems.Filesystem())

    def test_the_first_store_is_the_default_and_more_can_follow(self):
        sections = (self.disk.conf('a', weight=3), self.disk.conf('b'))
        with stores.multi_store(*sections) as conf:
            self.assertEqual('a', conf.glance_store.default_backend)
            self.assertEqual({'a': 'file', 'b': 'file'}, conf.enabled_backends)
            self.assertEqual(3, glance_store.get_store_weight('a'))
            urls = [self.add(store=name) for name in 'ab']
            self.assertIn(f'{self.disk.directory}/b/', urls[1])

    def test_everything_is_forgotten_afterwards(self):
        with stores.multi_store(self.disk.conf('a')):
            url = self.add(store='a')
        with stores.multi_store(self.disk.conf('b')) as conf:
            self.assertEqual({'b': 'file'}, conf.enabled_backends)
            self.assertNotIn(str(self.disk.directory),
                             conf.a.filesystem_store_datadir)
            with self.assertRaises(exceptions.UnknownScheme):
                self.get(url, 'a')

    def test_there_is_one_at_a_time(self):
        with stores.multi_store(self.disk.conf()):
            with self.assertRaisesRegex(RuntimeError, 'already'):
                with stores.single_store(self.disk.conf()):
                    pass

    def test_half_a_store_and_unknown_options_are_refused(self):
        with self.assertRaisesRegex(RuntimeError, 'did not take'):
            with stores.multi_store({'s3:s3': {'s3_store_host': 'nowhere'}}):
                pass
        with self.assertRaises(cfg.NoSuchOptError):
            with stores.multi_store(self.disk.conf(no_such_option=1)):
                pass

    def test_a_glance_gets_the_same_sections(self):
        sections = self.disk.conf('a')
        self.assertEqual(
            {'stores': ('a:file',), 'config': {'a': sections['a:file']}},
            stores.instance(sections),
        )
