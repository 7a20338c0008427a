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
"""Images read and written a few columns at a time."""

from unittest import mock
import uuid

from glance.common import exception

from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import images
from glance_ext.host import locks
from tests.unit import tables

IMAGE, TASK = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
OTHER = str(uuid.UUID(int=3))
DIGESTS = {'checksum': 'c', 'algorithm': 'sha512', 'value': 'h'}


class ReadTest(tables.TablesCase):
    def test_a_row_as_it_is_now(self):
        self.assertIsNone(images.read(IMAGE))
        self.add_image(id=IMAGE, size=5, checksum='c')
        self.assertEqual(
            images.Image(IMAGE, tables.PROJECT, 'active', False, False, 5,
                         'c', None, None), images.read(IMAGE))

    def test_one_that_is_gone(self):
        image = images.Image(IMAGE, None, 'active', False, False, 0, None,
                             None, None)
        for changes, gone in (({}, False), ({'deleted': True}, True),
                              ({'status': 'deleted'}, True),
                              ({'status': 'pending_delete'}, True)):
            self.assertIs(gone, image._replace(**changes).is_gone)

    def test_a_location_shows_no_address(self):
        for store, name in (('fast', "store 'fast'"), ('', 'the store')):
            place = images.Location(1, store, 'https://user:password@a')
            self.assertEqual((name, name), (str(place), repr(place)))

    def test_locations_those_of_the_default_store_first(self):
        self.add_image(id=IMAGE)
        for number, store in enumerate(('slow', 'fast', '')):
            self.add(database.image_locations, image_id=IMAGE,
                     value=f'file:///{number}', status='active',
                     meta_data={'store': store} if store else {},
                     deleted=False)
        for default, order in (('fast', '102'), ('slow', '012'),
                               (None, '012')):
            self.assertEqual(
                [f'file:///{number}' for number in order],
                [place.url for place in images.locations(IMAGE, default)])
        self.assertEqual([], images.locations(OTHER, 'fast'))

    def test_what_a_caller_sees(self):
        context = contexts.admin()
        self.assertIsNone(images.seen_by(context, IMAGE))
        self.add_image(id=IMAGE)
        self.add_image('queued', id=OTHER)
        self.assertEqual(IMAGE, images.seen_by(context, IMAGE).image_id)
        self.assertEqual({}, images.seen_among(context, []))
        self.assertEqual({IMAGE, OTHER}, set(images.seen_among(
            context, [IMAGE, OTHER, TASK])))


