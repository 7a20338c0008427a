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
"""``GET /v2/image-actions``: which, for whom, in which order and pages."""

import datetime
import itertools
import json
import uuid

import jsonschema

from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.harness.users import ADMIN
from tests.harness.users import NOBODY
from tests.harness.users import OTHER
from tests.harness.users import SYSTEM
from tests.harness.users import UNSCOPED
from tests.harness.users import User

PATH = '/v2/image-actions'
PROJECTS = (f'project-{number}' for number in itertools.count())


class ListCase(cases.HashCase):
    """Each test has a project of its own, whose list begins empty."""

    arguments = {'config': {'DEFAULT': {'http_retries': 0},
                            'glance_ext': cases.TRUSTING}}

    def setUp(self):
        super().setUp()
        self.project = next(PROJECTS)
        self.reader = User('reader', self.project, ('reader',))
        self.member = User('member', self.project, ('member', 'reader'))
        self.hasher = User('hasher', self.project, ('admin', 'reader'))

    def list(self, query='', user=None):
        path = f'{PATH}?{query}' if query else PATH
        return self.expect(200, self.get(path, user=user or self.reader)).json

    def ids(self, query='', user=None):
        page = self.list(query, user)
        self.assertNotIn('next', page)
        return [action['id'] for action in page['image_actions']]

    def image(self, **properties):
        values = {'user': self.member, 'visibility': 'private'} | properties
        return self.glance.legacy(b'data', **values)

    def action(self, image=None):
        """Return an action of the project that has ended."""
        answer = self.expect(202, self.post(
            image or self.image(), user=self.hasher))
        return self.ended(answer.json['id'])

    def copies(self, action, count, **columns):
        """Copy an action's rows; return the ids, the newest first."""
        if 'created_at' in columns:
            columns = {'updated_at': columns['created_at'], **columns}
        made = sorted((str(uuid.uuid4()) for _ in range(count)), reverse=True)
        names = ('type', 'status', 'owner', 'image_id', 'created_at',
                 'updated_at', 'expires_at', 'deleted')
        chosen = ', '.join('?' if name in columns else f'tasks.{name}'
                           for name in names)
        values = [columns[name] for name in names if name in columns]
        ids = json.dumps(made)
        self.glance.sql(
            f'insert into tasks (id, {", ".join(names)}) select value, '
            f'{chosen} from tasks, json_each(?) where tasks.id = ?',
            (*values, ids, action['id']))
        self.glance.sql(
            'insert into task_info (task_id, input, result, message) '
            'select value, input, result, message from task_info, '
            'json_each(?) where task_id = ?', (ids, action['id']))
        return made


class ShapeTest(ListCase):
    def test_a_page_is_what_its_schema_says(self):
        self.copies(self.action(), 2)
        page = self.list('limit=2')
        schema = self.schema('image-actions')
        jsonschema.Draft4Validator(schema).validate(page)
        self.assertEqual(set(schema['properties']), set(page))

    def test_nothing_there_is_an_empty_list(self):
        self.assertEqual(
            {'image_actions': [], 'first': PATH,
             'schema': '/v2/schemas/image-actions'}, self.list())

    def test_an_entry_is_what_is_shown_of_the_action(self):
        action = self.action()
        self.assertEqual([action], self.list()['image_actions'])

    def test_neither_tasks_of_glances_own_nor_what_has_expired(self):
        action = self.action()
        self.glance.upload(b'data', self.hasher, ('fast', 'slow'))
        self.copies(action, 3, expires_at='2020-01-01 00:00:00')
        self.copies(action, 3, deleted=1)
        self.assertEqual([action['id']], self.ids())

    def test_one_that_runs_has_its_numbers(self):
        image = self.image()
        with self.reading(image) as action:
            (found,) = self.list(f'image_id={image}', ADMIN)['image_actions']
            self.assertEqual(action['id'], found['id'])
            self.assertEqual('processing', found['status'])


