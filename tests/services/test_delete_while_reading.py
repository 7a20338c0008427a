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
import functools
import random

from tests.functional import hash_life
from tests.functional.hash_life import NOTHING
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import stores
from tests.harness.backends import swift
from tests.services import pacing

MIB = 1 << 20
#: 0, 25, 50 and 99 % of the data, at the ends of chunks of all drivers.
SIZE = 8 * MIB + 80 * 1024
POSITIONS = {0: 0, 25: 2 * MIB, 50: 4 * MIB, 99: 8 * MIB}
DATA = random.Random(SIZE).randbytes(SIZE)
CONTAINER, BUCKET = 'container', 'bucket'


@functools.cache
def paced(*sections):
    """Return the running Glance of this process with these stores."""
    arguments = stores.instance(*(section() for section in sections))
    for section, options in hash_life.QUICK.items():
        arguments['config'].setdefault(section, {}).update(options)
    return pacing.PacedGlance(**arguments).start()


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
    def reading(self, store, image, byte):
        """Have a hash stop at a byte, and go on in the end; yield it."""
        action = hash_life.begin(self.glance, image)
        try:
            done = self.glance.stop_at(store, image, byte)
            self.assertLessEqual(byte, done)
            self.assertLess(done, SIZE)
            yield action
            self.assertEqual('processing',
                             self.glance.action(action)['status'])
        finally:
            self.glance.release(store)
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

    def check_every_position(self, store):
        for percent, byte in POSITIONS.items():
            with self.subTest(percent):
                image = self.glance.legacy(DATA, stores=(store,))
                with self.reading(store, image, byte) as action:
                    self.assertEqual(204, self.delete(image))
                self.assertFailed(self.glance.action(action),
                                  'image_deleted')
                self.assertGone(image)


def disk():
    return filesystems.shared().conf('disk')


class TestFile(DeleteCase):

    def set_up(self):
        return paced(disk)

    def everything(self):
        directory = filesystems.shared().directory / 'disk'
        return sorted(directory.iterdir())

    def test_file(self):
        self.check_every_position('disk')


def rbd():
    return ceph.shared().conf('rbd')


class TestRbd(DeleteCase):

    def set_up(self):
        self.ceph = ceph.shared()
        return paced(rbd)

    def everything(self):
        return sorted([*self.ceph.images(), *self.ceph.trash()])

    def test_image(self):
        self.check_every_position('rbd')


class ObjectCase(DeleteCase):

    def everything(self):
        return sorted([*self.swift.objects(CONTAINER),
                       *self.swift.objects(BUCKET),
                       *self.swift.uploads(BUCKET)])


def segmented():
    return swift.shared().conf('segmented', swift_store_container=CONTAINER)


def whole():
    return swift.shared().conf('whole', swift_store_container=CONTAINER,
                               swift_store_large_object_size=500)


class TestSwift(ObjectCase):

    def set_up(self):
        self.swift = swift.shared()
        return paced(segmented, whole)

    def test_object(self):
        self.check_every_position('whole')

    def test_segments(self):
        self.check_every_position('segmented')


def s3():
    return swift.shared().s3_conf('s3', s3_store_bucket=BUCKET)


class TestS3(ObjectCase):

    def set_up(self):
        self.swift = swift.shared()
        return paced(s3)

    def test_object(self):
        self.check_every_position('s3')
