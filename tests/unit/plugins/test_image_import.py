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
"""Images that are made of what was uploaded, once it was verified."""

import hashlib
from unittest import mock

from glance.common import exception
import glance.db.sqlalchemy.api
from glance_store import exceptions

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import contexts
from glance_ext.host import copies
from glance_ext.host import creation
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import reservations
from glance_ext.stores import clearing
from glance_ext.stores.fixture import Fault
from tests.unit.plugins import future
from tests.unit.plugins.future import DATA
from tests.unit.stored import ACTION
from tests.unit.stored import IMAGE

SIZE = len(DATA)
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
FULL = Fault('add', 'raise', error=exceptions.StorageFull)


class MadeTest(future.FutureCase):
    def made(self, *stores):
        self.make()
        self.assertEqual({store: DATA if store in stores else None
                          for store in self.stores}, self.held())
        self.assertEqual(set(stores), set(self.recorded()))
        image = images.read(IMAGE)
        self.assertEqual(
            ('active', SIZE, MD5, 'sha512', SHA512),
            (image.status, image.size, image.checksum, image.os_hash_algo,
             image.os_hash_value))
        row = self.row()
        self.assertEqual(('success', IMAGE, sorted(stores), SIZE), (
            row.status, row.image_id, row.result['stores'],
            row.result['virtual_size']))
        self.assertIsNone(locks.holder(IMAGE))
        self.assertEqual([], list(self.staging.iterdir()))
        return row

    def test_an_image_in_every_store(self):
        self.have()
        self.assertEqual([], self.made('fast', 'slow').result[
            'failed_stores'])
        self.assertEqual(
            ['image.upload', 'image.activate'],
            [call.args[0] for call in self.sent.mock_calls])

    def test_where_one_store_may_do_without(self):
        self.have(FULL, all_stores_must_succeed=False)
        self.assertEqual(['slow'], self.made('fast').result['failed_stores'])

    def test_of_data_with_the_digest_that_was_asked_for(self):
        self.have(os_hash_algo='sha512', os_hash_value=SHA512.upper())
        self.made('fast', 'slow')

    def test_a_store_that_fails_once(self):
        self.have(Fault('add', 'raise', at=70_000))
        self.made('fast', 'slow')

    def test_over_what_a_process_that_died_has_left(self):
        self.have(state={'uploaded': True, 'created': True,
                         'noted': ['slow'], 'file': 'data'})
        self.add_image('importing', id=IMAGE)
        locks.take(IMAGE, ACTION)
        self.stores['slow'].objects[IMAGE] = bytearray(b'half')
        self.made('fast', 'slow')


class RefusedTest(future.FutureCase):
    def test_nothing_is_left_where_one_store_fails(self):
        self.have(FULL)
        self.refused(errors.StoreFull, "store 'slow' is full: StorageFull")
        self.undo()
        self.nothing_is_left()

    def test_data_that_a_verifier_objects_to(self):
        self.have(data=b'')
        self.refused(errors.InvalidImageData, 'There is no data: 0 bytes')
        self.undo()
        self.nothing_is_left()

    def test_data_with_another_digest(self):
        self.have(os_hash_algo='sha512', os_hash_value=MD5)
        self.refused(errors.HashMismatch,
                     'The sha512 of the data is not the one that was asked '
                     'for')

    def test_data_that_is_on_another_host(self):
        self.have(data=None)
        self.refused(errors.UploadLost,
                     'The uploaded data is not on the host that went on '
                     'with the import')

    def test_an_image_that_is_against_a_quota_by_now(self):
        self.have()
        self.options.config(image_property_quota=0)
        self.run_.action.spec['image_properties']['os_distro'] = 'any'
        with self.assertRaises(errors.ImageRefused):
            self.make()
        self.undo()
        self.nothing_is_left()


