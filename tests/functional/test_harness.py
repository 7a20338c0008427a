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
"""The harness itself: a plain Glance boots, and its faults are real."""

import concurrent.futures
import hashlib
import http.client
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from tests.harness import glance
from tests.harness import processes
from tests.harness import servers
from tests.harness import users
from tests.harness.soaking import soak

# A test that is killed while its Glance, with several processes, serves.
ORPHAN = """
import os, signal, sys
from tests.harness import glance
server, directory = sys.argv[1:]
count = 1 if server == 'waitress' else 2
found = glance.Glance(
    directory, server=server, processes=count, extension=False
)
with found:
    image = found.upload([b'data'])
    if found.download(image) != b'data':
        sys.exit('not what was uploaded')
    print(found.processes_alive()[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
SIZE = 300_000
DATA = bytes(range(1, 251)) * (SIZE // 250)


def wait_for(test, condition):
    """Let the test fail when a condition does not come true in 10 seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        test.assertLess(time.monotonic(), deadline)
        time.sleep(0.02)


class PlainGlance(unittest.TestCase):
    """One instance without the extension serves all of these."""

    def setUp(self):
        self.glance = glance.shared(extension=False)
        self.addCleanup(self.glance.clear_faults)


class ApiTest(PlainGlance):
    def test_upload_is_downloaded_and_lies_in_the_default_store(self):
        image = self.glance.upload(DATA)
        self.assertEqual(DATA, self.glance.download(image))
        path = self.glance.store_file('fast', image)
        self.assertEqual(DATA, path.read_bytes())
        self.assertEqual('fast', self.glance.image(image)['stores'])

    def test_chunked_upload_to_two_stores(self):
        pieces = (DATA[i : i + 70_000] for i in range(0, SIZE, 70_000))
        image = self.glance.upload(pieces, stores=('slow', 'cold'))
        for store in ('slow', 'cold'):
            path = self.glance.store_file(store, image)
            self.assertEqual(DATA, path.read_bytes())
        stores = self.glance.image(image)['stores'].split(',')
        self.assertEqual({'slow', 'cold'}, set(stores))

    def test_who_asks_decides_the_answer(self):
        image = self.glance.upload(b'data', user=users.MEMBER)
        path = f'/v2/images/{image}'
        for user, status in (
            (users.ADMIN, 200),
            (users.MEMBER, 200),
            (users.READER, 200),
            (users.OTHER, 404),
            (users.NOBODY, 401),
        ):
            with self.subTest(user=user):
                answer = self.glance.request('GET', path, user=user)
                self.assertEqual(status, answer.status)

    def test_legacy_shapes(self):
        md5 = hashlib.md5(DATA).hexdigest()
        for shape, expected in (
            ('bare', (None, None, None)),
            ('checksum', (md5, None, None)),
            ('half', (None, 'sha512', None)),
        ):
            with self.subTest(shape):
                image = self.glance.legacy(DATA, shape)
                found = self.glance.image(image)
                names = ('checksum', 'os_hash_algo', 'os_hash_value')
                self.assertEqual(expected, tuple(map(found.get, names)))
                self.assertEqual('active', found['status'])
                self.assertEqual(DATA, self.glance.download(image))


