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
"""Images that are deleted and restored, on any Glance and database."""

from collections.abc import Iterator
import contextlib
import fcntl
import hashlib

from tests.functional import test_manage_hash_missing
from tests.functional import verify_life
from tests.functional.verify_life import DAMAGE
from tests.functional.verify_life import DATA
from tests.harness.users import MEMBER

#: What a deletion or a restoration writes besides.
CHANGES = 'updated_at', 'meta_data'
TABLES = (('images', 'id'), ('image_properties', 'image_id'),
          ('image_members', 'image_id'), ('image_tags', 'image_id'),
          ('image_locations', 'image_id'))
CONFIG = {'DEFAULT': {'http_retries': 0, 'delayed_delete': True,
                      'scrub_time': 3600}}


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Be the only test of this host that has a scrubber, or minds one."""
    with open(__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class RestoreCase(test_manage_hash_missing.ManageCase,
                  verify_life.VerifyCase):
    arguments = {'config': CONFIG}
    STORES = 'fast', 'slow'

    def rich(self, **properties):
        """Return an image with all that an image can have."""
        image = self.image(
            user=MEMBER, visibility='shared', colour='red', size_of='all',
            tags=['one', 'two'], name='rich', **properties)
        self.patch(image, [
            {'op': 'remove', 'path': '/size_of'},
            {'op': 'replace', 'path': '/tags', 'value': ['two', 'three']}])
        for member in ('other-project', 'third-project'):
            self.expect(200, self.glance.request(
                'POST', f'/v2/images/{image}/members', {'member': member},
                user=MEMBER))
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}/members/third-project',
            user=MEMBER))
        # As long before as it takes a person.
        for table in ('image_properties', 'image_members', 'image_tags'):
            self.glance.sql(
                f'update {table} set deleted_at = ? where image_id = ? and '
                f'deleted = 1', ('2026-01-01 00:00:00', image))
        return image

    def patch(self, image, changes):
        kind = 'application/openstack-images-v2.1-json-patch'
        self.expect(200, self.glance.request(
            'PATCH', f'/v2/images/{image}', changes,
            headers={'Content-Type': kind}, user=MEMBER))

    def delete(self, image):
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        self.expect(404, self.get(f'/v2/images/{image}'))

    def dump(self, image):
        """Return every row of an image, but what any write changes.

        Rows that are marked as deleted are nothing that it has.
        """
        found = {}
        for table, key in TABLES:
            columns = [name for name in self.columns(table)
                       if name not in CHANGES]
            found[table] = sorted(map(repr, self.glance.sql(
                f'select {", ".join(columns)} from {table} where {key} = ? '
                f'and deleted = 0',
                (image,))))
        return found

    def columns(self, table):
        names = {
            'images': 'id name size status visibility protected os_hidden '
            'checksum os_hash_algo os_hash_value owner min_disk min_ram '
            'disk_format container_format virtual_size created_at '
            'deleted_at deleted',
            'image_properties': 'id name value deleted_at deleted',
            'image_members': 'id member can_share status deleted_at deleted',
            'image_tags': 'id value deleted_at deleted',
            'image_locations': 'id value status deleted_at deleted'}
        return names[table].split()

    def refuse(self, why, *arguments):
        process = self.begin('restore', *arguments)
        _, said = process.communicate()
        self.assertEqual(1, process.returncode, said)
        self.assertIn(why, said)


class Restores(RestoreCase):
    """Run where it is subclassed."""

    def test_everything_is_as_it_was_before_the_deletion(self):
        image = self.rich()
        before = self.dump(image)
        self.delete(image)
        deleted = self.everything(image)
        text = self.manage('restore', image, '--dry-run')
        self.assertIn('would be active', text)
        self.assertEqual(deleted, self.everything(image))
        text = self.manage('restore', image)
        self.assertIn('colour', text)
        self.assertEqual(before, self.dump(image))
        found = self.glance.image(image)
        self.assertEqual('red', found['colour'])
        self.assertEqual({'two', 'three'}, set(found['tags']))
        self.assertNotIn('size_of', found)
        self.assertEqual(
            hashlib.sha512(DATA).hexdigest(), found['os_hash_value'])
        self.whole(image)
        self.refuse('is not deleted', image)
        self.delete(image)
        self.manage('restore', image, '--deactivated')
        self.assertEqual(
            'deactivated', self.glance.image(image)['status'])

    def test_a_copy_that_is_not_whole_does_not_come_back(self):
        image = self.rich()
        self.delete(image)
        self.damage(image, DAMAGE['gone'][0])
        text = self.manage('restore', image)
        self.assertIn('not the copy in slow: missing', text)
        self.whole(image, stores=('fast',))
        self.delete(image)
        self.damage(image, DAMAGE['cut'][0], 'fast')
        self.refuse('no copy of its data is whole: fast short', image)

    def test_what_cannot_be_brought_back_is_refused(self):
        image = self.glance.upload(DATA)
        self.delete(image)
        # A Glance of a test has no key manager that it could ask.
        for name, value in (
                ('cinder_encryption_key_id', 'x'),
                ('cinder_encryption_key_deletion_policy',
                 'on_image_deletion')):
            self.glance.sql(
                'insert into image_properties (image_id, name, value, '
                'created_at, deleted_at, deleted) select id, ?, ?, '
                'created_at, deleted_at, 1 from images where id = ?',
                (name, value, image))
        self.refuse('its encryption key was deleted with it', image)
        purged = self.glance.upload(DATA)
        self.delete(purged)
        self.glance.sql('delete from image_locations where image_id = ?',
                        (purged,))
        self.refuse('they were purged', purged)
        self.refuse('there is no row', '00000000-0000-4000-8000-000000000000')
