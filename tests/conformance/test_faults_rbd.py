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
"""What a Ceph does to its clients on bad days."""

import contextlib
import io
import json
import time
import unittest

from glance_ext import errors
from glance_ext.stores import clearing
from glance_ext.stores import drivers
from tests.conformance.cases import MIB
from tests.conformance.cases import cut
from tests.conformance.cases import data
from tests.conformance.cases import digest
from tests.conformance.cases import read
from tests.conformance.cases import sha256
from tests.conformance.cases import until
from tests.conformance.cases import write
from tests.conformance.test_rbd import RbdCase
from tests.harness.backends import ceph
from tests.harness.backends import filesystems
from tests.harness.backends import stores

SIZE = 12 * MIB
DATA = data(SIZE)
#: The byte at which it happens: the driver is a few MiB ahead of that.
AT = 3 * MIB


class TestDeletedUnderReader(RbdCase, unittest.TestCase):

    def test_the_driver_gives_zeros_and_no_error(self):
        copy = self.add(DATA)
        chunks = copy.chunks()
        self.assertEqual(DATA[:MIB], next(chunks))
        self.delete(copy)
        rest = b''.join(chunks)
        self.assertEqual(SIZE - MIB, len(rest))
        self.assertFalse(any(rest))

    def test_zeros_are_believed_by_nobody(self):
        for recorded in ({}, {'sha256': sha256(DATA)},
                         {'sha256': sha256(bytes(SIZE))}):
            with self.subTest(recorded):
                copy = self.add(DATA)
                self.assert_fails(
                    errors.DataMissing, digest, [copy], size=SIZE,
                    recorded=recorded, at=AT,
                    happens=lambda: self.delete(copy))
        self.assert_nothing_new()


class FrozenCase(RbdCase):

    @contextlib.contextmanager
    def frozen(self, *daemons):
        """Let OSD or monitor hang; afterwards it works again."""
        self.ceph.freeze(*daemons)
        try:
            yield
        finally:
            self.ceph.thaw()

    def calls(self, copy):
        return {
            'get': lambda: read(copy),
            'get_size': copy.size,
            'add': lambda: self.add(b'data'),
            'delete': lambda: drivers.delete(copy.location, self.context),
        }

    def forget_clients_after(self, seconds):
        """Have the OSD wait less than 30 seconds for a client's sign of life.
        """
        order = {'prefix': 'injectargs', 'injected_args': [
            f'--osd_client_watch_timeout={seconds}']}
        with self.ceph.connected() as cluster:
            failed, _, said = cluster.osd_command(0, json.dumps(order), b'')
        self.assertEqual(0, failed, said)

    def freezing(self):
        """Give an image during which the OSD freezes."""
        return cut(DATA, AT, self.ceph.freeze)


class FrozenMonitor(FrozenCase):
    """The driver gives up after ``rados_connect_timeout``."""

    options = {'rados_connect_timeout': 1}
    #: What the driver cannot do at all without its configuration.
    unsupported = ()

    def test_monitor_in_every_call(self):
        copy = self.add(DATA)
        with_it = self.everything()
        with self.frozen('mon'):
            for name, call in self.calls(copy).items():
                with self.subTest(name):
                    self.assert_fails(
                        errors.StoreError if name in self.unsupported
                        else errors.StoreUnavailable, call)
            self.assertFalse(copy.is_missing())
        self.assertEqual(with_it, self.everything())
        self.assertEqual(sha256(DATA), digest([copy]).sha256)


class TestAmongSeveral(FrozenMonitor, unittest.TestCase):
    """Then it calls what happened a bad configuration."""

    unsupported = ('delete',)

    @contextlib.contextmanager
    def set_up_stores(self):
        self.ceph = ceph.shared()
        with stores.multi_store(self.ceph.conf('rbd', **self.options),
                                filesystems.shared().conf('disk')):
            yield