class MeanwhileTest(future.FutureCase):
    def before(self, phase, call):
        write = self.run_.write

        def late(now, *arguments, **named):
            if now == phase:
                call()
            return write(now, *arguments, **named)
        self.run_.write = late

    def gone(self):
        self.refused(errors.ImageDeleted,
                     'The image was deleted while it was made')
        self.assertEqual(('', {}), (self.run_.action.image_id,
                                    self.run_.action.result))
        self.undo()
        self.assertEqual({'fast': None, 'slow': None}, self.held())

    def after_adding(self, call):
        add = creation.add

        def add_and_call(*arguments):
            add(*arguments)
            call()
        self.enterContext(mock.patch.object(creation, 'add', add_and_call))

    def test_somebody_else_locks_the_image(self):
        self.have()
        self.after_adding(lambda: self.do(lambda connection: (
            locks.drop(connection, IMAGE, ACTION),
            locks.insert(connection, IMAGE, 'another'))))
        self.refused(errors.ImageDeleted,
                     'The image was deleted while it was made')
        self.undo()
        self.assertEqual('another', locks.holder(IMAGE))
        self.assertEqual('importing', images.read(IMAGE).status)

    def delete(self):
        glance.db.sqlalchemy.api.image_destroy(contexts.admin(), IMAGE)

    def test_the_image_is_deleted_before_it_is_there(self):
        self.have()
        self.after_adding(self.delete)
        self.gone()
        self.assertEqual({}, self.recorded())
        self.assertTrue(images.read(IMAGE).deleted)

    def test_the_image_is_deleted_and_purged_before_it_is_there(self):
        def purge():
            self.delete()
            self.do(lambda connection: [connection.execute(statement)
                    for statement in (database.image_properties.delete(),
                                      database.images.delete())])
        self.have()
        self.after_adding(purge)
        self.gone()
        self.nothing_is_left()

    def test_nobody_makes_an_image_with_the_id(self):
        self.have()

        def make():
            with self.assertRaises(exception.Duplicate):
                glance.db.sqlalchemy.api.image_create(
                    contexts.admin(), {'id': IMAGE, 'status': 'queued'})
            self.assertIsNone(images.seen_by(contexts.admin(), IMAGE))
        for phase in (record.READING, record.VERIFYING, record.RECORDING):
            self.before(phase, make)
        self.make()
        self.assertEqual('active', images.read(IMAGE).status)


class OthersTest(future.FutureCase):
    """Whatever another image or import has under the id stays."""

    def have_noted(self, write):
        """Have noted that something may lie where another has written."""
        self.have(state={'uploaded': True, 'noted': ['slow']})
        write()
        self.stores['slow'].objects[IMAGE] = bytearray(b'of another')

    def left_alone(self):
        with self.assertLogs('glance_ext.plugins.aftercare', 'ERROR') as log:
            self.undo()
        self.assertEqual(
            [f"Action {ACTION} of image {IMAGE}: what it may have written to "
             f"store 'slow' is left there, because the image id is not its "
             f"own any more"], [each.getMessage() for each in log.records])
        self.assertEqual({'fast': None, 'slow': b'of another'}, self.held())

    def test_another_import_that_has_reserved_the_id(self):
        self.have_noted(lambda: self.do(reservations.take, IMAGE, 'another'))
        self.refused(errors.ImageExists,
                     'Another image or import has the id')
        self.left_alone()
        self.assertEqual('another', locks.holder(IMAGE))
        self.assertTrue(reservations.is_reserved(IMAGE))

    def test_an_image_that_glance_made(self):
        self.have_noted(lambda: self.add_image('queued', id=IMAGE))
        self.refused(errors.ImageExists,
                     'Another image or import has the id')
        self.left_alone()
        self.assertEqual('queued', images.read(IMAGE).status)

    def test_an_object_that_came_after_the_store_was_asked(self):
        self.have()
        self.comes_between('slow')
        self.refused(errors.StoreOccupied,
                     "store 'slow' has data under this id already")
        self.assertEqual(['fast'], self.run_.action.state['noted'])
        self.undo()
        self.assertEqual({'fast': None, 'slow': b'of another'}, self.held())
        self.assertIsNone(images.read(IMAGE))

    def comes_between(self, name):
        """Have a store hold something once it was asked, and was empty."""
        ask = clearing.is_occupied

        def ask_first(store, *arguments):
            found = ask(store, *arguments)
            if store == name:
                self.stores[name].objects[IMAGE] = bytearray(b'of another')
            return found
        self.enterContext(mock.patch.object(
            clearing, 'is_occupied', ask_first))


class LookAfterTest(future.FutureCase):
    def setUp(self):
        super().setUp()
        self.have()
        self.make()

    def test_an_image_that_a_stale_save_took_back_is_active_again(self):
        before = images.read(IMAGE)
        self.set_image(status='importing', size=None, checksum=None,
                       os_hash_algo=None, os_hash_value=None)
        database.transaction(lambda connection: copies.remove(
            connection, [self.recorded()['slow']]))
        self.plugin.look_after([self.run_.action])
        self.assertEqual(before, images.read(IMAGE))
        self.assertEqual({'fast', 'slow'}, set(self.recorded()))

    def test_copies_of_a_deleted_image_are_cleared(self):
        self.set_image(status='deleted', deleted=True)
        self.plugin.look_after([self.run_.action])
        self.assertEqual({'fast': None, 'slow': None}, self.held())


class PluginTest(future.FutureCase):
    def test_what_it_tells_of_each_store(self):
        self.have(FULL, all_stores_must_succeed=False)
        self.make()
        self.assertEqual(
            [('image.import.end', {'store': 'fast', 'bytes': SIZE}),
             ('image.import.error', {'store': 'slow', 'bytes': 0})],
            list(self.plugin.events(self.run_.action, 'end')))
        self.assertEqual(['fast', 'slow'],
                         self.plugin.stores(self.run_.action))