class FaultTest(PlainGlance):
    def setUp(self):
        super().setUp()
        self.image = self.glance.upload(DATA, stores=('fast', 'slow'))

    def partial(self):
        """What a download brings that does not end as it should."""
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.glance.download(self.image)
        return caught.exception.partial

    def test_cut_ends_the_stream_early(self):
        fault = self.glance.fault('cut', image=self.image, at=100_001)
        self.assertEqual(DATA[:100_001], self.partial())
        self.assertEqual(1, self.glance.fired(fault))

    def test_raise_while_reading(self):
        fault = self.glance.fault('raise', image=self.image, at=70_000)
        self.assertEqual(DATA[:70_000], self.partial())
        self.assertEqual(1, self.glance.fired(fault))
        self.assertIn('RemoteServiceUnavailable', self.glance.log())

    def test_raise_behind_the_last_byte(self):
        fault = self.glance.fault('raise', at=SIZE, error='OSError')
        self.assertEqual(DATA, self.glance.download(self.image))
        # The client has all it was promised before the server goes on.
        wait_for(self, lambda: self.glance.fired(fault))

    def test_zeros_to_the_declared_length(self):
        self.glance.fault('zeros', image=self.image, at=123_456)
        expected = DATA[:123_456] + bytes(SIZE - 123_456)
        self.assertEqual(expected, self.glance.download(self.image))

    def test_corrupt_flips_bytes(self):
        self.glance.fault('corrupt', image=self.image, at=65_535, length=2)
        found = self.glance.download(self.image)
        different = [i for i in range(SIZE) if found[i] != DATA[i]]
        self.assertEqual([65_535, 65_536], different)

    def test_times_limits_how_often_it_happens(self):
        fault = self.glance.fault('corrupt', image=self.image, times=1)
        self.assertNotEqual(DATA, self.glance.download(self.image))
        self.assertEqual(DATA, self.glance.download(self.image))
        self.assertEqual(1, self.glance.fired(fault))

    def test_not_found_in_one_store_leaves_the_other(self):
        fault = self.glance.fault('notfound', store='fast')
        self.assertEqual(DATA, self.glance.download(self.image))
        self.assertEqual(1, self.glance.fired(fault))

    def test_not_found_anywhere(self):
        fault = self.glance.fault('notfound', image=self.image)
        answer = self.glance.request('GET', f'/v2/images/{self.image}/file')
        self.assertNotEqual(200, answer.status)
        self.assertEqual(2, self.glance.fired(fault))

    def test_another_image_is_spared(self):
        self.glance.fault('cut', image=self.glance.upload(b'other'))
        self.assertEqual(DATA, self.glance.download(self.image))

    def test_stall_until_cleared(self):
        fault = self.glance.fault('stall', image=self.image, at=1)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            download = pool.submit(self.glance.download, self.image)
            wait_for(self, lambda: self.glance.fired(fault))
            with self.assertRaises(TimeoutError):
                download.result(timeout=0.3)
            self.glance.clear_faults(fault)
            self.assertEqual(DATA, download.result(timeout=10))

    def test_stall_for_some_seconds(self):
        self.glance.fault('stall', image=self.image, seconds=0.5)
        begun = time.monotonic()
        self.assertEqual(DATA, self.glance.download(self.image))
        self.assertGreaterEqual(time.monotonic() - begun, 0.5)

    def test_slow_store(self):
        self.glance.fault('slow', bytes_per_second=SIZE)
        begun = time.monotonic()
        self.assertEqual(DATA, self.glance.download(self.image))
        self.assertGreaterEqual(time.monotonic() - begun, 1)

    def test_delete_in_use_loses_the_data_and_keeps_the_image(self):
        image = self.glance.upload(DATA)
        fault = self.glance.fault('in_use', 'delete', image=image)
        answer = self.glance.request('DELETE', f'/v2/images/{image}')
        self.assertEqual(409, answer.status)
        self.assertEqual(1, self.glance.fired(fault))
        self.assertEqual('active', self.glance.image(image)['status'])
        self.assertFalse(self.glance.store_file('fast', image).exists())

    def test_delete_that_raises_keeps_the_data(self):
        image = self.glance.upload(DATA)
        error = 'HasSnapshot'
        self.glance.fault('raise', 'delete', image=image, error=error)
        self.glance.request('DELETE', f'/v2/images/{image}')
        self.assertTrue(self.glance.store_file('fast', image).exists())


class LifeTest(unittest.TestCase):
    """Starting and ending, under every server the release has."""

    def started(self, **arguments):
        found = glance.Glance(extension=False, **arguments)
        self.addCleanup(found.stop, signal.SIGKILL)
        return found.start()

    @soak
    def test_every_server_serves_and_ends_with_its_test(self):
        for server in servers.SERVERS:
            with self.subTest(server):
                here = tempfile.mkdtemp()
                self.addCleanup(shutil.rmtree, here)
                arguments = [sys.executable, '-c', ORPHAN, server, here]
                test = subprocess.run(arguments, capture_output=True)
                if test.returncode != -signal.SIGKILL:
                    self.assertIn(b'skipped: ', test.stderr)
                    continue
                session = int(test.stdout)
                wait_for(self, lambda: not processes.members(session))

    def test_a_stopped_one_leaves_nothing(self):
        found = self.started(server='pyuwsgi', processes=2)
        self.assertGreaterEqual(len(found.processes_alive()), 3)
        code, _ = found.stop()
        self.assertEqual(0, code)
        self.assertEqual([], found.processes_alive())
        self.assertFalse(found.directory.exists())
        self.assertFalse(found.answers())

    def test_one_store(self):
        found = self.started(stores=())
        image = found.upload(DATA)
        self.assertEqual(DATA, found.download(image))
        self.assertEqual(DATA, found.store_file(None, image).read_bytes())
        self.assertNotIn('stores', found.image(image))
        found.fault('corrupt')
        self.assertNotEqual(DATA, found.download(image))

    def test_kill_and_start_again_keeps_everything(self):
        found = self.started(server='pyuwsgi', processes=2)
        image = found.upload(DATA)
        found.kill()
        self.assertEqual([], found.processes_alive())
        found.start()
        self.assertEqual(DATA, found.download(image))

    def test_restart_with_other_options(self):
        found = self.started()
        found.restart({'DEFAULT': {'hashing_algorithm': 'sha256'}})
        image = found.upload(DATA)
        self.assertEqual('sha256', found.image(image)['os_hash_algo'])

    def test_without_authentication(self):
        found = self.started(auth='none')
        image = found.request(
            'POST',
            '/v2/images',
            {'disk_format': 'raw', 'container_format': 'bare'},
            user=users.NOBODY,
        )
        self.assertEqual(201, image.status)

    def test_a_boot_that_fails_says_why(self):
        with self.assertRaisesRegex(RuntimeError, 'no_such_store'):
            self.started(
                config={'glance_store': {'default_backend': 'no_such_store'}}
            )
