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
"""A writer whose action another process has ended meanwhile."""

import contextlib
import time
from unittest import mock
import uuid

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import fixture
from glance_ext.stores import traits
from glance_ext.stores import writing
from tests.conformance import cases
from tests.conformance.cases import Broken
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import read
from tests.conformance.cases import write


class Fenced(cases.StoreCase):
    """For every driver whose traits are known; see ``StoreCase``."""

    sizes: tuple[int, ...] = ()

    def lose(self, content, told):
        """Write, and lose the action after three quarters of the bytes.

        :returns: the copy of the next owner
        """
        image_id = str(uuid.uuid4())
        first = fixture.Owner()
        transaction = writing.Transaction(image_id, self.context, first)
        names = transaction.draw_names([self.store])
        copies = []

        def succeed():
            first.ours = False
            time.sleep(1)  # what the driver has read by now, it writes
            # The next owner is another process, and knows no such thing.
            with mock.patch.object(clearing, 'busy', set()):
                # To Ceph, the first is at work for 30 seconds more.
                with contextlib.suppress(errors.StoreBusy):
                    clearing.clear(self.store, image_id, self.context,
                                   self.owner.confirm,
                                   name=names[self.store])
                copies.append(self.add(content, told, image_id))
            raise Broken

        with transaction, self.assertRaises(Broken):
            write(transaction, cut(content, len(content) * 3 // 4, succeed),
                  [self.store], told)
        return copies[0]

    def test_what_the_next_owner_of_the_action_wrote_stays(self):
        if not traits.of_store(self.store).fails_safely:
            self.skipTest('skipped: a thread of this driver is parked')
        size = self.sizes[-1]
        for told in (size, None):
            with self.subTest(told=told):
                content = data(size)
                copy = self.lose(content, told)
                self.assertEqual(content, read(copy))
                self.delete(copy)
                self.assert_nothing_new()
