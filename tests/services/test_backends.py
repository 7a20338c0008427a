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
import hashlib
import http.client
import io
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock
import uuid

import botocore.exceptions
import glance_store
from glance_store import exceptions
from oslo_config import cfg

from tests.harness import venvs
from tests.harness import web
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import http as hostile
from tests.harness.backends import stores
from tests.harness.backends import swift

MIB = 1 << 20
DATA = bytes(hostile.Pattern(MIB)[:])
# A worker that is killed while its backends serve.
KILLED = """
import os, signal, sys
from tests.harness.backends import filesystems
from tests.harness.backends import swift
kept = [swift.shared(), filesystems.shared(sys.argv[1])]
print(*(backend.directory for backend in kept), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


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

    def try_driver(self, sections, remove=True):
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

    def assert_silent(self, url):
        """Nobody listens at the port of a URL any more."""
        port = int(url.split(':')[2].partition('/')[0])
        with socket.socket() as probe:
            self.assertTrue(probe.connect_ex(('127.0.0.1', port)))


class SwiftTest(BackendCase):
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
        class Source(io.BytesIO):
            def read(self, size=-1):
                if self.tell() >= 5 * MIB:
                    raise RuntimeError('the source failed')
                return super().read(size)

        sections = self.swift.s3_conf(s3_store_bucket='bucket')
        with stores.multi_store(sections) as conf:
            with self.assertRaisesRegex(RuntimeError, 'the source failed'):
                glance_store.add_with_multihash(
                    conf, 'id', Source(11 * DATA), 11 * MIB, 's3', 'sha256'
                )
        (upload,) = self.swift.uploads('bucket')
        self.assertEqual('id', upload.partition('/')[0])
        self.assertEqual({}, self.swift.objects('bucket'))

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


class CephTest(BackendCase):
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


class BluestoreTest(BackendCase):
    def test_the_rbd_driver_works_with_it(self):
        with ceph.Ceph('bluestore') as cluster:
            self.try_driver(cluster.conf())


class FilesystemTest(BackendCase):
    def test_the_file_driver_works_on_each_kind(self):
        for kind in ('plain', *filesystems.MAKE):
            with self.subTest(kind):
                with filesystems.Filesystem(kind) as disk:
                    self.try_driver(disk.conf())
                    found = mounts(disk.directory.parent)
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


class HttpTest(BackendCase):
    def setUp(self):
        super().setUp()
        self.server = hostile.Server()
        self.addCleanup(self.assert_silent, self.server.url)
        self.addCleanup(self.server.stop)

    def ask(self, url, wanted=None, method='GET', timeout=30, **headers):
        """Return the answer; ``wanted`` is the Range without its unit."""
        if wanted:
            headers['Range'] = f'bytes={wanted}'
        headers = {name.replace('_', '-'): headers[name] for name in headers}
        return web.request(url, method, headers=headers, timeout=timeout)

    def partial(self, url, wanted=None):
        """Return what comes before the answer is cut off."""
        with self.assertRaises(http.client.IncompleteRead) as cut:
            self.ask(url, wanted)
        return cut.exception.partial

    def test_the_http_driver_reads_from_it(self):
        url = self.server.serve('/image', DATA)
        with stores.multi_store({'http:http': {}}):
            self.assertEqual(DATA, self.get(url, 'http'))
            self.assertEqual(
                MIB, glance_store.get_size_from_uri_and_backend(url, 'http')
            )
            with self.assertRaises(exceptions.NotFound):
                self.get(f'{self.server.url}/none', 'http')
        with stores.single_store({'http:http': {}}):
            self.assertEqual(DATA, self.get(url))

    def test_ranges(self):
        url = self.server.serve('/image', DATA)
        etag = self.ask(url, method='HEAD').headers['ETag']
        for wanted, start, stop in (
            ('0-0', 0, 1),
            ('100-199', 100, 200),
            ('1000-', 1000, MIB),
            ('-7', MIB - 7, MIB),
            (f'5-{2 * MIB}', 5, MIB),
        ):
            with self.subTest(wanted):
                answer = self.ask(url, wanted, If_Range=etag)
                self.assertEqual(206, answer.status)
                self.assertEqual(DATA[start:stop], answer.body)
                self.assertEqual(
                    f'bytes {start}-{stop - 1}/{MIB}',
                    answer.headers['Content-Range'],
                )
        beyond = self.ask(url, f'{MIB}-')
        self.assertEqual(416, beyond.status)
        self.assertEqual(f'bytes */{MIB}', beyond.headers['Content-Range'])
        other = self.ask(url, '5-9', If_Range='"other"')
        self.assertEqual((200, DATA), (other.status, other.body))
        deaf = self.server.serve('/deaf', DATA, ranges=False, etag=False)
        whole = self.ask(deaf, '5-9')
        self.assertEqual((200, DATA), (whole.status, whole.body))
        self.assertIsNone(whole.headers['ETag'])
        self.assertIsNone(whole.headers['Accept-Ranges'])

    def test_ways_to_tell_the_end(self):
        for framing, length in (
            ('length', str(MIB)),
            ('chunked', None),
            ('close', None),
        ):
            with self.subTest(framing):
                url = self.server.serve('/image', DATA, framing=framing)
                answer = self.ask(url)
                self.assertEqual(DATA, answer.body)
                self.assertEqual(length, answer.headers['Content-Length'])

    def test_statuses(self):
        for status in (302, 403, 404, 500):
            with self.subTest(status):
                url = self.server.serve(
                    '/image', DATA, status=status, location='/other', times=1
                )
                answer = self.ask(url)
                self.assertEqual((status, b''), (answer.status, answer.body))
                self.assertEqual('/other', answer.headers['Location'])
                self.assertEqual(DATA, self.ask(url).body)
        url = self.server.serve('/image', DATA, head_status=405)
        self.assertEqual(405, self.ask(url, method='HEAD').status)
        self.assertEqual(DATA, self.ask(url).body)

    def test_cut_off_at_a_byte_and_read_on_from_there(self):
        for framing in ('length', 'chunked'):
            with self.subTest(framing):
                url = self.server.serve(
                    '/image', DATA, truncate_at=300_000, framing=framing
                )
                first = self.partial(url)
                self.assertEqual(DATA[:300_000], first)
                rest = self.ask(url, f'{len(first)}-').body
                self.assertEqual(DATA, first + rest)
                self.assertEqual(first, self.partial(url))
        sent = [each.sent for each in self.server.log('/image')]
        self.assertEqual(2 * [300_000, MIB - 300_000, 300_000], sent)
        self.assertEqual(2 * (MIB + 300_000), self.server.sent('/image'))
        self.assertEqual(6, self.server.connections)
        url = self.server.serve('/empty', DATA, truncate_at=0)
        self.assertEqual(b'', self.partial(url))

    def test_cut_off_every_so_many_bytes(self):
        url = self.server.serve('/image', DATA, cut_every=400_000)
        read = self.partial(url)
        read += self.partial(url, f'{len(read)}-')
        read += self.ask(url, f'{len(read)}-').body
        self.assertEqual(DATA, read)

    def test_a_reset_comes_after_what_was_sent(self):
        url = self.server.serve('/image', DATA, reset_at=500_000, times=1)
        host = self.server.url.split('/')[2]
        with contextlib.closing(http.client.HTTPConnection(host)) as client:
            client.request('GET', '/image')
            answer = client.getresponse()
            self.assertEqual(DATA[:500_000], answer.read(500_000))
            with self.assertRaises(ConnectionResetError):
                answer.read(1)
        self.assertEqual(DATA, self.ask(url).body)

    def test_silence_until_it_is_released(self):
        for at in (0, 1000):
            url = self.server.serve('/image', DATA, stall_at=at)
            with self.subTest(at), self.assertRaises(TimeoutError):
                self.ask(url, timeout=0.3)
            timer = threading.Timer(0.3, self.server.release, ['/image'])
            timer.start()
            begun = time.monotonic()
            self.assertEqual(DATA, self.ask(url).body)
            self.assertGreater(time.monotonic() - begun, 0.25)
            timer.join()

    def test_slow(self):
        url = self.server.serve('/image', 100_000, rate=200_000)
        begun = time.monotonic()
        self.assertEqual(100_000, len(self.ask(url).body))
        self.assertGreater(time.monotonic() - begun, 0.45)

    def test_lies_about_the_length(self):
        url = self.server.serve('/image', DATA, length_off_by=10)
        self.assertEqual(DATA, self.partial(url))
        self.assertEqual(
            str(MIB + 10),
            self.ask(url, method='HEAD').headers['Content-Length'],
        )
        url = self.server.serve('/image', DATA, length_off_by=-10)
        self.assertEqual(DATA[:-10], self.ask(url).body)

    def test_another_file_between_two_ranges(self):
        other = bytes(reversed(DATA))
        url = self.server.serve('/image', DATA, becomes=other)
        first = self.ask(url, '0-9')
        self.assertEqual(DATA[:10], first.body)
        second = self.ask(url, '10-19')
        self.assertEqual(other[10:20], second.body)
        self.assertNotEqual(first.headers['ETag'], second.headers['ETag'])
        guarded = self.ask(url, '10-19', If_Range=first.headers['ETag'])
        self.assertEqual((200, other), (guarded.status, guarded.body))
        self.server.change('/image', DATA)
        self.assertEqual(DATA, self.ask(url).body)

    def test_requests_and_connections_are_counted(self):
        self.server.serve('/image', DATA)
        host = self.server.url.split('/')[2]
        with contextlib.closing(http.client.HTTPConnection(host)) as client:
            for wanted in ('bytes=0-9', 'bytes=10-29'):
                client.request('GET', '/image', headers={'Range': wanted})
                client.getresponse().read()
        found = self.server.log('/image')
        self.assertEqual([(206, 0, 10), (206, 10, 20)],
                         [(each.status, each.start, each.sent)
                          for each in found])
        self.assertEqual({1}, {each.connection for each in found})
        self.assertEqual('bytes=10-29', found[1].range)
        self.server.forget()
        self.assertEqual(404, self.ask(f'{self.server.url}/image').status)
        self.assertEqual(1, self.server.connections)


class StoresTest(BackendCase):
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


if __name__ == '__main__':
    unittest.main()