class WriteTest(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.add_image(id=IMAGE, locations=('file:///a',))

    def test_which_hash_is_coming(self):
        self.assertFalse(self.do(
            images.set_hash_algo, IMAGE, TASK, 'sha512'))
        locks.take(IMAGE, TASK)
        self.assertTrue(self.do(
            images.set_hash_algo, IMAGE, TASK, 'sha512'))
        self.assertEqual('sha512', images.read(IMAGE).os_hash_algo)
        self.assertTrue(self.do(images.clear_half_hash, IMAGE))
        self.assertFalse(self.do(images.clear_half_hash, IMAGE))
        self.assertIsNone(images.read(IMAGE).os_hash_algo)

    def test_a_hash_is_written_only_to_what_was_read(self):
        before = images.read(IMAGE)
        (place,) = images.locations(IMAGE, None)

        def write(task_id=None, location_id=place.id, **seen):
            return self.do(images.record_hash, before._replace(**seen),
                           location_id=location_id, task_id=task_id,
                           **DIGESTS)
        for wrong in ({'task_id': TASK}, {'location_id': place.id + 1},
                      {'os_hash_value': 'x'}, {'checksum': 'x'}):
            self.assertFalse(write(**wrong))
        self.assertEqual(before, images.read(IMAGE))
        self.assertTrue(write())
        self.assertEqual(before._replace(
            checksum='c', os_hash_algo='sha512', os_hash_value='h'),
            images.read(IMAGE))
        self.assertFalse(write())

    def test_a_status_that_is_not_any_more_what_it_was(self):
        self.assertFalse(self.do(
            images.change_status, IMAGE, 'queued', 'importing'))
        self.assertTrue(self.do(
            images.change_status, IMAGE, 'active', 'deactivated'))
        self.assertEqual('deactivated', images.read(IMAGE).status)

    def test_an_image_that_was_imported(self):
        def activate(task_id):
            return self.do(images.activate, IMAGE, task_id, size=5,
                           virtual_size=None, **DIGESTS)
        self.assertFalse(activate(None))
        self.assertFalse(self.do(images.set_facts, IMAGE, min_disk=1))
        self.set_image(status='importing')
        self.assertTrue(self.do(images.set_facts, IMAGE, min_disk=1))
        self.assertFalse(activate(TASK))
        locks.take(IMAGE, TASK)
        self.assertTrue(activate(TASK))
        self.assertEqual(
            images.Image(IMAGE, tables.PROJECT, 'active', False, False, 5,
                         'c', 'sha512', 'h'), images.read(IMAGE))


class AnnounceTest(tables.TablesCase):
    def setUp(self):
        super().setUp()
        self.send = self.enterContext(
            mock.patch.object(images.notifications, 'send'))

    def announced(self, event):
        images.announce(event, IMAGE)
        ((sent, payload),) = [call.args for call in self.send.mock_calls]
        self.assertEqual((event, IMAGE), (sent, payload['id']))
        return payload

    def test_an_event_about_data_names_the_stores(self):
        self.add_image(id=IMAGE)
        self.add(database.image_properties, image_id=IMAGE, deleted=False,
                 name='os_glance_failed_import', value='a,b')
        payload = self.announced('image.upload')
        self.assertEqual(([], ['a', 'b']), (
            payload['os_glance_importing_to_stores'],
            payload['os_glance_failed_import']))

    def test_other_events_do_not(self):
        self.add_image(id=IMAGE)
        self.assertNotIn('os_glance_failed_import',
                         self.announced('image.activate'))

    def test_nothing_is_told_of_an_image_that_is_gone(self):
        images.announce_update(IMAGE)
        self.send.assert_not_called()

    def test_an_event_that_cannot_be_sent_is_logged(self):
        self.add_image(id=IMAGE)
        self.send.side_effect = OSError('secret')
        with self.assertLogs('glance_ext.host.images', 'WARNING') as log:
            images.announce_update(IMAGE)
        self.assertEqual(
            [f'The event image.update of image {IMAGE} was not sent: '
             f'OSError'], [entry.getMessage() for entry in log.records])


class FinishDeleteTest(tables.TablesCase):
    """With a repository that stands in for Glance's."""

    def finish(self, **repo):
        self.repo = mock.Mock(**repo)
        gateway = mock.Mock(**{'get_repo.return_value': self.repo})
        with (mock.patch.object(images, 'gateway', lambda: gateway),
              mock.patch.object(images.glance.api.v2.images,
                                'ImagesController') as controller):
            done = images.finish_delete(IMAGE, 'context')
        self.keys = controller.return_value._delete_encryption_key
        return done

    def test_as_glance_deletes_one(self):
        self.assertTrue(self.finish())
        image = self.repo.get.return_value
        image.delete.assert_called_once_with()
        self.keys.assert_called_once_with('context', image)
        self.repo.remove.assert_called_once_with(image)

    def test_one_that_is_gone(self):
        self.assertTrue(self.finish(**{
            'get.side_effect': exception.ImageNotFound}))

    def test_one_that_cannot_be_deleted(self):
        with self.assertLogs('glance_ext.host.images', 'WARNING') as log:
            self.assertFalse(self.finish(**{
                'remove.side_effect': OSError('secret')}))
        self.assertEqual(
            [f'The deletion of image {IMAGE} that its store left half done '
             f'could not be finished: OSError'],
            [entry.getMessage() for entry in log.records])
