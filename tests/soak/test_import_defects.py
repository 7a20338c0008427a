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
"""What Glance's own imports do where ours keep their promise.

Each has its counterpart in ``tests/functional``, under the name that the
docstring tells. When one of these fails, Glance has mended something.
"""

from tests.functional.hash_life import DATA
from tests.functional.hash_life import until
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.harness.soaking import soak


@soak
class DefectsTest(ImportCase):

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        glance_ext={'import_methods': ''})}

    def setUp(self):
        super().setUp()
        self.image = self.glance.upload(DATA, stores=('fast',))

    def glances(self, *stores, **body):
        """Begin a copy of Glance's own."""
        answer = self.ask(self.image, copying(
            *(stores or ('slow', 'cold')), **body))
        self.assertEqual((202, ''), (answer.status, answer.text))

    def task(self):
        """Return Glance's task once it is over."""
        return until(lambda: next((
            task for task in self.glance.tasks(self.image)
            if task['status'] in ('success', 'failure')), None))

    def test_a_change_that_is_made_meanwhile_is_undone(self):
        """FailureTest.test_what_users_change_meanwhile_stays"""
        fault = self.glance.fault('stall', 'add', image=self.image,
                                  store='slow', at=65536)
        self.glances()
        until(lambda: self.glance.fired(fault))
        self.patch(self.image,
                   {'op': 'replace', 'path': '/name', 'value': 'new'})
        self.glance.clear_faults(fault)
        self.task()
        self.assertNotEqual('new', self.glance.image(self.image)['name'])

    def test_all_stores_failing_is_a_success(self):
        """FailureTest.test_all_stores_failing_is_a_failure_in_any_case"""
        self.glance.fault('raise', 'add', image=self.image, at=65536,
                          store='slow')
        self.glance.fault('raise', 'add', image=self.image, at=65536,
                          store='cold')
        self.glances(all_stores_must_succeed=False)
        self.assertEqual('success', self.task()['status'])
        self.assertEqual({'fast'}, self.stores(self.image))

    def test_a_source_that_fails_is_not_followed_by_the_next(self):
        """AttemptsTest.test_on_any_error_the_next_source_goes_on_..."""
        self.image = self.glance.upload(DATA, stores=('fast', 'slow'))
        done = {task['id'] for task in self.glance.tasks(self.image)}
        self.glance.fault('raise', store='fast', image=self.image, at=1000)
        self.glances('cold')
        until(lambda: any(
            task['status'] == 'failure' and task['id'] not in done
            for task in self.glance.tasks(self.image)))

    def test_data_of_an_image_that_is_deleted_stays(self):
        """FailureTest.test_an_image_that_is_deleted_meanwhile_..."""
        fault = self.glance.fault('stall', 'add', image=self.image,
                                  store='slow', at=65536)
        self.glances()
        until(lambda: self.glance.fired(fault))
        self.glance.request('DELETE', f'/v2/images/{self.image}')
        self.glance.clear_faults(fault)
        until(lambda: self.glance.sql(
            "select id from tasks where image_id = ? and status = 'failure'",
            (self.image,)))
        self.assertIn(f'slow/{self.image}', self.objects(self.image))
