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
"""Hashes of images in real stores, also on their bad days."""

import contextlib
import random

from tests.functional import hash_life
from tests.functional.hash_life import NOTHING
from tests.harness.backends import ceph
from tests.harness.backends import http
from tests.harness.backends import swift
from tests.harness.soaking import soak
from tests.services import paced

MIB = 1 << 20
SIZE = 8 * MIB
DATA = random.Random(SIZE).randbytes(SIZE)
#: What the swift driver cuts into whole segments, as it has to.
IN_SEGMENTS = DATA[:8 * 1_024_000]


class BackendCase(hash_life.LifeCase):

    #: The keys of ``paced.STORES`` that this Glance has.
    stores = ()

    def setUp(self):
        self.glance = paced.shared(*self.stores)

    def check_hashes(self, store, *contents):
        """Hash images of each size, and hash them again."""
        for data in contents:
            with self.subTest(len(data)):
                image = self.glance.legacy(data, stores=(store,))
                self.assertHashed(self.hash(image), image, data)
                again = self.hash(image, rehash=True)
                self.assertEqual('success', again['status'], again)

    @contextlib.contextmanager
    def reading(self, store, image, byte):
        """Have a hash stop at a byte, and go on in the end; yield it."""
        self.glance.hold(store)
        action = hash_life.begin(self.glance, image)
        try:
            self.glance.read_until(byte, store, image)
            yield action
        finally:
            self.glance.let_go(store)


@soak
class TestXfs(BackendCase):
    stores = ('xfs',)

    def test_file(self):
        self.check_hashes('xfs', b'', DATA)


@soak
class TestBtrfs(BackendCase):
    stores = ('btrfs',)

    def test_file(self):
        self.check_hashes('btrfs', b'', DATA)


@soak
class TestHttp(BackendCase):
    """A location that an administrator added, with data that is not ours."""

    stores = ('disk', 'http')

    def setUp(self):
        super().setUp()
        self.server = http.shared()
        self.addCleanup(self.server.forget)

    def located(self, **behaviour):
        """Return an image at a server that behaves like this."""
        url = self.server.serve('/image', DATA, **behaviour)
        image = self.glance.create()['id']
        answer = self.glance.request(
            'PATCH', f'/v2/images/{image}',
            [{'op': 'add', 'path': '/locations/-',
              'value': {'url': url, 'metadata': {'store': 'http'}}}],
            headers={'Content-Type':
                     'application/openstack-images-v2.1-json-patch'})
        self.assertEqual(200, answer.status, answer.text)
        self.assertEqual(NOTHING, hash_life.fields(self.glance, image))
        return image

    def test_location(self):
        image = self.located()
        self.assertHashed(self.hash(image), image, DATA)

    def test_location_that_is_cut_off(self):
        image = self.located(truncate_at=SIZE // 2)
        self.assertFailed(self.hash(image), 'store_unavailable', image,
                          data=None)


@soak
class TestRbd(BackendCase):
    stores = ('rbd',)

    def test_image(self):
        self.check_hashes('rbd', b'', DATA)


@soak
class TestFrozenRbd(BackendCase):
    """The driver waits for ever, as is its default."""

    stores = ('patient',)

    def setUp(self):
        self.glance = paced.shared(*self.stores, stall_timeout=5)

    def test_store_that_is_silent(self):
        image = self.glance.legacy(DATA)
        with self.reading('patient', image, MIB) as action:
            ceph.shared().freeze()
        try:
            action = self.ended(action)
        finally:
            ceph.shared().thaw()
        self.assertFailed(action, 'store_stalled', image, data=DATA)
        self.assertHashed(self.hash(image), image, DATA)


@soak
class TestSwift(BackendCase):
    stores = ('whole', 'segmented')

    def test_object(self):
        self.check_hashes('whole', b'', DATA)

    def test_segments(self):
        self.check_hashes('segmented', IN_SEGMENTS)

    def test_segments_of_which_one_is_lost(self):
        image = self.glance.legacy(IN_SEGMENTS, stores=('segmented',))
        swift.shared().request('DELETE', paced.CONTAINER, f'{image}-00004')
        self.assertFailed(self.hash(image), 'short_read', image, data=None)

    def test_object_that_was_changed(self):
        image = self.glance.legacy(DATA, 'checksum', stores=('whole',))
        recorded = hash_life.fields(self.glance, image)
        with swift.shared().file(paced.CONTAINER, image).open('r+b') as file:
            file.write(b'not what it was')
        action = self.hash(image)
        # Swift notices as well, and may be faster.
        self.assertIn(action['error']['code'],
                      ('hash_mismatch', 'data_missing'))
        self.assertFailed(action, action['error']['code'], image, recorded,
                          data=None)


@soak
class TestS3(BackendCase):
    stores = ('s3',)

    def test_object(self):
        self.check_hashes('s3', b'', DATA[:MIB])

    def test_parts(self):
        self.check_hashes('s3', DATA)

    def test_server_that_is_down(self):
        image = self.glance.legacy(DATA)
        swift.shared().kill()
        try:
            action = self.hash(image)
        finally:
            swift.shared().start()
        self.assertFailed(action, 'store_unavailable', image, data=DATA)
        self.assertHashed(self.hash(image), image, DATA)


@soak
class TestSeveral(BackendCase):
    stores = ('rbd', 'whole')

    def setUp(self):
        self.glance = paced.shared(*self.stores, attempts=2)

    def test_copy_that_dies_is_gone_on_from_in_another_store(self):
        image = self.glance.legacy(DATA, stores=self.stores)
        with self.reading('rbd', image, SIZE * 6 // 10) as action:
            ceph.shared().freeze()
        try:
            action = self.ended(action)
        finally:
            ceph.shared().thaw()
        self.assertHashed(action, image, DATA)
        self.assertEqual(2, action['attempt'])
