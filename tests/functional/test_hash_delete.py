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
"""An image that is deleted while its hash is calculated, or only seems so."""

from tests.functional import hash_life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import QUICK
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import remove_data
from tests.functional.hash_life import until
from tests.harness import users


class DeleteCase(hash_life.LifeCase):
    def delete(self, image, user=users.ADMIN):
        """Return the status of Glance's answer to a deletion."""
        path = f'/v2/images/{image}'
        return self.glance.request('DELETE', path, user=user).status

    def assertGone(self, image, status='deleted'):
        """The image is deleted, with its data, properties and locations."""
        answer = self.glance.request('GET', f'/v2/images/{image}')
        self.assertEqual(404, answer.status)
        self.assertEqual([(status,)], self.glance.sql(
            'select status from images where id = ?', (image,)))
        if status == 'deleted':
            self.assertFalse(self.glance.store_file('fast', image).exists())
            for table in ('image_locations', 'image_properties'):
                self.assertEqual([(0,)], self.glance.sql(
                    f'select count(*) from {table} '
                    'where image_id = ? and deleted = 0', (image,)))


class DeletedTest(DeleteCase):
    """A deletion that succeeds ends the action."""

    def test_while_it_is_read(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        self.assertEqual(204, self.delete(image))
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_deleted')
        self.assertGone(image)

    def test_long_before_the_last_byte(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('slow', image=image, bytes_per_second=SIZE // 30)
        action = begin(self.glance, image)
        until(lambda: self.glance.action(action)['phase'] == 'reading')
        self.assertEqual(204, self.delete(image))
        action = self.ended(action)
        self.assertFailed(action, 'image_deleted')
        self.assertLess(action['progress']['bytes_done'], SIZE)
        self.assertGone(image)

    def test_while_a_store_is_silent(self):
        image = self.glance.legacy(DATA)
        action, _ = self.stall(image)
        self.assertEqual(204, self.delete(image))
        self.assertFailed(self.ended(action), 'image_deleted')
        self.assertGone(image)

    def test_before_a_store_fails_in_the_last_attempt(self):
        for kind, error in (
            ('raise', 'RemoteServiceUnavailable'),
            ('raise', 'NotFound'),
            ('cut', ''),
            ('zeros', ''),
        ):
            with self.subTest(kind, error=error):
                image = self.glance.legacy(DATA, 'checksum')
                action, fault = self.stall(image)
                self.assertEqual(204, self.delete(image))
                self.glance.fault(
                    kind, image=image, at=SIZE // 2 + 1, error=error)
                action = self.go_on(action, fault)
                self.assertFailed(action, 'image_deleted')
                self.assertGone(image)

    def test_while_it_is_rehashed(self):
        image = self.glance.upload(DATA)
        action, fault = self.stall(image, rehash=True)
        self.assertEqual(204, self.delete(image))
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_deleted')
        self.assertGone(image)


class HalfDeletedTest(DeleteCase):
    """A store deleted the data and refused the deletion, as RBD does."""

    def half_delete(self, image, user=users.ADMIN):
        self.glance.fault('in_use', 'delete', image=image, times=1)
        self.assertEqual(409, self.delete(image, user))
        self.assertFalse(self.glance.store_file('fast', image).exists())
        self.assertEqual('active', self.glance.image(image)['status'])

    def test_deletion_is_finished_when_the_data_is_missed(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        self.half_delete(image)
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_deleted')
        self.assertGone(image)
        self.assertIn('its store had deleted the data', self.glance.log())

    def test_deletion_is_finished_whatever_the_reader_met(self):
        for kind, error in (
            ('raise', 'RemoteServiceUnavailable'),
            ('raise', 'NotFound'),
            ('cut', ''),
            ('zeros', ''),
        ):
            with self.subTest(kind, error=error):
                image = self.glance.legacy(DATA)
                action, fault = self.stall(image)
                self.half_delete(image)
                self.glance.fault(
                    kind, image=image, at=SIZE // 2 + 1, error=error)
                action = self.go_on(action, fault)
                self.assertFailed(action, 'image_deleted')
                self.assertGone(image)

    def test_deletion_is_finished_for_a_member_who_may_delete(self):
        image = self.glance.legacy(DATA, user=users.MEMBER)
        action, fault = self.stall(image)
        self.half_delete(image, users.MEMBER)
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_deleted')
        self.assertGone(image)

    def test_image_with_another_copy_stays(self):
        image = self.glance.legacy(DATA, stores=('fast', 'slow'))
        action, fault = self.stall(image)
        self.half_delete(image)
        self.assertTrue(self.glance.store_file('slow', image).exists())
        action = self.go_on(action, fault)
        self.assertFailed(action, 'data_missing', image)

    def test_image_protected_since_stays(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        self.half_delete(image)
        self.glance.sql(
            'update images set protected = 1 where id = ?', (image,))
        action = self.go_on(action, fault)
        self.assertFailed(action, 'data_missing', image, data=None)

    def test_refused_deletion_that_left_the_data_is_not_finished(self):
        for error, status in (
            ('HasSnapshot', 409), ('BackendException', 500),
        ):
            with self.subTest(error):
                image = self.glance.legacy(DATA)
                action, fault = self.stall(image)
                self.glance.fault(
                    'raise', 'delete', image=image, error=error)
                self.assertEqual(status, self.delete(image))
                self.assertHashed(self.go_on(action, fault), image)


class MissingTest(DeleteCase):
    """A merely missing object never deletes an image."""

    def test_data_lost_before(self):
        image = self.glance.legacy(DATA)
        remove_data(self.glance, 'fast', image)
        self.assertFailed(
            self.hash(image), 'data_missing', image, data=None)

    def test_data_lost_meanwhile(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        remove_data(self.glance, 'fast', image)
        action = self.go_on(action, fault)
        self.assertFailed(action, 'data_missing', image, data=None)

    def test_data_lost_and_a_deletion_by_who_may_not(self):
        for user, status in ((users.READER, 403), (users.OTHER, 404)):
            with self.subTest(user=user):
                image = self.glance.legacy(DATA, user=users.MEMBER)
                action, fault = self.stall(image)
                self.assertEqual(status, self.delete(image, user))
                remove_data(self.glance, 'fast', image)
                action = self.go_on(action, fault)
                self.assertFailed(action, 'data_missing', image, data=None)

    def test_data_lost_of_a_protected_image_and_a_deletion(self):
        image = self.glance.legacy(DATA, protected=True)
        action, fault = self.stall(image)
        self.assertEqual(403, self.delete(image))
        remove_data(self.glance, 'fast', image)
        action = self.go_on(action, fault)
        self.assertFailed(action, 'data_missing', image, data=None)

    def test_deletion_refused_before_the_action_does_not_count(self):
        image = self.glance.legacy(DATA)
        self.glance.fault('in_use', 'delete', image=image, times=1)
        self.assertEqual(409, self.delete(image))
        self.assertFailed(
            self.hash(image), 'data_missing', image, data=None)


class QueuedTest(DeleteCase):
    """What happens to the image of an action that still waits."""

    arguments = {'config': {
        **QUICK, 'glance_ext': {
            'heartbeat_timeout': 10, 'max_running_actions': 1}}}

    def queued(self):
        """Return an image and its pending action, and what they wait for."""
        first, second = self.glance.legacy(DATA), self.glance.legacy(DATA)
        ahead = self.stall(first)
        action = begin(self.glance, second)
        self.assertEqual('pending', self.glance.action(action)['status'])
        return second, action, ahead

    def test_deletion_is_seen_when_its_turn_comes(self):
        image, action, ahead = self.queued()
        self.assertEqual(204, self.delete(image))
        self.go_on(*ahead)
        self.assertFailed(self.ended(action), 'image_deleted')
        self.assertGone(image)

    def test_half_deletion_is_finished_when_its_turn_comes(self):
        image, action, ahead = self.queued()
        self.glance.fault('in_use', 'delete', image=image, times=1)
        self.assertEqual(409, self.delete(image))
        self.go_on(*ahead)
        self.assertFailed(self.ended(action), 'image_deleted')
        self.assertGone(image)

    def test_deactivation_is_seen_when_its_turn_comes(self):
        image, action, ahead = self.queued()
        path = f'/v2/images/{image}/actions/deactivate'
        self.assertEqual(204, self.glance.request('POST', path).status)
        self.go_on(*ahead)
        self.assertFailed(self.ended(action), 'image_not_active')


class DelayedDeleteTest(DeleteCase):
    """``delayed_delete``: the scrubber deletes later."""

    arguments = {'config': {
        **QUICK, 'DEFAULT': {'http_retries': 0, 'delayed_delete': True}}}

    def test_pending_delete_counts_as_deleted(self):
        image = self.glance.legacy(DATA)
        action, fault = self.stall(image)
        self.assertEqual(204, self.delete(image))
        action = self.go_on(action, fault)
        self.assertFailed(action, 'image_deleted')
        self.assertGone(image, 'pending_delete')
        self.assertTrue(self.glance.store_file('fast', image).exists())
