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
"""What a request for copies is answered with, before anything is done."""

import json

from tests.functional import cases
from tests.functional.hash_life import DATA
from tests.functional.hash_life import begin
from tests.functional.hash_life import locks
from tests.functional.import_life import ImportCase
from tests.functional.import_life import copying
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER


class RefusalTest(ImportCase):
    """What is refused before anything is done."""

    def setUp(self):
        super().setUp()
        self.image = self.glance.upload(DATA, stores=('fast',))

    def test_an_image_that_is_not_active_is_refused(self):
        queued = self.glance.create()['id']
        deactivated = self.glance.upload(DATA, stores=('fast',))
        self.glance.request(
            'POST', f'/v2/images/{deactivated}/actions/deactivate')
        for image in (queued, deactivated):
            self.refused(409, image, copying('slow'))

    def test_an_image_that_is_not_there_is_refused(self):
        gone = self.glance.upload(DATA, stores=('fast',))
        self.glance.request('DELETE', f'/v2/images/{gone}')
        for image in (gone, cases.ABSENT, 'no-uuid'):
            self.refused(404, image, copying('slow'))

    def test_a_store_that_is_not_there_is_refused(self):
        for store in ('none', 'os_glance_staging_store', ''):
            self.refused(409, self.image, copying(store))

    def test_a_store_that_cannot_be_written_to_is_refused(self):
        self.refused(400, self.image, copying('web'))

    def test_a_store_that_has_the_image_is_refused(self):
        for body in (copying('fast'), copying('slow', 'fast'), copying()):
            self.assertIn('already present',
                          self.refused(400, self.image, body))

    def test_all_stores_are_those_that_lack_it(self):
        self.assertCopied(self.copy(self.image, all_stores=True), self.image,
                          'slow', 'cold')
        answer = self.ask(self.image, copying(all_stores=True))
        self.assertEqual((202, ''), (answer.status, answer.text))
        self.assertEqual([], locks(self.glance, self.image))

    def test_what_contradicts_itself_is_refused(self):
        for body in (
                copying('slow', all_stores=True),
                copying('slow', allow_failure=True,
                        all_stores_must_succeed=True),
                copying('slow', allow_failure=False,
                        all_stores_must_succeed=False)):
            self.refused(400, self.image, body)
        self.assertCopied(
            self.copy(self.image, 'slow', allow_failure=True,
                      all_stores_must_succeed=False), self.image, 'slow')

    def test_a_body_of_other_types_is_refused(self):
        for body in (
                copying(stores='slow'), copying(stores=[]),
                copying(stores=[1]), copying('slow', all_stores='yes'),
                copying('slow', all_stores_must_succeed=1),
                copying('slow', allow_failure=None),
                copying('slow', dry_run='no'),
                {'method': {'name': 'copy-image', 'uri': 'http://x/'},
                 'stores': ['slow']},
                {'method': {'name': 'copy-image', 'more': 1},
                 'stores': ['slow']},
                {'method': None}, {'method': []}, {'method': {'name': 1}},
                {'method': {}}, {}, []):
            with self.subTest(body):
                self.refused(400, self.image, body)

    def test_a_body_that_is_no_json_is_refused(self):
        for body, status in ((b'{', 400), (b'', 400), (b'\xff', 400),
                             (b'[' * 5000, 400), (b' ' * 70_000, 413)):
            answer = self.glance.request(
                'POST', f'/v2/images/{self.image}/import', body=body)
            self.assertEqual(status, answer.status, answer.text)

    def test_a_store_in_the_header_alone_is_the_target(self):
        header = {'X-Image-Meta-Store': 'slow'}
        for body in (copying('cold'), copying(all_stores=True)):
            self.refused(400, self.image, body, headers=header)
        action = self.run_import(self.image, copying(), headers=header)
        self.assertCopied(action, self.image, 'slow')

    def test_a_store_that_is_named_twice_is_written_once(self):
        self.assertCopied(self.copy(self.image, 'slow', 'slow'), self.image,
                          'slow')

    def test_a_second_operation_is_refused_and_the_lock_dropped_after(self):
        action, fault = self.stalled(self.image, copying('slow'))
        self.refused(409, self.image, copying('cold'))
        answer = self.glance.request(
            'POST', f'/v2/images/{self.image}/hash', {'rehash': True})
        self.assertEqual(409, answer.status)
        self.go_on(action, fault)
        self.assertCopied(self.copy(self.image, 'cold'), self.image, 'cold')

    def test_a_hash_that_runs_refuses_a_copy(self):
        fault = self.glance.fault('stall', image=self.image)
        action = begin(self.glance, self.image, rehash=True)
        self.refused(409, self.image, copying('slow'))
        self.go_on(action, fault)

    def test_dry_run_tells_the_plan_and_does_nothing(self):
        before = self.rows(self.image)
        answer = self.ask(self.image, copying('cold', 'slow', dry_run=True))
        self.assertEqual(200, answer.status)
        size = len(DATA)
        self.assertEqual({
            'action_type': 'copy-image', 'image_id': self.image,
            'sources': ['fast'], 'bytes_total': 2 * size,
            'targets': [{'store': 'cold', 'bytes': size},
                        {'store': 'slow', 'bytes': size}],
            'quota': {'bytes': 2 * size, 'bytes_remaining': None,
                      'usage': {}}}, answer.json)
        self.assertEqual(before, self.rows(self.image))
        self.assertEqual([], self.glance.tasks(self.image))

    def test_dry_run_refuses_what_a_run_would(self):
        self.refused(400, self.image, copying('fast', dry_run=True))
        self.refused(409, self.image, copying('none', dry_run=True))

    def test_what_is_ours_alone_is_refused_for_other_methods(self):
        image = self.glance.create()['id']
        for more in ({'dry_run': False}, {'allow_failure': True}):
            self.refused(400, image,
                         {'method': {'name': 'glance-direct'}, **more})
        for more in ({'os_hash_algo': 'md5'}, {'hash_uri': 'http://x/'},
                     {'uri': 'http://x/'}):
            self.refused(400, image,
                         {'method': {'name': 'glance-direct', **more}})

    def test_an_image_that_vanishes_before_the_answer_is_gone(self):
        # The deletion has to hit a moment between two statements; a row that
        # is deleted while it still is visible to the caller's repository
        # does as well.
        self.glance.sql('create trigger gone after insert on tasks when '
                        f'new.image_id = \'{self.image}\' begin update images '
                        f'set deleted = 1, status = \'deleted\' where id = '
                        f'\'{self.image}\'; end')
        self.addCleanup(self.glance.sql, 'drop trigger gone')
        answer = self.ask(self.image, copying('slow'))
        self.assertEqual(410, answer.status, answer.text)
        self.assertEqual([], self.glance.sql(
            'select id from tasks where image_id = ?', (self.image,)))


