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
"""Damage in real backends: found, named, repaired, found good again."""

import random

from tests.functional import verify_life
from tests.functional.verify_life import DAMAGE
from tests.harness.backends import ceph
from tests.harness.backends import swift
from tests.harness.soaking import SOAK
from tests.harness.soaking import soak
from tests.services import paced

SEGMENT = 1_024_000
DATA = random.Random(7).randbytes(3 * SEGMENT)
SWAPPED = random.Random(8).randbytes(3 * SEGMENT)
FORMS = sorted(DAMAGE) if SOAK else ['bit', 'cut', 'gone']


def middle(data):
    return {'first': len(data) // 2, 'last': len(data) // 2}


class BackendCase(verify_life.VerifyCase):
    #: The keys of ``paced.STORES`` that this Glance has; ``disk`` is good.
    stores = ()

    def setUp(self):
        self.glance = paced.shared('disk', *self.stores)

    def put(self, store, image, data):
        """Replace what lies in a store, past the driver; None deletes it."""
        raise NotImplementedError

    def holds(self, image, data=DATA):
        self.assertEqual(data, self.glance.download(image))
        self.assertIsNone(self.lock(image))

    def repaired(self, image, store, verdict, data=DATA):
        """See that a bad copy is named, repaired, and found good again."""
        found = self.bad(self.verify(image), disk='good', **{store: verdict})
        result = self.good(self.verify(image, repair=True), 'disk', store)
        self.assertEqual(verdict, result['stores'][store]['found'])
        self.good(self.verify(image), 'disk', store)
        self.holds(image, data)
        return found[store]

    def check_forms(self, store):
        image = self.glance.upload(DATA, stores=('disk', store))
        for form in FORMS:
            with self.subTest(form):
                how, verdict, _ = DAMAGE[form]
                self.put(store, image, how(DATA))
                found = self.repaired(image, store, verdict)
                if form == 'bit':
                    self.assertEqual(middle(DATA), found['range'])

    def check_swap(self, store):
        one = self.glance.upload(DATA, stores=('disk', store))
        other = self.glance.upload(SWAPPED, stores=('disk', store))
        self.put(store, one, SWAPPED)
        self.put(store, other, DATA)
        self.repaired(one, store, 'corrupt')
        self.repaired(other, store, 'corrupt', SWAPPED)


class TestRbd(BackendCase):
    stores = ('rbd',)

    def put(self, store, image, data):
        import rbd

        ceph.shared().remove(image)
        if data is None:
            return
        with ceph.shared().pool() as pool:
            rbd.RBD().create(pool, image, len(data), old_format=False,
                             features=rbd.RBD_FEATURE_LAYERING)
            with rbd.Image(pool, image) as opened:
                opened.write(data, 0)
                opened.create_snap('snap')
                opened.protect_snap('snap')

    def test_every_form(self):
        self.check_forms('rbd')

    def test_swapped_images(self):
        self.check_swap('rbd')

    def test_an_image_that_has_clones_is_left_and_recorded_again(self):
        image = self.glance.upload(DATA, stores=('disk', 'rbd'))
        self.put('rbd', image, DAMAGE['bit'][0](DATA))
        with ceph.shared().cloned(image):
            found = self.bad(self.verify(image, repair=True), disk='good',
                             rbd='corrupt')
            self.assertIn('uses the data', found['rbd']['not_repaired'])
            self.assertIn('rbd', self.glance.image(image)['stores'])
        self.repaired(image, 'rbd', 'corrupt')

    @soak
    def test_a_cluster_that_is_silent(self):
        image = self.glance.upload(DATA, stores=('disk', 'rbd'))
        ceph.shared().freeze()
        try:
            self.bad(self.verify(image, repair=True), disk='good',
                     rbd='unreachable')
        finally:
            ceph.shared().thaw()
        self.good(self.verify(image), 'disk', 'rbd')


class TestSwift(BackendCase):
    stores = ('whole', 'segmented', 's3')

    def put(self, store, image, data):
        container = paced.BUCKET if store == 's3' else paced.CONTAINER
        how = 'DELETE' if data is None else 'PUT'
        answer = swift.shared().request(how, container, image, body=data)
        self.assertIn(answer.status, (201, 204), answer.text)

    def test_every_form_in_objects(self):
        self.check_forms('whole')

    def test_every_form_in_s3(self):
        self.check_forms('s3')

    def test_swapped_objects(self):
        for store in ('whole', 's3'):
            with self.subTest(store):
                self.check_swap(store)

    def test_a_segment_that_is_lost_or_another(self):
        image = self.glance.upload(DATA, stores=('disk', 'segmented'))
        segments = sorted(
            name for name in swift.shared().objects(paced.CONTAINER)
            if name.startswith(f'{image}-'))
        self.put('segmented', segments[1], None)
        self.repaired(image, 'segmented', 'short')
        self.put('segmented', segments[1], bytes(SEGMENT))
        found = self.repaired(image, 'segmented', 'corrupt')
        self.assertEqual((SEGMENT, 2 * SEGMENT - 1),
                         (found['range']['first'], found['range']['last']))

    @soak
    def test_a_server_that_is_down(self):
        image = self.glance.upload(DATA, stores=('disk', 'whole', 's3'))
        swift.shared().kill()
        try:
            self.bad(self.verify(image, repair=True), disk='good',
                     whole='unreachable', s3='unreachable')
        finally:
            swift.shared().start()
        self.good(self.verify(image), 'disk', 'whole', 's3')