class PageTest(ListCase):
    def walk(self, query, user=None):
        """Return the pages from the first to the last."""
        page = self.list(query, user)
        first, pages = page['first'], [page]
        while 'next' in page:
            page = self.list(page['next'].partition('?')[2], user)
            self.assertEqual(first, page['first'])
            pages.append(page)
        return pages

    def test_pages_have_each_action_once_the_newest_first(self):
        old = self.action()
        # Of one second: then the id decides.
        new = self.copies(old, 7, created_at='2040-01-01 00:00:00')
        pages = self.walk('limit=3')
        self.assertEqual(
            [new[:3], new[3:6], [new[6], old['id']]],
            [[action['id'] for action in page['image_actions']]
             for page in pages])
        self.assertEqual(f'{PATH}?limit=3', pages[0]['first'])
        self.assertEqual(f'{PATH}?limit=3&marker={new[2]}', pages[0]['next'])

    def test_old_and_new_ones_are_on_the_same_pages(self):
        action, made = self.action(), []
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        for minutes in (10, 55, 90, 2_000, 3_000, 100_000):
            moment = now - datetime.timedelta(minutes=minutes)
            made += self.copies(action, 2, created_at=moment.isoformat(' '))
        # Handed back at once: then it is as if written long ago.
        made += self.copies(action, 1, created_at='2020-01-01 01:00:00',
                            updated_at='2020-01-01 00:00:00')
        for limit in (1, 3, 5, 20):
            self.assertEqual([action['id'], *made], [
                found['id'] for page in self.walk(f'limit={limit}')
                for found in page['image_actions']])

    def test_one_handed_back_is_with_the_new_ones(self):
        action = self.action()
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        created, written = (
            (now - datetime.timedelta(minutes=minutes)).isoformat(' ')
            for minutes in (50, 110))
        back = self.copies(action, 1, created_at=created, updated_at=written)
        self.copies(action, 3, created_at='2020-01-01 00:00:00')
        self.assertEqual([action['id'], *back], [
            found['id'] for found in self.list('limit=2')['image_actions']])

    def test_a_last_page_that_is_full_has_no_next_one(self):
        self.copies(self.action(), 3)
        self.assertEqual(
            [2, 2], [len(page['image_actions'])
                     for page in self.walk('limit=2')])

    def test_what_comes_meanwhile_moves_no_page(self):
        first = self.copies(
            self.action(), 4, created_at='2040-01-01 00:00:00')
        page = self.list('limit=2')
        self.copies(self.action(), 3, created_at='2041-01-01 00:00:00')
        following = self.list(page['next'].partition('?')[2])
        self.assertEqual(first[2:4], [
            action['id'] for action in following['image_actions']])

    def test_a_page_is_full_however_many_are_hidden_from_the_caller(self):
        seen, hidden = self.action(), self.image()
        self.copies(seen, 3, created_at='2040-01-01 00:00:00')
        self.copies(seen, 9, created_at='2041-01-01 00:00:00',
                    image_id=hidden)
        self.glance.sql("update images set owner = 'x' where id = ?",
                        (hidden,))
        page = self.list('limit=3')
        self.assertEqual(3, len(page['image_actions']))
        self.assertIn('next', page)

    def test_tasks_of_glances_own_between_them_take_no_place(self):
        action = self.action()
        old = self.copies(action, 2, created_at='2040-01-01 00:00:00')
        foreign = self.copies(action, 9, created_at='2041-01-01 00:00:00')
        for task in foreign:
            self.glance.sql("update task_info set input = '{}' "
                            'where task_id = ?', (task,))
        page = self.list('limit=2')
        self.assertEqual(
            old, [action['id'] for action in page['image_actions']])

    def test_limits(self):
        action = self.action()
        self.copies(action, 1001)
        for limit, expected in (
            ('', 25), ('limit=0', 0), ('limit=1', 1), ('limit=1000', 1000),
            ('limit=1001', 1000), ('limit=00000000000007', 7),
            ('limit=999999999999999999', 1000),
        ):
            with self.subTest(limit):
                page = self.list(limit)
                self.assertEqual(expected, len(page['image_actions']))
                self.assertEqual(expected > 0, 'next' in page)

    def test_400_for_a_bad_limit_or_marker(self):
        action = self.action()
        strange = self.expect(202, self.post(self.image())).json['id']
        self.ended(strange)
        for query in (
            'limit=-1', 'limit=x', 'limit=', 'limit=1.5', 'limit=%00',
            'limit=1&limit=2', 'limit=%D9%A3', 'limit=+1', 'limit=1e3',
            f'limit={"9" * 5000}', 'marker=', 'marker=x', 'marker=%00',
            f'marker={ABSENT}', f'marker={strange}',
            f'marker={action["id"]}&marker={action["id"]}',
        ):
            with self.subTest(query[:60]):
                self.expect(400, self.get(f'{PATH}?{query}',
                                          user=self.reader))
        self.assertEqual([], self.ids(f'marker={action["id"]}'))


