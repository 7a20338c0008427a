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
"""Copies from one real backend into others, and what failed ones leave."""

import hashlib
import random

from tests.functional import import_life
from tests.functional.hash_life import until
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import swift
from tests.harness.soaking import SOAK
from tests.services import paced
from tests.services.pacing import MIB

#: Three of the segments that the swift driver can write of a known length.
DATA = random.Random(3).randbytes(3 * 1_024_000)
MIDDLE = len(DATA) // 2
SHA512 = hashlib.sha512(DATA).hexdigest()
#: Each is read by the one after it, and the first by nobody before.
ROUND = 'disk', 'rbd', 's3', 'segmented'
NEW = ('rbd', 's3', 'segmented')


class BackendsCase(import_life.ImportCase):

    def setUp(self):
        self.ceph, self.swift = ceph.shared(), swift.shared()
        self.glance = paced.shared(*ROUND, 'whole')

    def everything(self):
        """Return what lies in all backends, unfinished uploads too."""
        return {
            'disk': sorted(
                (filesystems.shared().directory / 'disk').iterdir()),
            'rbd': sorted([*self.ceph.images(), *self.ceph.trash()]),
            'swift': self.swift.objects(paced.CONTAINER),
            's3': self.swift.objects(paced.BUCKET),
            'uploads': self.swift.uploads(paced.BUCKET)}

    def leave(self, image, store):
        """Take an image out of a store, as its owner does."""
        answer = self.glance.request(
            'DELETE', f'/v2/stores/{store}/{image}')
        self.assertEqual(204, answer.status, answer.text)


class TestRound(BackendsCase):

    def test_the_digest_is_kept_from_each_backend_into_the_next(self):
        before = self.everything()
        image = self.glance.legacy(DATA, stores=('disk',))
        for source, target in zip(ROUND, ROUND[1:], strict=False):
            with self.subTest(f'{source} to {target}'):
                ended = self.copy(image, target)
                self.assertEqual('success', ended['status'], ended)
                self.leave(image, source)
                self.assertEqual({target}, self.stores(image))
                self.assertEqual(DATA, self.glance.download(image))
        self.copy(image, 'disk')
        self.leave(image, ROUND[-1])
        shown = self.glance.image(image)
        self.assertEqual(SHA512, shown['os_hash_value'])
        self.assertEqual(DATA, self.glance.download(image))
        self.glance.request('DELETE', f'/v2/images/{image}')
        self.assertEqual(before, self.everything())

    def test_what_another_store_has_in_the_same_place_is_left(self):
        image = self.glance.upload(DATA, stores=('segmented',))
        ended = self.copy(image, 'whole')
        self.assertEqual('store_occupied', ended['error']['code'], ended)
        self.assertEqual(DATA, self.glance.download(image))

    def test_one_read_fills_all_backends_at_once(self):
        image = self.glance.upload(DATA, stores=('disk',))
        ended = self.copy(image, *NEW)
        self.assertEqual('success', ended['status'], ended)
        self.assertEqual({'disk', *NEW}, self.stores(image))
        for store in NEW:
            self.assertEqual(
                {'status': 'success', 'bytes_done': len(DATA)},
                ended['progress']['stores'][store])


class TestUndone(BackendsCase):
    """A copy that ends in the middle leaves nothing in any backend."""

    def check(self, interrupt, code, stores=NEW, byte=MIDDLE):
        image = self.glance.upload(DATA, stores=('disk',))
        before, rows = self.everything(), self.rows(image)
        self.glance.hold('disk')
        try:
            action = self.begin(image, import_life.copying(*stores))
            self.glance.read_until(byte, 'disk', image)
            interrupt(image, action)
        finally:
            self.glance.let_go('disk')
        ended = self.ended(action)
        self.assertEqual(code, ended['error']['code'], ended)
        return image, before, rows

    def done(self, method, path):
        self.assertEqual(204, self.glance.request(method, path).status)

    def cancelled(self, **how):
        image, before, rows = self.check(
            lambda image, action: self.done(
                'DELETE', f'/v2/image-actions/{action}'), 'cancelled', **how)
        self.assertEqual(before, self.everything())
        self.assertEqual(rows, self.rows(image))
        self.assertUsable(image, DATA)

    def deactivated(self, **how):
        image, before, _ = self.check(
            lambda image, action: self.done(
                'POST', f'/v2/images/{image}/actions/deactivate'),
            'image_not_active', **how)
        self.assertEqual(before, self.everything())
        self.assertEqual({'disk'}, self.stores(image))

    def deleted(self, **how):
        image, before, _ = self.check(
            lambda image, action: self.done(
                'DELETE', f'/v2/images/{image}'), 'image_deleted', **how)
        before['disk'] = [file for file in before['disk']
                          if file.name != image]
        self.assertEqual(before, until(lambda: (
            now := self.everything()) == before and now))

    def test_cancelled(self):
        self.cancelled()

    def test_deactivated(self):
        self.deactivated()

    def test_deleted(self):
        self.deleted()

    def test_at_any_byte(self):
        for _ in range(60 if SOAK else 6):
            seed = random.randrange(1 << 32)
            by = random.Random(seed)
            end = by.choice((self.cancelled, self.deactivated, self.deleted))
            stores = by.sample(NEW, by.randint(1, len(NEW)))
            byte = by.randrange(1, len(DATA) - MIB)
            with self.subTest(seed=seed, end=end.__name__, stores=stores,
                              byte=byte):
                end(stores=stores, byte=byte)

    def test_data_that_is_not_what_is_recorded(self):
        image = self.glance.upload(DATA, stores=('disk',))
        file = filesystems.shared().directory / 'disk' / image
        file.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
        before, rows = self.everything(), self.rows(image)
        ended = self.copy(image, *NEW)
        self.assertEqual('hash_mismatch', ended['error']['code'], ended)
        self.assertEqual(before, self.everything())
        self.assertEqual(rows, self.rows(image))
