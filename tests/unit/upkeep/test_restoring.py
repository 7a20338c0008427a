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
"""A deleted image comes back with whole copies, or does not."""

import os
from pathlib import Path
import tempfile
from unittest import mock

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.host import deletions
from glance_ext.host import images
from glance_ext.stores import fixture
from glance_ext.upkeep import restoring
from tests.unit import stored
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE

SIZE = len(DATA)
GOOD = {'verdict': 'good', 'bytes': SIZE}
BARE = {'checksum': None, 'os_hash_algo': None, 'os_hash_value': None}


class Case(stored.StoredCase):
    """An image that Glance has deleted, and whose data is still there."""

    def setUp(self):
        super().setUp()
        self.scrubbers = self.enterContext(mock.patch.object(
            restoring, '_scrubbers', return_value=[]))

    def have(self, slow=DATA, status='pending_delete', properties=(),
             **image):
        self.install(fast=fixture.Store(), slow=fixture.Store())
        self.add_stored(status, **image)
        gone = {'deleted': True, 'deleted_at': database.now()}
        for store, data in (('fast', DATA), ('slow', slow)):
            self.add_copy(store, data, status=status, **gone)
        for name, value in properties:
            self.add(database.image_properties, image_id=IMAGE, name=name,
                     value=value, **gone)
        self.set_image(**gone)

    def restore(self, deactivated=False, dry_run=False):
        return restoring.restore(IMAGE, deactivated, dry_run)

    def refused(self, why):
        with self.assertRaises(restoring.Refused) as refusal:
            self.restore()
        self.assertEqual(why, str(refusal.exception))
        self.assertEqual({}, self.recorded())


class RestoredTest(Case):
    def restored(self, deactivated, status):
        self.have(properties=[('os_distro', 'any')])
        told = self.restore(deactivated)
        at = told.pop('deleted_at')
        self.assertEqual({
            'image_id': IMAGE, 'status': status, 'deletion_began_at': at,
            'properties': ['os_distro'], 'tags': [], 'members': [],
            'stores': {'fast': GOOD, 'slow': GOOD},
            'restored_stores': ['fast', 'slow']}, told)
        self.assertEqual(status, images.read(IMAGE).status)
        self.assertEqual({'fast', 'slow'}, set(self.recorded()))
        self.assertNotEqual('', copies.verified_at(IMAGE))

    def test_all_of_it_comes_back(self):
        self.restored(False, 'active')

    def test_all_of_it_comes_back_deactivated(self):
        self.restored(True, 'deactivated')

    def test_only_whole_copies_come_back(self):
        self.have(slow=None)
        told = self.restore()
        self.assertEqual(['fast'], told['restored_stores'])
        self.assertEqual({'verdict': 'missing', 'bytes': 0},
                         told['stores']['slow'])
        self.assertEqual({'fast'}, set(self.recorded()))

    def test_a_dry_run_changes_nothing(self):
        self.have()
        self.assertEqual(['fast', 'slow'],
                         self.restore(dry_run=True)['restored_stores'])
        self.assertEqual('pending_delete', images.read(IMAGE).status)
        self.assertEqual({}, self.recorded())

    def test_without_a_hash_the_right_size_is_enough(self):
        self.have(**BARE, slow=None)
        self.assertEqual({'fast': GOOD | {'verdict': 'unproven'},
                          'slow': {'verdict': 'missing', 'bytes': 0}},
                         self.restore()['stores'])


class RefusedTest(Case):
    def test_while_a_scrubber_runs(self):
        self.have()
        self.scrubbers.return_value = ['77']
        self.refused('the scrubber is running (process 77); stop it, on '
                     'every host')

    def test_what_never_was(self):
        self.install(fast=fixture.Store())
        self.refused('there is no row of such an image: there never was '
                     'one, or it was purged')

    def test_what_is_not_deleted(self):
        self.have()
        self.set_image(deleted=False, status='queued')
        self.refused('the image is not deleted, it is queued')

    def test_one_whose_key_is_gone(self):
        self.have(properties=[
            ('cinder_encryption_key_id', 'key'),
            ('cinder_encryption_key_deletion_policy', 'on_image_deletion')])
        self.refused('its encryption key was deleted with it')

    def test_one_without_a_location(self):
        self.have()
        database.transaction(lambda connection: connection.execute(
            database.image_locations.delete()))
        self.refused('no row of a location is left that its deletion took: '
                     'they were purged, or it had none')

    def test_one_whose_data_is_gone(self):
        self.have(slow=DATA[:-1])
        del self.stores['fast'].objects[IMAGE]
        self.refused('no copy of its data is whole: fast missing, slow short')

    def test_copies_of_which_nobody_knows_the_right_one(self):
        self.have(**BARE, slow=DATA[:-1] + b'!')
        self.refused('it has no hash, and its copies differ')

    def test_a_hash_that_cannot_be_calculated_here(self):
        self.have(os_hash_algo='tiger')
        self.refused("The image's hash is of the algorithm 'tiger', "
                     "which this host does not have")

    def test_one_that_a_scrubber_works_on_elsewhere(self):
        why = ('it changed while its data was read: a scrubber works on it, '
               'on another host perhaps')
        self.have()
        for how in ({'return_value': False},
                    {'side_effect': deletions.Changed}):
            with mock.patch.object(deletions, 'undo', **how):
                self.refused(why)


class ScrubberTest(stored.StoredCase):
    def test_processes_are_known_by_their_first_words(self):
        proc = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for number, words in (
                ('1', ['/sbin/init']),
                ('2', ['python3', '/usr/bin/glance-scrubber', '--daemon']),
                ('3', ['python3', '-m', 'glance.cmd.scrubber']),
                ('4', ['vi', 'a', 'b', 'c', 'glance-scrubber']),
                ('5', ['/usr/bin/glance-api'])):
            (proc / number).mkdir()
            (proc / number / 'cmdline').write_bytes(
                b'\0'.join(os.fsencode(word) for word in words) + b'\0')
        # A process that has just ended cannot be read.
        (proc / '6' / 'cmdline').mkdir(parents=True)
        with mock.patch.object(restoring.pathlib, 'Path', lambda _: proc):
            self.assertEqual({'2', '3'}, set(restoring._scrubbers()))