class WhoMayTest(ImportCase):
    """Policy ``copy_image``: administrators only, in all releases."""

    def test_every_caller(self):
        image = self.glance.upload(DATA, stores=('fast',), user=MEMBER,
                                   visibility='private')
        public = self.glance.upload(DATA, stores=('fast',),
                                    visibility='public')
        for name, user, private, shown in (
            ('nobody', cases.NOBODY, 401, 401),
            ('unscoped', cases.UNSCOPED, 404, 404),
            ('system', cases.SYSTEM, 404, 404),
            ('other', cases.OTHER, 404, 403),
            ('reader', cases.READER, 403, 403),
            ('member', MEMBER, 403, 403),
        ):
            with self.subTest(name):
                self.refused(private, image, copying('slow'), user=user)
                self.refused(shown, public, copying('slow'), user=user)
        self.assertCopied(self.copy(image, 'slow'), image, 'slow')

    def test_an_owner_whom_the_policy_lets(self):
        path = self.glance.directory / 'etc' / 'policy.yaml'
        path.write_text(json.dumps(
            {'copy_image': 'role:member and project_id:%(project_id)s'}))
        self.addCleanup(path.write_text, json.dumps(
            {'copy_image': 'role:admin'}))
        image = self.glance.upload(DATA, stores=('fast',), user=MEMBER)
        public = self.glance.upload(DATA, stores=('fast',), user=ADMIN,
                                    visibility='public')
        self.assertCopied(
            self.run_import(image, copying('slow'), user=MEMBER), image,
            'slow')
        self.refused(403, public, copying('slow'), user=MEMBER)
