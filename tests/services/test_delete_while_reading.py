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
"""Images that are deleted while their hash is calculated, in real stores."""

import contextlib
import random

from tests.functional import hash_life
from tests.functional.hash_life import NOTHING
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import swift
from tests.services import paced

MIB = 1 << 20
#: 8 MiB, where the rbd driver ends its chunks, are 99 % of this.
SIZE = 8 * MIB + 80 * 1024
DATA = random.Random(SIZE).randbytes(SIZE)
#: What the swift driver calls a MB. Told the length, as servers do, it can
#: only write whole ones.
SEGMENT = 1_024_000
IN_SEGMENTS = DATA[:8 * SEGMENT]
PERCENT = (0, 25, 50, 99)


class DeleteCase(hash_life.LifeCase):
    """Needs ``set_up()``, a Glance, and ``everything()`` in its stores."""

    def setUp(self):
        self.glance = self.set_up()
        self.before = self.everything()

    def set_up(self):
        raise NotImplementedError

    def everything(self):
        raise NotImplementedError

    def delete(self, image):
        """Return the status of Glance's answer to a deletion."""
        return self.glance.request('DELETE', f'/v2/images/{image}').status

    @contextlib.contextmanager
    def reading(self, store, image, byte, size=SIZE):
        """Have a hash stop at a byte, and go on in the end; yield it."""
        self.glance.hold(store)
        action = hash_life.begin(self.glance, image)
        try:
            done = self.glance.read_until(byte, store, image)
            self.assertTrue(byte <= done < size, done)
            yield action
        finally:
            self.glance.let_go(store)
        self.ended(action)

    def assertGone(self, image):
        """The image is deleted, and nothing of it is left anywhere."""
        answer = self.glance.request('GET', f'/v2/images/{image}')
        self.assertEqual(404, answer.status)
        self.assertEqual([('deleted',)], self.glance.sql(
            'select status from images where id = ?', (image,)))
        self.assertEqual(NOTHING, hash_life.fields(self.glance, image))
        for table in ('image_locations', 'image_properties'):
            self.assertEqual([(0,)], self.glance.sql(
                f'select count(*) from {table} '
                'where image_id = ? and deleted = 0', (image,)))
        self.assertEqual(self.before, self.everything())

    def check_every_position(self, store, data=DATA, chunk=64 * 1024):
        """Delete an image at each position, in whole chunks of the driver."""
        for percent in PERCENT:
            byte = round(len(data) * percent / 100 / chunk) * chunk
            with self.subTest(percent, byte=byte):
                image = self.glance.legacy(data, stores=(store,))
                with self.reading(store, image, byte, len(data)) as action:
                    self.assertEqual(204, self.delete(image))
                self.assertFailed(self.glance.action(action),
                                  'image_deleted')
                self.assertGone(image)


class TestFile(DeleteCase):

    def set_up(self):
        return paced.shared('disk')

    def everything(self):
        directory = filesystems.shared().directory / 'disk'
        return sorted(directory.iterdir())

    def test_file(self):
        self.check_every_position('disk')


class TestRbd(DeleteCase):

    def set_up(self):
        self.ceph = ceph.shared()
        return paced.shared('rbd')

    def everything(self):
        return sorted([*self.ceph.images(), *self.ceph.trash()])

    def test_image(self):
        self.check_every_position('rbd', chunk=MIB)

    def test_half_deletion_is_finished_once_nobody_hinders_it(self):
        image = self.glance.legacy(DATA)
        with self.reading('rbd', image, 2 * MIB) as action:
            with self.ceph.opened(image):
                self.assertEqual(409, self.delete(image))
            self.assertEqual('active', self.glance.image(image)['status'])
            self.assertIn(image, self.ceph.images())
        self.assertFailed(self.glance.action(action), 'image_deleted')
        self.assertGone(image)

    def test_half_deletion_that_is_hindered_waits_for_another_one(self):
        image = self.glance.legacy(DATA)
        with self.ceph.opened(image):
            with self.reading('rbd', image, 2 * MIB) as action:
                self.assertEqual(409, self.delete(image))
            self.assertFailed(self.glance.action(action), 'data_missing',
                              image, data=None)
        self.assertEqual(204, self.delete(image))
        self.assertGone(image)

    def test_deletion_that_a_clone_refuses_changes_nothing(self):
        image = self.glance.legacy(DATA)
        with self.ceph.cloned(image):
            with self.reading('rbd', image, 2 * MIB) as action:
                self.assertEqual(409, self.delete(image))
            self.assertHashed(self.glance.action(action), image, DATA)
        self.assertEqual(204, self.delete(image))
        self.assertEqual(self.before, self.everything())


class ObjectCase(DeleteCase):

    def everything(self):
        return sorted([*self.swift.objects(paced.CONTAINER),
                       *self.swift.objects(paced.BUCKET),
                       *self.swift.uploads(paced.BUCKET)])


class TestSwift(ObjectCase):

    def set_up(self):
        self.swift = swift.shared()
        return paced.shared('segmented', 'whole')

    def test_object(self):
        self.check_every_position('whole')

    def test_segments(self):
        self.check_every_position('segmented', IN_SEGMENTS)


class TestS3(ObjectCase):

    def set_up(self):
        self.swift = swift.shared()
        return paced.shared('s3')

    def test_object(self):
        self.check_every_position('s3')
