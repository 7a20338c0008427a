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
"""The lists of stores that an image shows while it is copied."""

from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying


class ListsTest(ImportCase):

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        DEFAULT={'http_retries': 2})}

    def test_both_lists_follow_the_stores(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('raise', 'add', store='slow', image=image)
        failed = self.copy(image, 'slow')
        self.assertEqual('failure', failed['status'])
        self.assertEqual(('', 'slow'), self.lists(image))
        self.glance.clear_faults()
        action, fault = self.stalled(image, copying('slow', 'cold'))
        # The list of failures is emptied at the beginning.
        self.assertEqual(('slow,cold', ''), self.lists(image))
        self.go_on(action, fault)
        self.assertEqual(('', ''), self.lists(image))

    def test_a_store_that_is_tried_again_is_still_to_come(self):
        image = self.glance.upload(DATA, stores=('fast',))
        fault = self.glance.fault('raise', 'add', store='cold', image=image)
        action = self.begin(image, copying('slow', 'cold'))
        until(lambda: self.glance.action(action)['attempt'] > 1)
        self.assertEqual(('cold', ''), self.lists(image))
        self.assertCopied(self.go_on(action, fault), image, 'slow', 'cold')

    def test_a_failure_is_shown_while_others_go_on(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.store_file('cold', image).write_bytes(b'of others')
        action, fault = self.stalled(
            image, copying('slow', 'cold', allow_failure=True), 'add',
            store='slow')
        self.assertEqual(('slow', 'cold'), self.lists(image))
        self.assertEqual('success', self.go_on(action, fault)['status'])
        self.assertEqual(('', 'cold'), self.lists(image))

    def test_the_failed_list_is_emptied_of_other_stores_too(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('raise', 'add', store='slow', image=image)
        self.copy(image, 'slow')
        self.assertCopied(self.copy(image, 'cold'), image, 'cold')