class FilterTest(ListCase):
    def test_each_filter_and_all_together(self):
        first, second = self.action(), self.action()
        (failed,) = self.copies(second, 1, status='failure',
                                created_at='2040-01-01 00:00:00')
        one, two = first['id'], second['id']
        for query, expected in (
            ('status=success', {one, two}), ('status=failure', {failed}),
            ('status=pending', set()),
            ('action_type=hash', {one, two, failed}),
            ('action_type=export', set()),
            (f'image_id={first["image_id"]}', {one}),
            (f'image_id={ABSENT}', set()),
            (f'image_id={second["image_id"]}&status=success', {two}),
            ('action_type=hash&status=failure&limit=9', {failed}),
        ):
            with self.subTest(query):
                self.assertEqual(expected, set(self.ids(query)))

    def test_the_links_keep_the_filters(self):
        self.copies(self.action(), 2)
        page = self.list('status=success&limit=1&action_type=hash')
        for name in ('first', 'next'):
            for part in ('status=success', 'limit=1', 'action_type=hash'):
                self.assertIn(part, page[name])
        self.assertNotIn('marker', page['first'])

    def test_400_for_what_is_no_filter_or_cannot_be_its_value(self):
        for query in (
            'owner=x', 'sort_key=id', 'x=1', '=1', 'status', 'status=',
            'status=done', 'status=Success', 'status=success&status=failure',
            'image_id=x', 'image_id=', 'action_type=', 'action_type=a%20b',
            'action_type=%22', 'action_type=%25', 'action_type=' + 'x' * 99,
            '%F0%9F%98%80=1', 'status=%F0%9F%98%80', 'offset=1',
        ):
            with self.subTest(query[:60]):
                answer = self.get(f'{PATH}?{query}', user=self.reader)
                self.expect(400, answer)
                self.assertTrue(answer.text.isascii())


class WhoSeesTest(ListCase):
    def test_a_project_sees_its_own_and_an_administrator_all(self):
        mine = self.action()
        theirs = self.expect(202, self.post(self.image())).json
        self.ended(theirs['id'])
        for user in (self.reader, self.member):
            self.assertEqual([mine['id']], self.ids(user=user))
        other = [each['id'] for each in
                 self.list('limit=1000', OTHER)['image_actions']]
        self.assertNotIn(mine['id'], other)
        everything = [each['id'] for each in
                      self.list('limit=1000', ADMIN)['image_actions']]
        self.assertLessEqual({mine['id'], theirs['id']}, set(everything))

    def test_who_may_not(self):
        for user, status in (
            (NOBODY, 401), (UNSCOPED, 403), (SYSTEM, 403),
            (User('stranger', self.project, ('nothing',)), 403),
        ):
            with self.subTest(user and user.name):
                self.expect(status, self.get(PATH, user=user))

    def test_the_list_and_the_action_agree_about_every_kind_of_image(self):
        images = {
            visibility: self.image(visibility=visibility)
            for visibility in ('private', 'shared', 'community')}
        images['hidden'] = self.image(os_hidden=True)
        images['public'] = self.image(user=ADMIN, visibility='public')
        images['deleted'] = self.image()
        images['deactivated'] = self.image()
        images['nobody\'s'] = self.image()
        for visibility in ('private', 'shared', 'community'):
            images[f'other\'s {visibility}'] = self.image(
                user=OTHER, visibility=visibility)
        member = self.image(user=OTHER, visibility='shared')
        images['other\'s, offered'] = member
        self.expect(200, self.glance.request(
            'POST', f'/v2/images/{member}/members',
            {'member': self.project}, user=OTHER))
        actions = {self.action(image)['id']: name
                   for name, image in images.items()}
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{images["deleted"]}'))
        self.expect(204, self.glance.request('POST', (
            f'/v2/images/{images["deactivated"]}/actions/deactivate')))
        self.glance.sql('update images set owner = null where id = ?',
                        (images['nobody\'s'],))
        for user in (self.reader, ADMIN):
            shown = {name for action, name in actions.items()
                     if self.get(f'{PATH}/{action}', user=user).status == 200}
            listed = {actions[each['id']] for each in
                      self.list('limit=1000', user)['image_actions']
                      if each['id'] in actions}
            self.assertEqual(shown, listed)
            if user is ADMIN:
                self.assertEqual(set(images), listed)
            else:
                self.assertEqual(
                    {'deleted', 'nobody\'s', 'other\'s private',
                     'other\'s shared'},
                    set(images) - listed)
