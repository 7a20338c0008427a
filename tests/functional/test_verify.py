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
"""``POST /v2/images/{image_id}/verify``, on a real Glance."""

import json

from tests.functional import cases
from tests.functional import verify_life
from tests.functional.verify_life import DAMAGE
from tests.functional.verify_life import DATA
from tests.functional.verify_life import OTHER
from tests.harness.users import MEMBER


class VerdictTest(verify_life.VerifyCase):
    def test_every_copy_is_read_and_compared_with_the_hash(self):
        image = self.image()
        result = self.good(self.verify(image))
        self.assertEqual(
            {'image_id': image, 'stores': {
                store: {'verdict': 'good', 'bytes': len(DATA)}
                for store in self.STORES}}, result)
        self.assertIsNone(self.lock(image))

    def test_each_damage_is_found_and_named_and_nothing_is_changed(self):
        for name, (how, verdict, place) in DAMAGE.items():
            with self.subTest(name):
                image = self.image()
                self.damage(image, how)
                before = self.everything(image)[0]
                found = self.bad(self.verify(image), fast='good',
                                 slow=verdict)
                expected = place and {'first': place[0], 'last': place[1]}
                self.assertEqual(expected, found['slow'].get('range'))
                self.assertEqual(before, self.everything(image)[0])

    def test_swapped_objects_are_both_corrupt(self):
        one, other = self.image(), self.image(OTHER)
        self.damage(one, lambda data: OTHER)
        self.damage(other, lambda data: DATA)
        for image in (one, other):
            self.bad(self.verify(image), fast='good', slow='corrupt')

    def test_a_store_that_fails_is_unreachable(self):
        image = self.image()
        self.glance.fault('raise', store='slow', at=None)
        self.bad(self.verify(image), fast='good', slow='unreachable')

    def test_only_the_named_stores_are_read(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0])
        self.good(self.verify(image, stores=['fast']), 'fast')
        self.bad(self.verify(image, stores=['slow']), slow='corrupt')

    def test_hidden_protected_and_deactivated_images_too(self):
        for properties in ({'os_hidden': True}, {'protected': True}):
            self.good(self.verify(self.image(**properties)))
        image = self.image()
        self.expect(204, self.glance.request(
            'POST', f'/v2/images/{image}/actions/deactivate'))
        self.good(self.verify(image))
        self.damage(image, DAMAGE['bit'][0])
        self.good(self.verify(image, repair=True))

    def test_verifying_takes_no_lock(self):
        image = self.image()
        fault = self.glance.fault('stall', image=image)
        action = self.expect(202, self.ask(image)).json
        cases.until(lambda: self.glance.fired(fault))
        self.assertIsNone(self.lock(image))
        self.expect(202, self.post(image, {'rehash': True}))
        self.glance.clear_faults()
        self.good(self.ended(action['id']))

    def test_when_a_copy_was_verified_outlasts_a_save_of_the_image(self):
        image = self.image()
        self.damage(image, DAMAGE['bit'][0])
        self.verify(image)
        kind = 'application/openstack-images-v2.1-json-patch'
        self.expect(200, self.glance.request(
            'PATCH', f'/v2/images/{image}',
            [{'op': 'add', 'path': '/colour', 'value': 'red'}],
            headers={'Content-Type': kind}))
        found = {}
        for (text,) in self.glance.sql(
                'select meta_data from image_locations where image_id = ? '
                'and deleted = 0', (image,)):
            metadata = json.loads(text)
            found[metadata['store']] = metadata
        for store, verdict in (('fast', 'good'), ('slow', 'corrupt')):
            self.assertEqual(verdict, found[store]['glance_ext_verdict'])
            self.assertRegex(found[store]['glance_ext_verified_at'],
                             r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')


class WithoutHashTest(verify_life.VerifyCase):
    def bare(self, stores=verify_life.VerifyCase.STORES):
        return self.glance.legacy(DATA, stores=stores)

    def test_a_single_copy_is_refused_and_told_to_calculate_one(self):
        answer = self.expect(409, self.ask(self.bare(['fast'])))
        self.assertIn('calculate its hash first', answer.text)
        answer = self.ask(self.bare(), stores=['fast'])
        self.assertEqual(409, answer.status)

    def test_copies_that_are_the_same_are_good(self):
        self.good(self.verify(self.bare()))

    def test_nobody_knows_which_of_two_that_differ_is_right(self):
        image = self.bare()
        self.damage(image, DAMAGE['bit'][0])
        found = self.bad(self.verify(image, repair=True),
                         fast='unproven', slow='unproven')
        self.assertEqual('No copy is proven to be good',
                         found['slow']['not_repaired'])
        self.assertEqual(verify_life.flip(DATA),
                         self.glance.store_file('slow', image).read_bytes())

    def test_a_checksum_decides_where_there_is_one(self):
        image = self.glance.legacy(DATA, 'checksum', stores=self.STORES)
        self.damage(image, DAMAGE['bit'][0])
        self.bad(self.verify(image), fast='good', slow='corrupt')
        self.good(self.verify(image, stores=['fast']), 'fast')

    def test_an_unknown_algorithm_is_unverifiable(self):
        image = self.image()
        self.set_columns(image, os_hash_algo='md2')
        self.failed('hash_unverifiable', self.verify(image))


class AnswerTest(verify_life.VerifyCase):
    def test_who_may(self):
        image = self.glance.upload(DATA, MEMBER, visibility='private')
        for user, status in ((None, 401), (MEMBER, 403),
                             (cases.OTHER, 404), (cases.ADMIN, 202)):
            answer = self.glance.request(
                'POST', f'/v2/images/{image}/verify', user=user)
            self.assertEqual(status, answer.status, answer.text)
        self.ended(answer.json['id'])
        self.assertTrue(answer.headers['Location'].startswith(
            f'{self.glance.url}/v2/image-actions/'))

    def test_what_cannot_be_asked_is_refused(self):
        image = self.image()
        for body in ({'stores': []}, {'stores': ['cold']},
                     {'stores': ['nowhere']}, {'stores': 'fast'},
                     {'repair': 1}, {'how': 'fast'}):
            with self.subTest(body):
                self.expect(400, self.ask(image, **body))
        self.expect(409, self.ask(self.glance.create()['id']))
        self.expect(404, self.ask(cases.ABSENT))
        self.expect(405, self.get(f'/v2/images/{image}/verify'))


class SingleStoreTest(verify_life.VerifyCase):
    arguments = {'config': {'DEFAULT': {'http_retries': 0}}, 'stores': ()}

    def test_the_one_copy_is_verified_and_stores_are_refused(self):
        image = self.glance.upload(DATA)
        self.good(self.verify(image), 'default')
        self.expect(400, self.ask(image, stores=['fast']))
        self.damage(image, DAMAGE['bit'][0], store=None)
        self.bad(self.verify(image, repair=True), default='corrupt')
