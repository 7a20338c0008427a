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
"""The rows that hold actions: who may write to them, and which are read."""

from unittest import mock

from glance_ext.host import database
from glance_ext.host import signatures
from glance_ext.host import task_lists
from tests.unit import tables
from tests.unit.host.test_tasks import IMAGE
from tests.unit.host.test_tasks import OTHER
from tests.unit.host.test_tasks import Case
from tests.unit.host.test_tasks import ago
from tests.unit.host.test_tasks import ids


class NewestFirstTest(Case):
    #: With as few, and as many as there are too many to be sorted.
    few = task_lists._FEW

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(task_lists, '_FEW', self.few))
        self.enterContext(mock.patch.object(task_lists, '_LATEST', (1, 3)))
        for number, age in enumerate((1, 2, 2, 90, 3000, 5000)):
            self.add_task('abcdef'[number], created_at=ago(minutes=age),
                          updated_at=ago(minutes=age))

    def found(self, **wanted):
        return [task.id for stretch in task_lists.newest_first(**wanted)
                for task in stretch.tasks]

    def test_some_at_a_time_and_those_of_one_second_by_id(self):
        for count in 1, 2, 10:
            self.assertEqual([*'acbdef'], self.found(count=count))
        first = next(task_lists.newest_first(count=2))
        self.assertEqual((['a', 'c'], 2, 'c'), (
            ids(first.tasks), first.looked_at, first.last))

    def test_behind_one_that_was_seen(self):
        for after, found in (('c', 'bdef'), ('d', 'ef'), ('f', '')):
            self.assertEqual([*found], self.found(after=after, count=2))

    def test_only_those_that_are_wanted_and_live(self):
        self.add_task('g', {'import_req': {}})
        self.add_task('h', expires_at=ago(seconds=1))
        self.add_task('i', image_id=OTHER, created_at=ago(days=9))
        self.add_task('j', status='success', created_at=ago(days=8))
        self.add_task('k', owner='another', created_at=ago(days=7))
        for wanted, found in (
                ({}, 'acbdefkji'), ({'image_id': OTHER}, 'i'),
                ({'status': 'success'}, 'j'), ({'owner': 'another'}, 'k'),
                ({'image_id': IMAGE, 'owner': tables.PROJECT,
                  'status': 'pending'}, 'acbdef')):
            with self.subTest(**wanted):
                self.assertEqual([*found], self.found(count=2, **wanted))

    def test_only_those_of_a_type(self):
        self.add_task('g', {'glance_ext': {'action_type': 'verify'}},
                      created_at=ago(minutes=60))
        self.assertEqual(['g'], self.found(count=2, action_type='verify'))
        self.assertEqual([*'acbdef'], self.found(count=9, action_type='hash'))
        # What one looks for in vain is told of, too.
        self.assertEqual(7, sum(stretch.looked_at for stretch in
                                task_lists.newest_first(
                                    count=2, action_type='h_sh')))

    def test_behind_one_that_is_not_there(self):
        self.assertEqual([], self.found(count=2, after='z'))

    def test_one_that_was_handed_back_says_that_it_is_old(self):
        self.add_task('g', created_at=ago(seconds=30),
                      updated_at=ago(minutes=10))
        self.assertEqual([*'gacbdef'], self.found(count=2))
        self.assertEqual([*'gacbdef'], self.found(
            count=3, owner=tables.PROJECT))

    def test_one_that_took_long_is_where_it_began(self):
        self.add_task('g', created_at=ago(minutes=100),
                      updated_at=ago(seconds=1))
        self.assertEqual([*'acbdgef'], self.found(count=2))
        self.assertEqual([*'gef'], self.found(count=2, after='d'))


class NewestOfManyTest(NewestFirstTest):
    few = 0


class CostTest(Case):
    """However many there are, a page looks at as many rows."""

    LATEST = 20, 200

    def setUp(self):
        super().setUp()
        for name, value in ('_FEW', 20), ('_LATEST', self.LATEST):
            self.enterContext(mock.patch.object(task_lists, name, value))
        self.rows = self.statements = 0
        read = database.read

        def count(query):
            found = read(query)
            self.rows += len(found)
            self.statements += 1
            return found

        self.enterContext(mock.patch.object(database, 'read', count))

    def add_many(self, count, **columns):
        def work(connection):
            for number in range(self.added, self.added + count):
                moment = ago(seconds=number)
                connection.execute(database.tasks.insert().values(**{
                    'id': f'{number:06}', 'type': 't', 'status': 'success',
                    'owner': tables.PROJECT, 'created_at': moment,
                    'updated_at': moment, 'deleted': False, **columns}))
                connection.execute(database.task_info.insert().values(
                    task_id=f'{number:06}', input=signatures.sign(
                        f'{number:06}', columns.get('owner', tables.PROJECT),
                        {'image_id': columns.get('image_id'),
                         'glance_ext': {'action_type': 'hash'}})))
        database.transaction(work)
        self.added += count

    added = 0

    def cost(self, **wanted):
        self.rows = self.statements = 0
        next(task_lists.newest_first(count=11, **wanted), None)
        return self.rows, self.statements

    def test_of_a_page(self):
        for wanted in ({}, {'owner': tables.PROJECT}, {'status': 'success'},
                       {'owner': tables.PROJECT, 'image_id': IMAGE}):
            with self.subTest(**wanted):
                database.transaction(lambda connection: [
                    connection.execute(table.delete()) for table in (
                        database.task_info, database.tasks)])
                self.added = 0
                self.add_many(20, image_id=IMAGE)
                few = self.cost(**wanted)
                self.add_many(1000, image_id=IMAGE)
                many = self.cost(**wanted)
                self.assertLessEqual(many[0], few[0] + 45)
                self.assertLessEqual(many[1], few[1] + 3)

    def test_of_one_who_has_few_among_many(self):
        self.add_many(1000)
        self.add_many(11, owner='another')
        self.assertEqual((1 + 11 * 2, 3), self.cost(owner='another'))
