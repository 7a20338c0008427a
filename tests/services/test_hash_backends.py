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
"""Hashes of images in real stores, also while those have a bad day."""

import random

from tests.functional import hash_life
from tests.services import pacing

MIB = 1 << 20
SIZE = 8 * MIB
DATA = random.Random(SIZE).randbytes(SIZE)
#: What the swift driver cuts into whole segments, as it has to.
IN_SEGMENTS = DATA[:8 * 1_024_000]


class BackendCase(hash_life.LifeCase):

    #: The keys of ``pacing.STORES`` that this Glance has.
    stores = ()
    options = {}

    def setUp(self):
        self.glance = pacing.shared(*self.stores, **self.options)
        for store in self.stores:
            self.glance.let_go(store)

    def check_hash(self, store, data=DATA, **body):
        image = self.glance.legacy(data, stores=(store,))
        self.assertHashed(self.hash(image, **body), image, data)
        self.assertEqual('success', self.hash(image, rehash=True)['status'])


class TestFilesystems(BackendCase):

    def test_xfs(self):
        self.glance = pacing.shared('xfs')
        self.glance.let_go('xfs')
        self.check_hash('xfs')

    def test_btrfs(self):
        self.glance = pacing.shared('btrfs')
        self.glance.let_go('btrfs')
        self.check_hash('btrfs')
