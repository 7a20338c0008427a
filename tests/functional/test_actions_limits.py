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
"""Limits on what runs at once, and on how long rows are kept."""

import concurrent.futures
import socket

from tests.functional import hash_life as life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import SIZE
from tests.functional.hash_life import begin
from tests.functional.hash_life import until
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import User

THIRD = User('third-user', 'third-project', ('member', 'reader'))


class LimitsTest(life.LifeCase):
    arguments = {'config': {**life.QUICK, 'glance_ext': {
        'heartbeat_timeout': 10, 'max_running_actions': 4,
        'max_running_actions_per_project': None,
        'max_running_actions_per_store': 1}}}

    def test_what_a_limit_holds_back_says_so_and_holds_back_nobody(self):
        first, fault = self.stall(self.glance.legacy(DATA, stores=('fast',)))
        second = begin(
            self.glance, self.glance.legacy(DATA, stores=('fast',)))
        elsewhere = self.glance.legacy(DATA, stores=('slow',))
        self.assertHashed(self.hash(elsewhere), elsewhere)
        waiting = until(lambda: self.waits(second))
        self.assertEqual('queued', waiting['phase'])
        self.assertEqual('success', self.go_on(first, fault)['status'])
        self.assertEqual('success', self.ended(second)['status'])

    def waits(self, action):
        found = self.glance.action(action)
        self.assertEqual('pending', found['status'])
        said = 'Waiting for one of 1 running actions on fast to end'
        return found if found['message'] == said else None

    def test_discovery_tells_them(self):
        limits = self.glance.request(
            'GET', '/v2/info/glance-ext').json['limits']
        self.assertEqual(4, limits['running_actions'])
        self.assertEqual(2, limits['running_actions_per_project'])
        self.assertEqual(100, limits['waiting_actions_per_project'])
        self.assertEqual(1, limits['running_actions_per_store'])


class WaitingTest(life.LifeCase):
    """How many actions of a project may wait."""

    arguments = {'config': {**life.QUICK, 'glance_ext': {
        'heartbeat_timeout': 10, 'max_running_actions': 4,
        'max_running_actions_per_project': None,
        'max_waiting_actions_per_project': 3, 'export_timeout': 10}}}

    def images(self, count):
        return [self.glance.legacy(DATA, stores=('fast',))
                for _ in range(count)]

    def post(self, image):
        return self.glance.request('POST', f'/v2/images/{image}/hash', {})

    def test_one_more_is_refused_for_a_while(self):
        images = self.images(6)
        fault = self.glance.fault('stall', at=SIZE // 2)
        # Half of the four places are the project's.
        accepted = [self.post(image) for image in images[:2]]
        for each in accepted:
            until(lambda each=each: self.glance.action(
                each.json['id'])['status'] == 'processing')
        accepted += [self.post(image) for image in images[2:5]]
        self.assertEqual([202] * 5, [each.status for each in accepted])
        refused = self.post(images[5])
        self.assertEqual((413, '30'), (
            refused.status, refused.headers['Retry-After']))
        self.assertIn('The project has 3 waiting image actions', refused.text)
        # Nothing is left of it, and others are not concerned.
        self.assertNotIn('os_glance_import_task',
                         self.glance.image(images[5]))
        self.assertEqual(201, self.glance.request(
            'POST', '/v2/image-imports', {}, user=MEMBER).status)
        self.glance.clear_faults(fault)
        for each in accepted:
            self.glance.wait_action(each.json['id'])
        self.assertEqual(202, self.post(images[5]).status)

    def test_imports_that_wait_for_an_upload_count(self):
        answers = [self.glance.request('POST', '/v2/image-imports', {},
                                       user=OTHER) for _ in range(4)]
        self.assertEqual([201, 201, 201, 413],
                         [each.status for each in answers])
        path = '/v2/image-imports/' + answers[0].headers[
            'Location'].rpartition('/')[2]
        self.assertEqual(204, self.glance.request(
            'DELETE', path, user=OTHER).status)
        until(lambda: self.glance.request(
            'POST', '/v2/image-imports', {}, user=OTHER).status == 201)

    def test_an_export_ends_in_time_whatever_the_target_does(self):
        image = self.glance.upload(DATA * 30, user=MEMBER)
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            target = f'http://127.0.0.1:{server.getsockname()[1]}/x'
            answer = self.glance.request(
                'POST', f'/v2/images/{image}/export', {'location': target},
                user=MEMBER)
            self.assertEqual(201, answer.status, answer.text)
            ended = self.glance.wait_action(
                answer.headers['Location'].rpartition('/')[2], 60)
        self.assertEqual(
            {'code': 'remote_timeout', 'message': 'The export took longer '
             'than 10 seconds (export_timeout)'}, ended['error'])

    def test_many_at_the_same_time_are_no_more(self):
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: self.glance.request(
                'POST', '/v2/image-imports', {}, user=THIRD).status,
                range(20)))
        self.assertEqual({201, 413}, set(answers))
        self.assertLessEqual(answers.count(201), 3)


class ExpiryTest(life.LifeCase):
    arguments = LimitsTest.arguments

    def test_an_action_that_has_expired_is_marked_for_the_purge(self):
        image = self.glance.upload(DATA, stores=('fast',))
        action = self.hash(image, rehash=True)['id']
        lasting = self.hash(image, rehash=True)['id']
        # What is not ours is Glance's to mark.
        foreign = '00000000-0000-4000-8000-00000000000f'
        self.glance.sql(
            'insert into tasks (id, type, status, owner, created_at, '
            'updated_at, deleted) select ?, type, status, owner, created_at, '
            'updated_at, 0 from tasks where id = ?', (foreign, action))
        self.glance.sql("insert into task_info (task_id, input) "
                        "values (?, '{}')", (foreign,))
        self.glance.sql(
            "update tasks set expires_at = '2020-01-01 00:00:00' "
            'where id in (?, ?)', (action, foreign))
        until(lambda: self.marked(action))
        self.assertFalse(self.marked(lasting))
        self.assertFalse(self.marked(foreign))
        self.assertEqual(204, self.glance.request(
            'DELETE', f'/v2/images/{image}').status)
        for table in ('tasks', 'images', 'image_locations',
                      'image_properties'):
            self.glance.sql(f'update {table} set deleted_at = '
                            "'2020-01-01 00:00:00' where deleted = 1")
        for command in ('purge', 'purge_images_table'):
            self.glance.manage('db', command, '--age_in_days', '1')
        self.assertEqual([(lasting,)], self.glance.sql(
            'select id from tasks where id in (?, ?)', (action, lasting)))
        self.assertEqual([], self.glance.sql(
            'select id from images where id = ?', (image,)))
        # Of an image without a row.
        self.assertEqual('success', self.glance.action(lasting)['status'])

    def marked(self, task):
        ((deleted,),) = self.glance.sql(
            'select deleted from tasks where id = ?', (task,))
        return deleted