class TestFrozen(FrozenMonitor, unittest.TestCase):

    def test_osd_under_a_reader(self):
        copy = self.add(DATA)
        try:
            self.assert_fails(
                errors.StoreUnavailable, digest, [copy], size=SIZE,
                at=AT, happens=self.ceph.freeze)
        finally:
            self.ceph.thaw()
        self.assertEqual(sha256(DATA), digest([copy]).sha256)

    def test_osd_in_every_call(self):
        copy = self.add(DATA)
        with_it = self.everything()
        with self.frozen():
            for name, call in self.calls(copy).items():
                with self.subTest(name):
                    self.assert_fails(errors.StoreUnavailable, call)
            self.assertFalse(copy.is_missing())
        self.assertEqual(with_it, self.everything())
        self.assertEqual(sha256(DATA), digest([copy]).sha256)

    def test_osd_under_a_writer(self):
        with contextlib.ExitStack() as thawed:
            self.forget_clients_after(8)
            thawed.callback(self.ceph.thaw)
            with self.transaction() as transaction:
                outcome, _found = write(transaction, self.freezing(),
                                        ['rbd'], SIZE)
                self.assert_error(errors.StoreUnavailable, outcome['rbd'])
            self.assertEqual(['rbd'], transaction.left)
            self.assertFalse(transaction.discard('rbd'))
        self.assertEqual(['rbd'], transaction.left)
        self.assertNotEqual(self.before, self.everything())
        # The OSD takes a while to notice that the writer is no more.
        until(lambda: transaction.discard('rbd'))
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()

    def test_what_was_there_before_is_not_cleared_away(self):
        copy = self.add(DATA, image_id='here')
        with self.frozen(), self.transaction('here') as transaction:
            outcome, _found = write(transaction, cut(DATA), ['rbd'], SIZE)
            self.assert_error(errors.StoreUnavailable, outcome['rbd'])
            self.assertEqual([], transaction.left)
        self.assertEqual(sha256(DATA), digest([copy]).sha256)


class TestFrozenForEver(FrozenCase, unittest.TestCase):
    """The driver never gives up, as is its default."""

    options = {'rados_connect_timeout': -1}

    def test_osd_under_a_reader(self):
        copy = self.add(DATA)
        for at in (AT, SIZE):
            with self.subTest(at):
                try:
                    self.assert_fails(
                        errors.StoreStalled, digest, [copy], size=SIZE,
                        stall_timeout=1, at=at - 1, happens=self.ceph.freeze)
                finally:
                    self.ceph.thaw()
        self.assertEqual(sha256(DATA), digest([copy]).sha256)

    def test_osd_under_a_writer(self):
        with self.transaction() as transaction:
            begun = time.monotonic()
            with contextlib.ExitStack() as thawed:
                thawed.callback(self.ceph.thaw)
                outcome, _found = write(transaction, self.freezing(),
                                        ['rbd'], SIZE, stall_timeout=1)
                self.assert_error(errors.StoreStalled, outcome['rbd'])
                self.assertFalse(transaction.discard('rbd'))
                self.assertEqual(['rbd'], transaction.left)
            self.assertLess(time.monotonic() - begun, 10)
        self.assertTrue(transaction.discard('rbd'))
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()

    def test_osd_when_a_copy_is_discarded(self):
        with self.transaction() as transaction:
            write(transaction, cut(DATA), ['rbd'], SIZE, stall_timeout=1)
            with self.frozen():
                self.assertFalse(transaction.discard('rbd'))
                self.assertEqual(['rbd'], transaction.left)
        # The call that was given up ends as well, and does what it can.
        until(lambda: not transaction.left)
        self.assert_nothing_new()


class TestInstance(RbdCase, unittest.TestCase):
    """An instance of the driver remembers how large its last image was."""

    @contextlib.contextmanager
    def set_up_stores(self):
        self.ceph = ceph.shared()
        yield

    def test_one_that_was_used_fails(self):
        import rbd

        with stores.multi_store(self.ceph.conf('rbd')):
            driver = drivers.of_store('rbd')
            driver.add('first', io.BytesIO(DATA), 0, 'sha256')
            with self.assertRaises(rbd.InvalidArgument):
                driver.add('second', io.BytesIO(DATA), 0, 'sha256')
            self.ceph.remove('first')
        self.assert_nothing_new()

    def test_none_is_used_twice(self):
        for set_up, store in ((stores.multi_store, 'rbd'),
                              (stores.single_store, '')):
            with self.subTest(store=store), set_up(self.ceph.conf('rbd')):
                for content in (DATA, data(AT), DATA):
                    copy = self.add(content, None, store=store)
                    self.assertEqual(sha256(content), digest([copy]).sha256)
                    self.delete(copy)
                self.assert_nothing_new()


