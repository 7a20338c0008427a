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

from tests.functional import hash_life as life
from tests.functional.hash_life import DATA
from tests.functional.hash_life import begin
from tests.functional.hash_life import until


class LimitsTest(life.LifeCase):
    arguments = {'config': {**life.QUICK, 'glance_ext': {
        'heartbeat_timeout': 10, 'max_running_actions': 4,
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
        self.assertEqual(0, limits['running_actions_per_project'])
        self.assertEqual(1, limits['running_actions_per_store'])


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
