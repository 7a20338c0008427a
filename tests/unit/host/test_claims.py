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
"""What an action claims of its project's limits, against what there is."""

import uuid

from glance.db.sqlalchemy import api as db_api
import sqlalchemy as sa

from glance_ext import errors
from glance_ext.host import claims
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import tasks
from tests.unit import tables

MIB = 1 << 20
KEYSTONE = dict.fromkeys(claims.OF_KEYSTONE, 5)


class ClaimCase(tables.TablesCase):
    def claim(self, limits, size=None, copies=0, **more):
        return claims.Claim(tables.PROJECT, limits, size, copies, **more)

    def begin(self, claim, image_id=None, status='processing', **result):
        """Have an action accepted with this claim; return its id."""
        task = tasks.insert(
            type_='api_image_import', owner=claim.project, image_id=image_id,
            input_={'glance_ext': {'claim': claim.kept()}}, user_id='me',
            request_id='r', message='', claim=claim)

        def work(connection):
            connection.execute(database.tasks.update().where(
                database.tasks.c.id == task.id).values(status=status))
            tasks.keep(connection, task.id, result)
        database.transaction(work)
        return task.id

    def refused(self, claim):
        with self.assertRaises(errors.ImageTooLarge) as caught:
            self.begin(claim)
        return caught.exception.message


class UsageTest(ClaimCase):
    """The numbers are those of Glance."""

    def setUp(self):
        super().setUp()
        for status in ('queued', 'saving', 'uploading', 'importing',
                       'active', 'deactivated', 'killed', 'deleted',
                       'pending_delete'):
            for number, size in enumerate((None, 0, 7, 11)):
                image = self.add_image(
                    status, size=size,
                    locations=('file:///a', 'file:///b')[:number])
                if number % 2:
                    self.add(database.image_properties, image_id=image,
                             name='os_glance_importing_to_stores',
                             value='slow', deleted=False,
                             created_at=database.now())
        self.add_image('active', owner='another', size=5,
                       locations=('file:///a',))
        rows = database.image_locations
        database.transaction(lambda connection: connection.execute(
            rows.update().where(rows.c.id % 3 == 0).values(
                deleted=True, status='deleted')))
        database.transaction(lambda connection: connection.execute(
            rows.update().where(rows.c.id % 3 == 1).values(
                deleted=True, status='pending_delete')))

    def of_glance(self, name):
        return getattr(db_api, name)(contexts.admin(), tables.PROJECT)

    def test_usage_is_what_glance_counts(self):
        project, size = tables.PROJECT, sa.func.sum(database.images.c.size)
        self.assertEqual(self.of_glance('user_get_storage_usage'),
                         self.do(claims.stored, project))
        self.assertEqual(self.of_glance('user_get_staging_usage'),
                         self.do(claims._in_transit, project, size, set()))
        self.assertEqual(
            self.of_glance('user_get_uploading_count'),
            self.do(claims._in_transit, project, sa.func.count(), set(),
                    'saving'))
        self.assertEqual(self.of_glance('user_get_image_count'),
                         self.do(claims._count, project, set()))


