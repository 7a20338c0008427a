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
"""Images in the volumes of a real Cinder.

Runs with ``GLANCE_EXT_SOAK=1`` in the environment ``cinder``.
"""

import contextlib
import hashlib
import unittest
from unittest import mock

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from glance_ext.stores import reading
from tests.conformance import cases
from tests.conformance.cases import MIB
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import until
from tests.conformance.cases import write
from tests.harness.backends import cinder
from tests.harness.backends import stores
from tests.harness.soaking import soak

SIZE = 20 * MIB + 5
DATA = data(SIZE)


@soak
class TestCinder(cases.StoreCase, unittest.TestCase):

    store = 'cinder'

    @contextlib.contextmanager
    def set_up_stores(self):
        from glance import context

        self.cinder = cinder.shared()
        self.context = context.RequestContext(
            user_id=cinder.USER, project_id=cinder.PROJECT, is_admin=True,
            auth_token=f'{cinder.USER}:{cinder.PROJECT}', service_catalog=[])
        with stores.multi_store(self.cinder.conf()), self.cinder.as_root():
            yield

    def everything(self):
        """Return the volumes; a deletion takes its time."""
        until(lambda: 'deleting' not in self.statuses())
        return sorted(self.cinder.volumes())

    def statuses(self):
        return {each['status'] for each in self.cinder.volumes().values()}

    def test_what_was_written_is_read_and_there_is_no_second_volume(self):
        copy = self.add(DATA, image_id='image')
        with_it = self.everything()
        self.assertEqual(len(self.before) + 1, len(with_it))
        self.assertEqual(SIZE, copy.size())
        self.assertEqual(sha256(DATA), sha256(read(copy)))
        self.assertEqual(sha256(DATA), digest([copy], size=SIZE).sha256)
        self.assert_fails(errors.StoreOccupied, self.add, DATA,
                          image_id='image')
        self.assertEqual(with_it, self.everything())
        self.delete(copy)
        self.assert_nothing_new()
        self.assertTrue(copy.is_missing())
        self.assert_fails(errors.DataMissing, copy.size)

    def test_deletion_is_refused_while_it_is_read_and_no_hash_is_wrong(self):
        content = data(52 * MIB + 5)  # more than waits on the way to a reader
        for percent in (0, 25, 50, 99):
            copy, refused = self.add(content), []

            def delete(copy=copy, refused=refused):
                try:
                    drivers.delete(copy.location, self.context)
                except errors.StoreError:
                    refused.append(True)
            with self.subTest(percent):
                try:
                    found = digest([copy], size=len(content), happens=delete,
                                   at=len(content) * percent // 100)
                except errors.StoreError:
                    self.assertEqual([], refused)
                else:
                    self.assertEqual(sha256(content), found.sha256)
                if percent in (25, 50):
                    self.assertEqual([True], refused)
            self.delete(copy)
        self.assert_nothing_new()

    def test_volume_that_glance_did_not_write_gets_its_hash(self):
        volume = self.cinder.create(1)
        until(lambda: self.cinder.volumes()[volume]['status'] == 'available')
        copy = reading.Copy(
            Location(1, 'cinder', f'cinder://cinder/{volume}'), self.context)
        self.kept.add(copy)
        zeros = hashlib.sha256()
        for _ in range(1024):
            zeros.update(bytes(MIB))
        found = digest([copy], size=1 << 30)
        self.assertEqual(zeros.hexdigest(), found.sha256)

    def test_failure_that_the_driver_swallows_is_noticed(self):
        from os_brick.initiator import linuxrbd

        copy = self.add(DATA)
        own = linuxrbd.RBDVolumeIOWrapper.read

        def fail(wrapper, length=None):
            if wrapper.tell() >= 12 * MIB:
                raise OSError('injected')
            return own(wrapper, length)
        with mock.patch.object(linuxrbd.RBDVolumeIOWrapper, 'read', fail):
            self.assertEqual(12 * MIB, len(read(copy)))
            for size in (SIZE, 0):
                self.assert_fails(errors.ShortRead, digest, [copy], size=size)

    def test_what_failed_or_is_not_committed_leaves_no_volume(self):
        with self.transaction() as transaction:
            with self.assertRaises(cases.Broken):
                write(transaction, cut(DATA, 9 * MIB), ['cinder'], SIZE)
            self.assert_nothing_new()
        with self.transaction() as transaction:
            for size in (SIZE - 1, SIZE + 1):
                outcome, _found = write(transaction, cut(DATA), ['cinder'],
                                        size)
                self.assertIsInstance(outcome['cinder'], errors.StoreError)
        self.assert_nothing_new()
        with self.transaction() as transaction:
            outcome, _found = write(transaction, cut(DATA), ['cinder'], None)
            self.assertEqual(SIZE, outcome['cinder'].size)
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()

    def test_what_a_process_that_died_has_left_is_cleared(self):
        self.kept.discard(self.add(DATA, image_id='image'))
        # It is still attached to who died.
        driver = drivers.of_store('cinder')
        (volume,) = {*self.everything()} - {*self.before}
        client = driver.get_cinderclient(self.context, '3.54')
        client.attachments.create(volume, {}, None, 'ro')
        for _ in range(2):
            clearing.clear('cinder', 'image', self.context,
                           self.owner.confirm)
        self.assert_nothing_new()
