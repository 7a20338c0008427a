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
"""Bad copies are replaced, or left as they were with the reason."""

from glance_store import exceptions

from glance_ext.host import copies
from glance_ext.host import database
from glance_ext.stores import fixture
from glance_ext.stores.fixture import Fault
from tests.unit import stored
from tests.unit.plugins import bad_copy
from tests.unit.plugins.bad_copy import BAD
from tests.unit.stored import DATA
from tests.unit.stored import IMAGE


class ReplacedTest(bad_copy.BadCopyCase):
    def replaced(self, was='corrupt'):
        said = {'verdict': 'good', 'bytes': len(DATA), 'found': was}
        if was == 'corrupt':
            said['range'] = dict.fromkeys(('first', 'last'), len(DATA) - 1)
        self.assertEqual(said, self.verdict())
        self.assertEqual({'fast': DATA, 'slow': DATA}, self.held())
        self.assertEqual({'fast': self.good, 'slow': self.bad},
                         self.recorded())
        self.assertEqual(('success', {'slow': self.bad}, {}), (
            self.run_.action.status, self.run_.action.state['repaired'],
            self.run_.action.state['repairing']))
        self.assertNotEqual('', copies.verified_at(IMAGE, ['slow']))

    def test_a_copy_that_holds_something_else(self):
        self.have()
        self.replaced()

    def test_a_copy_that_is_not_there(self):
        self.have(bad=None)
        self.replaced('missing')

    def test_by_the_checksum_where_there_is_no_other_digest(self):
        self.have(os_hash_algo=None, os_hash_value=None)
        self.replaced()

    def test_again_where_writing_fails_once(self):
        self.have(Fault('add', 'raise', at=70_000))
        self.replaced()
        self.assertEqual(2, self.run_.action.attempt)

    def test_again_where_it_is_read_back_wrongly(self):
        self.have(Fault('add', 'corrupt', at=70_000))
        self.replaced()
        self.assertEqual(2, self.run_.action.attempt)

    def test_what_a_process_that_died_has_begun(self):
        self.have(bad=None, result={'state': {
            'repairing': {'slow': {'location': 2, 'cleared': True}}}})
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        self.assertEqual(2, self.bad)
        self.replaced('missing')


class NotReplacedTest(bad_copy.BadCopyCase):
    def test_without_a_good_copy(self):
        self.have()
        self.stores['fast'].objects[IMAGE] = bytearray(BAD)
        self.assertEqual('No copy is proven to be good',
                         self.verdict()['not_repaired'])

    def test_half_a_copy_that_cannot_be_deleted_is_not_recorded(self):
        self.have(Fault('clean', 'raise'), result={'state': {
            'repairing': {'slow': {'location': 2, 'cleared': True}}}})
        database.transaction(lambda connection: copies.remove(
            connection, [self.bad]))
        self.assertEqual("store 'slow' failed: OSError",
                         self.verdict()['not_repaired'])
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_a_store_that_does_not_answer(self):
        self.have(*[Fault('get', 'raise')] * 2)
        self.assertEqual(
            {'verdict': 'unreachable', 'bytes': 0,
             'not_repaired': 'The store cannot be reached'}, self.verdict())
        self.left_as_it_was()

    def test_a_store_with_several_copies_of_it(self):
        self.have()
        self.bad = self.add_copy('slow', BAD)
        self.assertEqual('The image has several locations in this store',
                         self.verdict()['not_repaired'])
        self.left_as_it_was()

    def test_data_that_glance_did_not_write(self):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(tidy=False))
        self.add_stored()
        self.good = self.add_copy('fast')
        self.bad = self.add_copy(
            'slow', BAD, value='faulty://slow.invalid/theirs')
        self.stores['slow'].objects['theirs'] = bytearray(BAD)
        self.own()
        self.assertEqual('The data was not written by Glance',
                         self.verdict()['not_repaired'])
        self.left_as_it_was()

    def test_a_store_of_which_nobody_knows_how_to_clear_it(self):
        self.install(fast=fixture.Store(), slow=fixture.Store())
        self.add_stored()
        self.good, self.bad = self.add_copy('fast'), self.add_copy(
            'slow', BAD)
        self.own()
        self.assertEqual('The data was not written by Glance',
                         self.verdict()['not_repaired'])
        self.left_as_it_was()

    def test_a_good_copy_with_the_same_address(self):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(tidy=False))
        self.add_stored()
        self.good = self.add_copy('fast')
        self.bad = self.add_copy('slow', BAD, value=stored.url('fast'))
        self.own()
        self.assertEqual('The good copy has the same address',
                         self.verdict()['not_repaired'])
        self.left_as_it_was()

    def test_one_that_cannot_be_deleted_stays_recorded(self):
        self.have(Fault('clean', 'raise'))
        self.assertEqual(
            {'verdict': 'corrupt', 'bytes': len(BAD),
             'range': {'first': len(BAD) - 1, 'last': len(BAD) - 1},
             'not_repaired': "store 'slow' failed: OSError"}, self.verdict())
        self.left_as_it_was()
        self.assertEqual({}, self.run_.action.state['repairing'])

    def is_missing(self, why):
        found = self.verdict()
        self.assertEqual(('missing', 'corrupt', why), (
            found['verdict'], found['found'], found['not_repaired']))
        self.assertEqual({'fast': DATA, 'slow': None}, self.held())
        self.assertEqual({'fast': self.good}, self.recorded())

    def test_one_that_cannot_be_written_is_missing(self):
        self.have(*[Fault('add', 'raise', at=9)] * 2)
        self.is_missing("store 'slow' failed: OSError")

    def test_one_that_is_never_read_back_rightly_is_missing(self):
        self.have(*[Fault('add', 'corrupt', at=9)] * 2)
        self.is_missing("store 'slow' does not give what was written to it "
                        "(corrupt)")

    def test_there_is_no_other_attempt_where_that_would_change_nothing(self):
        self.have(Fault('add', 'raise', error=exceptions.StorageFull))
        self.is_missing("store 'slow' is full: StorageFull")
        self.assertEqual(1, self.run_.action.attempt)
