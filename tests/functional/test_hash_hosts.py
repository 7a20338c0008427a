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
"""The hash call on Glances that are set up in other ways."""

import hashlib
import json
import re

from glance_ext.api import routes
from tests.functional import cases
from tests.functional.cases import ABSENT
from tests.functional.cases import until
from tests.harness import glance
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import NOBODY
from tests.harness.users import OTHER

DATA = bytes(range(256)) * 1000
MD5 = hashlib.md5(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
HASHED = (MD5, 'sha512', SHA512)
ONE_ATTEMPT = {'http_retries': 0}


class HostCase(cases.HashCase):
    def check_hashed(self, image, **asked):
        """See that a hash of DATA is calculated and that it tells nothing."""
        action = self.hash(image, **asked)
        self.succeeded(action)
        self.assertEqual(HASHED, self.digests(image))
        for said in (action, self.glance.tasks(image)):
            self.assertNotIn('://', json.dumps(said))
            self.assertNotIn(str(self.glance.directory), json.dumps(said))
        self.assertEqual(DATA, self.glance.download(image))
        return action


class OneStoreTest(HostCase):
    """Without ``enabled_backends``."""

    arguments = {'stores': (), 'config': {'DEFAULT': ONE_ATTEMPT}}

    def test_an_image_of_any_past(self):
        for shape in ('bare', 'checksum', 'half'):
            with self.subTest(shape):
                image = self.glance.legacy(DATA, shape)
                self.assertNotIn('stores', self.glance.image(image))
                self.check_hashed(image)

    def test_rehash(self):
        image = self.glance.upload(DATA)
        self.check_hashed(image, rehash=True)
        self.glance.store_file(None, image).write_bytes(DATA[::-1])
        self.failed('hash_mismatch', self.hash(image, rehash=True))

    def test_failures_have_their_causes(self):
        image = self.glance.legacy(DATA)
        kept = self.glance.store_file(None, image)
        for code, fault in (('store_unavailable', 'raise'),
                            ('short_read', 'cut'),
                            ('data_missing', 'notfound')):
            with self.subTest(code):
                self.glance.fault(fault, image=image)
                action = self.hash(image)
                self.glance.clear_faults()
                self.failed(code, action)
                self.assertNotIn("''", action['error']['message'])
        kept.unlink()
        self.failed('data_missing', self.hash(image))

    def test_deleted_meanwhile(self):
        image = self.glance.legacy(DATA)
        with self.reading(image) as action:
            self.expect(204, self.glance.request(
                'DELETE', f'/v2/images/{image}'))
        self.failed('image_deleted', self.ended(action['id']))


class MultipleLocationsTest(HostCase):
    """With ``show_multiple_locations``; everything else runs without."""

    arguments = {'config': {'DEFAULT': {
        **ONE_ATTEMPT, 'show_multiple_locations': True}}}

    def test_the_image_shows_its_locations_and_we_do_not(self):
        image = self.glance.legacy(DATA, stores=('fast', 'slow'))
        # The copy filled in what was missing.
        self.set_columns(image, checksum=None, os_hash_algo=None,
                         os_hash_value=None)
        self.assertEqual(2, len(self.glance.image(image)['locations']))
        self.check_hashed(image)
        self.assertEqual(2, len(self.glance.image(image)['locations']))


class LocationTest(HostCase):
    """Locations that were written when this Glance was set up otherwise."""

    def test_a_location_that_names_no_store_or_one_that_is_gone(self):
        for metadata in ({}, {'store': 'gone'}):
            with self.subTest(metadata):
                image = self.glance.legacy(DATA)
                self.glance.sql(
                    'update image_locations set meta_data = ? '
                    'where image_id = ?', (json.dumps(metadata), image))
                self.check_hashed(image)


class DelayedDeleteTest(HostCase):
    """With ``delayed_delete`` the scrubber takes the data, later."""

    arguments = {'config': {'DEFAULT': {
        **ONE_ATTEMPT, 'delayed_delete': True}}}

    def delete(self, image):
        self.expect(204, self.glance.request(
            'DELETE', f'/v2/images/{image}'))
        status = 'select status from images where id = ?'
        self.assertEqual([('pending_delete',)],
                         [*map(tuple, self.glance.sql(status, (image,)))])
        self.assertTrue(self.glance.store_file('fast', image).exists())

    def test_deleted_while_it_is_hashed(self):
        image = self.glance.legacy(DATA)
        with self.reading(image) as action:
            self.delete(image)
        self.failed('image_deleted', self.ended(action['id']))
        self.assertEqual((None, None, None), self.digests(image))
        self.assertIsNone(self.lock(image))
        self.assertTrue(self.glance.store_file('fast', image).exists())

    def test_deleted_before_and_after(self):
        image = self.glance.legacy(DATA)
        self.check_hashed(image)
        self.delete(image)
        self.expect(404, self.post(image))
        self.expect(404, self.post(image, {'rehash': True}))
        self.assertEqual(HASHED, self.digests(image))


class EncryptedLocationsTest(HostCase):
    """With ``metadata_encryption_key``."""

    def check(self, **arguments):
        with glance.Glance(config={'DEFAULT': {
            **ONE_ATTEMPT, 'metadata_encryption_key': '0123456789abcdef',
        }}, **arguments) as self.glance:
            image = self.glance.legacy(DATA)
            self.check_stays_encrypted(image)
            self.check_hashed(image)
            self.check_stays_encrypted(image)

    def check_stays_encrypted(self, image):
        ((value,),) = self.glance.sql(
            'select value from image_locations where image_id = ?', (image,))
        self.assertNotIn('file', value)

    def test_several_stores(self):
        self.check()

    def test_one_store(self):
        self.check(stores=())


class NoAuthenticationTest(HostCase):
    """Without any in the pipeline: everybody is nobody, with a flag."""

    arguments = {'auth': 'none', 'config': {'DEFAULT': ONE_ATTEMPT}}

    def test_the_policy_has_no_role_to_look_at(self):
        image = self.glance.legacy(DATA, user=NOBODY)
        for body in (None, b'nonsense'):
            self.expect(403, self.post(image, body=body, user=NOBODY))
        self.expect(404, self.post(ABSENT, user=NOBODY))
        self.expect(404, self.get(f'/v2/image-actions/{ABSENT}', user=NOBODY))
        self.expect(200, self.get('/v2/info/glance-ext', user=NOBODY))

    def test_a_policy_that_lets_everybody(self):
        policy = self.glance.directory / 'etc' / 'policy.yaml'
        policy.write_text('"calculate_hash": ""\n"get_image_action": ""\n')
        # Glance forgets no rule that its file does not have any more.
        self.addCleanup(policy.write_text, '"calculate_hash": "role:admin"')
        for shape in ('bare', 'checksum'):
            image = self.glance.legacy(DATA, shape, user=NOBODY)
            answer = self.expect(202, self.post(image, user=NOBODY))
            self.assertEqual('', answer.json['owner'])
            path = answer.json['self']
            until(lambda path=path: self.ended_of(path))
            self.assertEqual(HASHED, self.digests(image))

    def ended_of(self, path):
        found = self.expect(200, self.get(path, user=NOBODY)).json
        return found['status'] == 'success'


class AnonymousTest(HostCase):
    """With ``allow_anonymous_access``: our routes are for known callers."""

    arguments = {'config': {'DEFAULT': {
        **ONE_ATTEMPT, 'allow_anonymous_access': True}}}

    def test_401_on_every_route(self):
        image = self.glance.legacy(DATA, visibility='public')
        action = self.hash(image)['id']
        for route in routes.ROUTES:
            path = re.sub('{.*?}', action, route.path.replace(
                '{image_id}', image))
            for method in (route.method, 'PUT'):
                with self.subTest(method=method, path=path):
                    self.expect(401, self.glance.request(
                        method, path, user=NOBODY))

    def test_glances_own_routes_still_take_them(self):
        self.assertEqual(
            200, self.get('/v2/schemas/image', user=NOBODY).status)

    def test_who_says_a_name_is_known(self):
        image = self.glance.legacy(DATA, user=MEMBER, visibility='private')
        self.expect(403, self.post(image, user=MEMBER))
        self.expect(404, self.post(image, user=OTHER))
        self.expect(202, self.post(image, user=ADMIN))
        until(lambda: not self.lock(image))


class OptionsTest(HostCase):
    """Options hold from the next start on."""

    def started(self, **config):
        """Boot the Glance of this test."""
        self.glance = glance.Glance(config=config)
        self.addCleanup(self.glance.stop)
        self.glance.start()

    def setUp(self):
        """There is no Glance to share."""

    def test_changed_and_started_again(self):
        self.started(
            DEFAULT={'http_retries': 1, 'hashing_algorithm': 'sha256'},
            glance_ext={'allowed_hash_algorithms': 'sha256,md5'})
        image = self.glance.legacy(DATA)
        for algorithm in ('sha512', 'sha1', 'shake_128', 'SHA256'):
            answer = self.expect(400, self.post(
                image, {'os_hash_algo': algorithm}))
            self.assertIn('sha256', answer.text)
        self.check_offered('md5', 'sha256')
        self.check_default(image, 'sha256', 2)
        image = self.glance.legacy(DATA)
        self.succeeded(self.hash(image, os_hash_algo='md5'))
        self.assertEqual((MD5, 'md5', MD5), self.digests(image))

        self.glance.restart({
            'DEFAULT': {'http_retries': None, 'hashing_algorithm': 'sha1'},
            'glance_ext': {'allowed_hash_algorithms': None},
        })
        self.check_default(self.glance.legacy(DATA), 'sha1', 4)
        self.succeeded(self.hash(image, rehash=True, os_hash_algo='sha512'))
        self.assertEqual(HASHED, self.digests(image))

        self.glance.restart({
            'DEFAULT': {'http_retries': 0, 'hashing_algorithm': None},
            'glance_ext': {'allowed_hash_algorithms': 'sha3_512'},
        })
        self.check_offered('sha3_512')
        image = self.glance.legacy(DATA)
        # The host's own default is not allowed, so one has to be said.
        self.assertIn('sha3_512', self.expect(400, self.post(image)).text)
        action = self.hash(image, os_hash_algo='sha3_512')
        self.assertEqual(1, action['max_attempts'])
        self.assertEqual(hashlib.sha3_512(DATA).hexdigest(),
                         self.succeeded(action)['os_hash_value'])

    def test_a_default_that_only_some_pythons_have(self):
        self.started(DEFAULT={'hashing_algorithm': 'sha512_256'})
        image = self.glance.legacy(DATA)
        self.check_default(image, 'sha512_256', 4)
        for call, body in (
                ('import', {'method': {'name': 'copy-image'},
                            'stores': ['slow']}),
                ('verify', {}), ('hash', {'rehash': True})):
            answer = self.expect(202, self.glance.request(
                'POST', f'/v2/images/{image}/{call}', body))
            self.succeeded(self.ended(answer.json['id']))
        # By name only what every Python has can be asked for.
        self.expect(400, self.post(image, {'os_hash_algo': 'sha512_256'}))

    def check_offered(self, *algorithms):
        info = self.get('/v2/info/glance-ext').json
        self.assertEqual(set(algorithms), set(info['hash_algorithms']))

    def check_default(self, image, algorithm, attempts):
        action = self.hash(image)
        self.assertEqual(attempts, action['max_attempts'])
        self.succeeded(action)
        self.assertEqual(
            (MD5, algorithm, hashlib.new(algorithm, DATA).hexdigest()),
            self.digests(image))

    def test_a_value_that_cannot_be_ends_the_start_and_says_which(self):
        for name, value in (('allowed_hash_algorithms', 'sha512,shake_128'),
                            ('heartbeat_timeout', 9),
                            ('secret_key', 'not enough')):
            with self.subTest(name), self.assertRaisesRegex(
                    RuntimeError, f'Value for option {name} .*is not valid'
                    ) as refused:
                self.started(glance_ext={name: value})
            self.assertNotIn('not enough', str(refused.exception))


class TaskTypesTest(HostCase):
    """``[glance_ext] task_types = own``"""

    arguments = {'config': {'DEFAULT': ONE_ATTEMPT,
                            'glance_ext': {'task_types': 'own'}}}

    def test_glances_own_calls_show_the_task(self):
        image = self.glance.legacy(DATA)
        with self.reading(image) as action:
            self.check_shown(image, action['id'], 'processing')
        self.succeeded(self.ended(action['id']))
        self.check_hashed(image, rehash=True)
        self.check_shown(image, action['id'], 'success')

    def check_shown(self, image, action, status):
        listed = {each['id']: each for each in self.glance.tasks(image)}
        shown = self.expect(200, self.get(f'/v2/tasks/{action}')).json
        for task in (listed[action], shown):
            self.assertEqual('glance_ext_hash', task['type'])
            self.assertEqual(status, task['status'])
        everything = self.expect(200, self.get('/v2/tasks')).json['tasks']
        self.assertIn(action, [task['id'] for task in everything])
        types = self.schema('task')['properties']['type']['enum']
        self.assertIn('glance_ext_hash', types)

    def test_glance_respects_the_lock_of_such_a_task(self):
        image = self.glance.legacy(DATA)
        copy = {'method': {'name': 'copy-image'}, 'stores': ['slow']}
        path = f'/v2/images/{image}/import'
        with self.reading(image) as action:
            self.expect(409, self.glance.request('POST', path, copy))
        self.succeeded(self.ended(action['id']))
        self.expect(202, self.glance.request('POST', path, copy))
        until(lambda: not self.lock(image))
        self.assertEqual(HASHED, self.digests(image))