class RequireTest(ClaimCase):
    def test_an_action_without_limits_asks_nothing_and_locks_nothing(self):
        self.options.config(group='glance_ext', secret_key='k' * 16)
        self.begin(self.claim({}, 9 * MIB, 9))
        self.assertEqual(1, len(database.read(sa.select(database.tasks.c.id))))

    def test_unfinished_actions_count_with_each_copy(self):
        limits = {claims.STORAGE: 10}
        first = self.begin(self.claim(limits, 3, 2))
        self.assertEqual(
            'The project is over its limit user_storage_quota: 0 used, 6 '
            'claimed by unfinished actions and 5 more are above 10 bytes',
            self.refused(self.claim(limits, 5, 1)))
        # A claim of its own is replaced.
        self.do(self.claim(limits, 10, 1, action_id=first).require)
        self.begin(self.claim(limits, 4, 1))
        self.refused(self.claim(limits, 1, 1))

    def test_an_action_that_has_ended_claims_nothing(self):
        limits = {claims.STORAGE: 10}
        for status in ('success', 'failure'):
            self.begin(self.claim(limits, 10, 1), status=status)
        self.begin(self.claim(limits, 10, 1))

    def test_a_recorded_copy_is_no_longer_claimed(self):
        limits = {claims.STORAGE: 10}
        self.begin(self.claim(limits, 3, 2),
                   state={'copies': {'fast': 1, 'slow': None}})
        self.refused(self.claim(limits, 8, 1))
        self.begin(self.claim(limits, 7, 1))

    def test_a_size_that_is_found_out_later_counts(self):
        limits = {claims.STORAGE: 10}
        self.begin(self.claim(limits, None, 2), state={'size': 4})
        self.refused(self.claim(limits, 3, 1))
        self.begin(self.claim(limits, 2, 1))

    def test_what_is_stored_counts(self):
        self.add_image(size=4, locations=('file:///a', 'file:///b'))
        self.add_image(owner='another', size=9, locations=('file:///c',))
        limits = {claims.STORAGE: 10}
        self.assertIn('8 used', self.refused(self.claim(limits, 3, 1)))
        self.begin(self.claim(limits, 2, 1))

    def test_one_of_unknown_size_begins_as_long_as_glance_lets_it(self):
        self.add_image(size=6 * MIB, locations=('file:///a',))
        self.begin(self.claim({claims.STORAGE: 5 * MIB}, None, 1))
        self.assertIn('image_size_total',
                      self.refused(self.claim(KEYSTONE, None, 1)))

    def test_mebibytes_are_rounded_down_as_in_glance(self):
        self.add_image(size=5 * MIB - 1, locations=('file:///a',))
        self.begin(self.claim(KEYSTONE, 2 * MIB - 1, 1), status='success')
        self.refused(self.claim(KEYSTONE, 2 * MIB, 1))

    def test_a_copy_may_exceed_the_total_once_and_the_option_never(self):
        for limits in (KEYSTONE, {claims.STORAGE: 5 * MIB}):
            claim = self.claim(limits, 3 * MIB, 2, may_exceed=True)
            if limits is KEYSTONE:
                self.begin(claim)
            self.refused(claim)

    def test_staging_counts_what_is_known_or_what_came(self):
        self.begin(self.claim(KEYSTONE, 2 * MIB, staged=True))
        self.begin(self.claim(KEYSTONE, None, 1, staged=True),
                   bytes_done=2 * MIB)
        self.assertIn('image_stage_total', self.refused(
            self.claim(KEYSTONE, 2 * MIB, staged=True)))
        self.assertEqual(
            2 * MIB - 1, self.do(self.claim(KEYSTONE, staged=True).staging))
        self.begin(self.claim(KEYSTONE, MIB, staged=True))
        self.assertIsNone(self.do(self.claim({claims.STORAGE: 1}).staging))

    def test_an_image_that_glance_counts_is_not_counted_twice(self):
        image = self.add_image(size=3 * MIB)
        self.begin(self.claim(KEYSTONE, 3 * MIB, staged=True,
                              uploading=True), image_id=image)
        self.set_image(status='importing')
        self.begin(self.claim(KEYSTONE, 2 * MIB, staged=True,
                              uploading=True))
        self.assertIn('image_stage_total', self.refused(
            self.claim(KEYSTONE, MIB, staged=True)))

    def test_uploads_count_from_when_they_are_accepted(self):
        for _ in range(4):
            self.begin(self.claim(KEYSTONE, uploading=True))
        self.add_image('saving')
        self.assertIn('image_count_uploading', self.refused(
            self.claim(KEYSTONE, uploading=True)))

    def test_images_that_are_to_be_made_count_once(self):
        image = self.add_image('importing')
        self.begin(self.claim(KEYSTONE, future_id=image))
        for _ in range(4):
            self.begin(self.claim(KEYSTONE, future_id=str(uuid.uuid4())))
        self.assertIn('image_count_total', self.refused(
            self.claim(KEYSTONE, future_id=str(uuid.uuid4()))))

    def test_rows_that_make_no_sense_do_not_stop_anybody(self):
        claim = self.claim({claims.STORAGE: 10}, 3, 2)
        for broken in (7, 'x', {}, {'claim': 7}, {'claim': {'size': 'x'}},
                       {'claim': {**claim.kept(), 'copies': [1]}}):
            tasks.insert(
                type_='x', owner=tables.PROJECT, image_id=None,
                input_={'glance_ext': broken}, user_id='me', request_id='r',
                message='')
        self.begin(claim)

    def test_a_refused_action_leaves_no_row(self):
        self.refused(self.claim({claims.STORAGE: 1}, 3, 2))
        self.assertEqual([], tasks.ours())

    def test_the_row_that_is_locked_is_nobodys(self):
        claim = self.claim(KEYSTONE, MIB, 1)
        for _ in range(2):
            self.begin(claim)
        rows = database.read(sa.select(database.tasks).where(
            database.tasks.c.type == claims._LOCK))
        self.assertEqual(1, len(rows))
        self.assertTrue(rows[0].deleted)
        self.assertIsNone(rows[0].deleted_at)
        self.assertIsNone(tasks.get(rows[0].id))