class TestDied(RbdCase, unittest.TestCase):

    def test_half_an_image_of_a_process_that_died_is_cleared(self):
        import rbd

        with self.ceph.pool() as pool:
            rbd.RBD().create(pool, 'half', SIZE)
        with self.ceph.opened('half'):
            self.assert_fails(errors.StoreBusy, clearing.clear, 'rbd', 'half',
                              self.context, self.owner.confirm)
        clearing.clear('rbd', 'half', self.context, self.owner.confirm)
        self.assert_nothing_new()


class TestRenamed(RbdCase, unittest.TestCase):
    """A process died while it gave a whole copy the image's id."""

    def rename_half(self, name, image_id):
        """Do the first of the three steps of librbd."""
        with self.ceph.pool() as pool:
            pool.write_full(f'rbd_id.{image_id}',
                            pool.read(f'rbd_id.{name}'))

    def test_neither_name_is_left(self):
        import rbd

        with self.ceph.pool() as pool:
            rbd.RBD().create(pool, 'image.abc', SIZE)
        self.rename_half('image.abc', 'image')
        clearing.clear('rbd', 'image', self.context, self.owner.confirm,
                       name='image.abc')
        self.assert_nothing_new()
        self.assertEqual(DATA, read(self.add(DATA, image_id='image')))

    def test_a_name_that_leads_nowhere_blocks_nobody(self):
        import rbd

        with self.ceph.pool() as pool:
            rbd.RBD().create(pool, 'image.abc', SIZE)
            self.rename_half('image.abc', 'image')
            rbd.RBD().remove(pool, 'image.abc')
        clearing.clear('rbd', 'image', self.context, self.owner.confirm)
        self.assertEqual(DATA, read(self.add(DATA, image_id='image')))


class TestInUse(RbdCase, unittest.TestCase):
    """Something else uses an image that is to be deleted."""

    def empty_trash(self):
        import rbd

        with self.ceph.pool() as pool:
            for entry in [*rbd.RBD().trash_list(pool)]:
                rbd.RBD().trash_remove(pool, entry['id'], force=True)

    def test_by_a_clone(self):
        copy = self.add(DATA, image_id='parent')
        with self.ceph.cloned('parent', 1):
            self.assert_fails(errors.StoreBusy, drivers.delete,
                              copy.location, self.context)
            self.assertEqual(sha256(DATA), digest([copy]).sha256)
        drivers.delete(copy.location, self.context)
        self.assert_nothing_new()

    def test_by_a_clone_that_can_do_without(self):
        copy = self.add(DATA, image_id='parent')
        with self.ceph.cloned('parent', 2):
            drivers.delete(copy.location, self.context)
            self.assert_fails(errors.DataMissing, read, copy)
            self.assertTrue(copy.is_missing())
            self.assertEqual(['parent'], self.ceph.trash())
            again = self.add(data(AT), image_id='parent')
            self.assertEqual(sha256(data(AT)), digest([again]).sha256)
            self.delete(again)
        self.empty_trash()
        self.assert_nothing_new()

    def test_by_a_writer_the_deletion_is_half_done_until_it_is_repeated(self):
        copy = self.add(DATA, image_id='open')
        with self.ceph.opened('open'):
            self.assert_fails(errors.StoreBusy, drivers.delete,
                              copy.location, self.context)
            self.assertEqual([], self.ceph.snapshots('open'))
            self.assert_fails(errors.DataMissing, read, copy)
            self.assertTrue(copy.is_missing())
        drivers.delete(copy.location, self.context)
        self.assert_nothing_new()

    def test_by_a_writer_a_transaction_says_what_is_left(self):
        with self.transaction('open') as transaction:
            write(transaction, cut(DATA), ['rbd'], SIZE)
            with self.ceph.opened('open'):
                self.assertFalse(transaction.discard('rbd'))
                self.assertFalse(transaction.discard('rbd'))
                self.assertEqual(['rbd'], transaction.left)
        self.assertEqual([], transaction.left)
        self.assert_nothing_new()
