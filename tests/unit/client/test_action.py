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

import unittest

from glance_ext.client import action
from glance_ext.client import errors

BODY = {
    'id': 'a1',
    'action_type': 'hash',
    'status': 'processing',
    'phase': 'reading',
    'image_id': 'i1',
    'owner': 'p1',
    'created_at': '2026-11-21T03:00:00Z',
    'updated_at': '2026-11-21T03:00:05Z',
    'expires_at': None,
    'progress': {
        'bytes_done': 512,
        'bytes_total': 1024,
        'percent': 50.0,
        'bytes_per_second': 100.5,
        'eta_seconds': 5,
        'stores': {'fast': {'status': 'reading', 'bytes_done': 512}},
    },
    'attempt': 1,
    'max_attempts': 4,
    'error': None,
    'message': 'Read 512 of 1024 bytes.',
    'result': {},
    'self': '/v2/image-actions/a1',
    'schema': '/v2/schemas/image-action',
}


class ParseTest(unittest.TestCase):
    def test_every_field_of_a_running_action(self):
        self.assertEqual(
            action.Action(
                id='a1',
                action_type='hash',
                status='processing',
                phase='reading',
                image_id='i1',
                owner='p1',
                created_at='2026-11-21T03:00:00Z',
                updated_at='2026-11-21T03:00:05Z',
                expires_at=None,
                progress=action.Progress(
                    bytes_done=512,
                    bytes_total=1024,
                    percent=50.0,
                    bytes_per_second=100.5,
                    eta_seconds=5,
                    stores={'fast': {'status': 'reading', 'bytes_done': 512}},
                ),
                attempt=1,
                max_attempts=4,
                error=None,
                message='Read 512 of 1024 bytes.',
                result={},
                body=BODY,
            ),
            action.parse(BODY),
        )

    def test_what_is_not_known_is_taken_as_it_comes(self):
        newer = {
            'action_type': 'clone',
            'status': 'resting',
            'phase': 'dreaming',
            'colour': 'blue',
        }
        found = action.parse(BODY | newer)
        self.assertEqual('clone', found.action_type)
        self.assertEqual('resting', found.status)
        self.assertEqual('dreaming', found.phase)
        self.assertEqual('blue', found.body['colour'])
        self.assertFalse(found.ended)

    def test_what_is_absent_or_of_another_kind_has_a_default(self):
        bare = action.parse({'id': 'a1', 'status': 'pending'})
        odd = action.parse(
            {name: 17 for name in BODY} | {'id': 'a1', 'status': 'pending'}
        )
        for found in (bare, odd):
            self.assertEqual('', found.action_type)
            self.assertIsNone(found.image_id)
            self.assertEqual(action.Progress(), found.progress)
            self.assertIsNone(found.error)
            self.assertEqual('', found.message)
            self.assertEqual({}, found.result)
        self.assertIsNone(bare.attempt)
        self.assertEqual(17, odd.attempt)

    def test_how_it_ended(self):
        for status, ended, succeeded, failed in (
            ('pending', False, False, False),
            ('processing', False, False, False),
            ('success', True, True, False),
            ('failure', True, False, True),
        ):
            with self.subTest(status):
                found = action.parse(BODY | {'status': status})
                self.assertEqual(ended, found.ended)
                self.assertEqual(succeeded, found.succeeded)
                self.assertEqual(failed, found.failed)

    def test_one_that_is_rolled_back_has_failed_and_not_ended(self):
        found = action.parse(
            BODY | {'status': 'failure', 'phase': 'rolling-back'}
        )
        self.assertTrue(found.failed)
        self.assertFalse(found.ended)

    def test_why_it_failed(self):
        error = {'code': 'hash_mismatch', 'message': 'It differs.'}
        found = action.parse(BODY | {'status': 'failure', 'error': error})
        self.assertEqual(
            action.Failure('hash_mismatch', 'It differs.'), found.error
        )

    def test_what_is_no_action_is_refused(self):
        for body in (None, [], 'text', {}, {'id': 1, 'status': 'pending'}):
            with self.subTest(body=body):
                with self.assertRaises(errors.UnexpectedAnswer):
                    action.parse(body)
