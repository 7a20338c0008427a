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

from concurrent import futures

from tests.functional.download_life import DownloadCase
from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.hash_life import locks
from tests.functional.hash_life import until
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import glance
from tests.harness.soaking import soak


class HostCase(ImportCase):
    """Tests on a Glance without the filter."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'extension': False,
                 'config': changed()}

    def glances(self, image, body):
        """Begin an import of Glance's own."""
        answer = self.ask(image, body)
        self.assertEqual((202, ''), (answer.status, answer.text))

    def task(self, image):
        """Return Glance's task once it is over."""
        return until(lambda: next((
            task for task in self.glance.tasks(image)
            if task['status'] in ('success', 'failure')), None))


@soak
class CopyTest(HostCase):

    def setUp(self):
        super().setUp()
        self.image = self.glance.upload(DATA, stores=('fast',))

    def copying(self, *stores, **body):
        self.glances(self.image, copying(*(stores or ('slow', 'cold')),
                                         **body))

    def held(self, operation, **how):
        """Begin a copy that a store then holds up; return the fault."""
        fault = self.glance.fault('stall', operation, image=self.image,
                                  **how)
        self.copying()
        until(lambda: self.glance.fired(fault))
        return fault

    def failing(self, *stores):
        for store in stores:
            self.glance.fault('raise', 'add', image=self.image, at=65536,
                              store=store)

    def test_a_change_that_is_made_meanwhile_is_undone(self):
        """FailureTest.test_what_users_change_meanwhile_stays"""
        fault = self.held('add', store='slow', at=65536)
        self.patch(self.image,
                   {'op': 'replace', 'path': '/name', 'value': 'new'})
        self.glance.clear_faults(fault)
        self.task(self.image)
        self.assertNotEqual('new', self.glance.image(self.image)['name'])

    def test_all_stores_failing_is_a_success(self):
        """FailureTest.test_all_stores_failing_is_a_failure_in_any_case"""
        self.failing('slow', 'cold')
        self.copying(all_stores_must_succeed=False)
        self.assertEqual('success', self.task(self.image)['status'])
        self.assertEqual({'fast'}, self.stores(self.image))

    def test_a_source_that_fails_is_not_followed_by_the_next(self):
        """AttemptsTest.test_on_any_error_the_next_source_goes_on_..."""
        self.image = self.glance.upload(DATA, stores=('fast', 'slow'))
        done = {task['id'] for task in self.glance.tasks(self.image)}
        self.glance.fault('raise', store='fast', image=self.image, at=1000)
        self.copying('cold')
        until(lambda: any(
            task['status'] == 'failure' and task['id'] not in done
            for task in self.glance.tasks(self.image)))

    def test_data_of_an_image_that_is_deleted_stays(self):
        """FailureTest.test_an_image_that_is_deleted_meanwhile_..."""
        fault = self.held('add', store='slow', at=65536)
        self.glance.request('DELETE', f'/v2/images/{self.image}')
        self.glance.clear_faults(fault)
        until(lambda: self.glance.sql(
            "select id from tasks where image_id = ? and status = 'failure'",
            (self.image,)))
        self.assertIn(f'slow/{self.image}', self.objects(self.image))

    def test_data_in_staging_stays_after_a_failure(self):
        """StagingTest.test_data_in_staging_is_removed_after_a_failure"""
        self.failing('slow')
        self.copying('slow')
        self.assertEqual('failure', self.task(self.image)['status'])
        self.assertIn(f'staging/{self.image}', self.objects(self.image))

    def test_what_lies_in_staging_is_taken_for_the_image(self):
        """StagingTest.test_what_lies_in_staging_is_not_taken_for_the_image"""
        self.image = self.glance.legacy(DATA, stores=('fast',))
        other = DATA[::-1]
        (self.glance.directory / 'staging' / self.image).write_bytes(other)
        self.copying('slow')
        self.assertEqual('success', self.task(self.image)['status'])
        self.assertEqual(other, self.glance.store_file(
            'slow', self.image).read_bytes())
        self.assertEqual(digests(other), fields(self.glance, self.image))

    def test_a_store_that_failed_is_among_those_that_have_it(self):
        """CopyTest.test_no_store_has_it_and_failed"""
        if self.glance.release < 30:
            self.skipTest('Glance compares the format since 30')
        self.image = self.glance.legacy(DATA, stores=('fast',))
        self.glance.sql("update images set disk_format = 'qcow2' where "
                        'id = ?', (self.image,))
        self.copying('slow', all_stores_must_succeed=False)
        self.task(self.image)
        until(lambda: not locks(self.glance, self.image))
        self.assertEqual({'fast', 'slow'}, self.stores(self.image))
        self.assertEqual(('', 'slow'), self.lists(self.image))

    def test_a_store_that_is_named_twice_locks_the_image_for_good(self):
        """RefusalTest.test_a_store_that_is_named_twice_is_written_once"""
        self.copying('slow', 'slow')
        self.assertEqual('failure', self.task(self.image)['status'])
        self.refused(409, self.image, copying('cold'))

    def test_a_copy_that_takes_long_to_read_loses_the_lock(self):
        """CopyTest.test_a_copy_that_takes_long_to_read_gives_signs_of_life"""
        self.held('get', at=65536)
        self.glance.sql(
            "update tasks set updated_at = '2020-01-01 00:00:00' where "
            'image_id = ?', (self.image,))
        self.copying('cold')

    def test_a_location_of_no_store_answers_500(self):
        """CopyTest.test_a_location_of_no_store_is_passed_over"""
        self.locate(self.image, 'rbd://fsid/pool/image/snap')
        self.refused(500, self.image, copying('slow'))

    def test_a_method_that_is_null_answers_500(self):
        """RefusalTest.test_a_body_of_other_types_is_refused"""
        self.refused(500, self.image, {'method': None})


class TwoCopies(ImportCase):
    """On a database that can hold up a request between two statements."""

    def ask_twice(self, between):
        """Return the answers to two requests at once.

        :param between: what is so as soon as each of them waits
        """
        image = self.glance.upload(DATA, stores=('fast',))
        self.glance.fault('stall', image=image)
        asking = self.enterContext(futures.ThreadPoolExecutor())
        with self.glance.database.holding_inserts('tasks'):
            asked = []
            for store in ('slow', 'cold'):
                asked.append(asking.submit(self.ask, image, copying(store)))
                until(lambda: between(image, len(asked)))
        found = sorted(each.result().status for each in asked)
        self.glance.clear_faults()
        return found


@soak
class TwoCopiesOfGlanceTest(HostCase, TwoCopies):

    arguments = {**HostCase.arguments, 'database': 'mariadb'}

    def test_both_are_accepted(self):
        """TwoCopiesTest.test_one_is_accepted"""
        holders = set()

        def locked(image, count):
            holders.update(self.glance.sql(
                "select value from image_properties where deleted = 0 and "
                "name = 'os_glance_import_task' and image_id = ?", (image,)))
            return len(holders) == count

        self.assertEqual([202, 202], self.ask_twice(locked))


@soak
class TwoCopiesTest(TwoCopies):

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(),
                 'database': 'mariadb'}

    def test_one_is_accepted(self):
        def waiting(_image, count):
            return count == len(self.glance.sql(
                'select id from information_schema.processlist where '
                "state = 'User lock' and db = database()"))

        self.assertEqual([202, 409], self.ask_twice(waiting))


@soak
class DownloadTest(HostCase, DownloadCase):

    arguments = {**HostCase.arguments,
                 'config': DownloadCase.arguments['config']}

    def test_all_stores_failing_locks_the_image_for_good(self):
        """FailTest.test_all_stores_failing_is_a_failure_in_any_case"""
        uri = self.server.serve('/image', DATA)
        self.glance.fault('raise', 'add', image=self.image, at=70_000)
        self.glances(self.image, {**downloading(uri, 'slow', 'cold'),
                                  'all_stores_must_succeed': False})
        self.assertEqual('failure', self.task(self.image)['status'])
        self.glance.clear_faults()
        self.refused(409, self.image, downloading(uri, 'slow'))

    def test_a_server_that_cuts_once_is_a_failure_without_a_reason(self):
        """FetchTest.test_a_server_that_cuts_again_and_again_is_gone_on_..."""
        self.glances(self.image, downloading(self.server.serve(
            '/image', DATA, truncate_at=100_000, times=1), 'fast'))
        task = self.task(self.image)
        self.assertEqual(('failure', 'Task failed due to Internal Error'),
                         (task['status'], task['message']))

    def test_a_server_that_is_down_once_is_a_failure(self):
        """FetchTest.test_a_server_that_is_down_once_is_asked_again"""
        self.glances(self.image, downloading(self.server.serve(
            '/image', DATA, status=503, times=1), 'fast'))
        self.assertEqual('failure', self.task(self.image)['status'])

    def test_a_server_that_stalls_is_waited_for(self):
        """The same server, asked by ours, which goes on from that byte"""
        uri = self.server.serve('/image', DATA, stall_at=100_000)
        self.glances(self.image, downloading(uri, 'fast'))
        until(lambda: self.server.log('/image'))
        ours = glance.shared(**DownloadCase.arguments)
        image = ours.create()['id']
        action = ours.request('POST', f'/v2/images/{image}/import',
                              downloading(uri, 'fast')).json['id']
        self.assertEqual('success', ours.wait_action(action)['status'])
        self.assertEqual(['processing'], [
            task['status'] for task in self.glance.tasks(self.image)])
        self.server.release('/image')
