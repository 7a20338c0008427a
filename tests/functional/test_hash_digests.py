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
"""What is calculated, and how it fits what an image has recorded."""

import hashlib
import random

from tests.functional import cases

SIZES = (0, 1, 65535, 65536, 65537, 5 << 20)
ALGORITHMS = ('sha512', 'sha256', 'sha1', 'blake2b', 'sha3_512')

DATA = random.Random(1).randbytes(200_000)
MD5 = hashlib.md5(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()


class DigestTest(cases.HashCase):
    """Against hashlib, from the bytes that were uploaded."""

    def check(self, data, algorithm):
        image = self.glance.legacy(data)
        result = self.succeeded(self.hash(image, os_hash_algo=algorithm))
        expected = (hashlib.md5(data).hexdigest(), algorithm,
                    hashlib.new(algorithm, data).hexdigest())
        self.assertEqual(expected, self.digests(image))
        self.assertEqual(
            dict(zip(('checksum', 'os_hash_algo', 'os_hash_value'), expected,
                     strict=True), image_id=image, size=len(data)), result)
        shown = self.glance.image(image)
        self.assertEqual(expected, tuple(map(shown.get, (
            'checksum', 'os_hash_algo', 'os_hash_value'))))

    def test_every_size(self):
        for size in SIZES:
            data = random.Random(size).randbytes(size)
            for algorithm in ALGORITHMS:
                with self.subTest(size=size, algorithm=algorithm):
                    self.check(data, algorithm)

    def test_every_algorithm_that_is_offered(self):
        offered = self.get('/v2/info/glance-ext').json['hash_algorithms']
        self.assertLess(set(ALGORITHMS), set(offered))
        for algorithm in offered:
            with self.subTest(algorithm):
                self.check(DATA, algorithm)

    def test_progress_ends_at_the_size(self):
        for size, percent in ((0, None), (1, 100), (5 << 20, 100)):
            with self.subTest(size=size):
                action = self.hash(self.glance.legacy(bytes(size)))
                progress = action['progress']
                self.assertEqual(size, progress['bytes_done'])
                self.assertEqual(size or None, progress['bytes_total'])
                self.assertEqual(percent, progress['percent'])

    def test_glance_verifies_the_data_by_what_was_recorded(self):
        image = self.glance.legacy(DATA)
        self.succeeded(self.hash(image))
        answer = self.get(f'/v2/images/{image}/file')
        self.assertEqual(DATA, answer.body)
        self.assertEqual(MD5, answer.headers['Content-MD5'])


class RecordedTest(cases.HashCase):
    """An image that has a part of it already."""

    def recorded(self, **columns):
        """Return an active image of DATA with these columns, others null."""
        image = self.glance.legacy(DATA)
        if columns:
            self.set_columns(image, **columns)
        return image

    def check_untouched(self, code, image, **asked):
        """See that the action fails and that the image stays as it was."""
        before = self.everything(image)
        action = self.hash(image, **asked)
        self.failed(code, action)
        self.assertEqual(before[0], self.everything(image)[0])
        self.assertIsNone(self.lock(image))
        self.assertEqual('active', self.glance.image(image)['status'])
        return action

    def test_only_a_checksum(self):
        image = self.recorded(checksum=MD5)
        self.succeeded(self.hash(image))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_half_a_hash(self):
        for half in ('sha512', 'sha256', 'unknown'):
            with self.subTest(half):
                image = self.recorded(os_hash_algo=half)
                self.succeeded(self.hash(image))
                self.assertEqual((MD5, 'sha512', SHA512),
                                 self.digests(image))

    def test_half_a_hash_and_a_checksum(self):
        image = self.recorded(os_hash_algo='sha512', checksum=MD5)
        self.succeeded(self.hash(image, os_hash_algo='sha256'))
        self.assertEqual((MD5, 'sha256', SHA256), self.digests(image))

    def test_an_empty_value_is_replaced_by_rehash_only(self):
        image = self.recorded(os_hash_algo='sha512', os_hash_value='')
        self.expect(409, self.post(image))
        self.succeeded(self.hash(image, rehash=True))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_a_wrong_checksum_ends_in_hash_mismatch(self):
        wrong = hashlib.md5(b'other').hexdigest()
        image = self.recorded(checksum=wrong)
        action = self.hash(image)
        self.failed('hash_mismatch', action)
        self.assertEqual((wrong, None, None), self.digests(image))
        self.assertEqual(1, action['attempt'])

    def test_a_wrong_checksum_beside_half_a_hash(self):
        wrong = hashlib.md5(b'other').hexdigest()
        image = self.recorded(checksum=wrong, os_hash_algo='sha512')
        self.failed('hash_mismatch', self.hash(image))
        self.assertEqual((wrong, None, None), self.digests(image))

    def test_rehash_gives_another_algorithm(self):
        image = self.glance.upload(DATA)
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))
        self.succeeded(self.hash(image, rehash=True, os_hash_algo='sha256'))
        self.assertEqual((MD5, 'sha256', SHA256), self.digests(image))

    def test_rehash_gives_the_checksum_that_was_not_there(self):
        image = self.recorded(os_hash_algo='sha512', os_hash_value=SHA512)
        self.succeeded(self.hash(image, rehash=True))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_rehash_of_an_image_without_a_hash(self):
        image = self.recorded()
        self.succeeded(self.hash(image, rehash=True))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_rehash_with_the_same_algorithm(self):
        image = self.glance.upload(DATA)
        self.succeeded(self.hash(image, rehash=True))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_rehash_against_a_wrong_hash(self):
        for algorithm in ('sha512', 'sha256'):
            with self.subTest(algorithm):
                image = self.recorded(checksum=MD5, os_hash_algo='sha256',
                                      os_hash_value=SHA256[::-1])
                action = self.check_untouched(
                    'hash_mismatch', image, rehash=True,
                    os_hash_algo=algorithm)
                self.assertIn('sha256', action['error']['message'])

    def test_rehash_against_a_wrong_checksum(self):
        image = self.recorded(checksum=MD5[::-1], os_hash_algo='sha512',
                              os_hash_value=SHA512)
        self.check_untouched('hash_mismatch', image, rehash=True)

    def test_rehash_of_damaged_data(self):
        image = self.glance.upload(DATA)
        path = self.glance.store_file('fast', image)
        path.write_bytes(b'\0' + DATA[1:])
        self.check_untouched('hash_mismatch', image, rehash=True)

    def test_rehash_against_an_algorithm_that_nobody_has(self):
        for algorithm in ('crc32', 'shake_128', ''):
            with self.subTest(algorithm):
                image = self.recorded(checksum=MD5, os_hash_algo=algorithm,
                                      os_hash_value='abcdef')
                self.check_untouched('hash_unverifiable', image, rehash=True)

    def test_rehash_against_a_value_without_an_algorithm(self):
        image = self.recorded(checksum=MD5, os_hash_value=SHA512)
        self.check_untouched('hash_unverifiable', image, rehash=True)

    def test_a_hash_in_upper_case_is_the_same_hash(self):
        image = self.recorded(checksum=MD5.upper(), os_hash_algo='sha512',
                              os_hash_value=SHA512.upper())
        self.succeeded(self.hash(image, rehash=True))
        self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))

    def test_rehash_changes_nothing_before_the_end(self):
        image = self.glance.upload(DATA)
        with self.reading(image, rehash=True, os_hash_algo='sha1') as action:
            self.assertEqual((MD5, 'sha512', SHA512), self.digests(image))
        self.succeeded(self.ended(action['id']))

    def test_the_algorithm_stands_there_before_the_end(self):
        image = self.recorded()
        with self.reading(image, os_hash_algo='sha1') as action:
            self.assertEqual((None, 'sha1', None), self.digests(image))
            shown = self.glance.image(image)
            self.assertEqual(('active', 'sha1', None), tuple(map(shown.get, (
                'status', 'os_hash_algo', 'os_hash_value'))))
        self.succeeded(self.ended(action['id']))

    def test_nothing_but_the_three_fields_is_written(self):
        image = self.glance.legacy(
            DATA, name='a name', tags=['one', 'two'], colour='blue')
        before = self.glance.image(image)
        self.succeeded(self.hash(image))
        after = self.glance.image(image)
        changed = {name for name in before | after
                   if before.get(name) != after.get(name)}
        self.assertLessEqual(changed, {
            'checksum', 'os_hash_algo', 'os_hash_value', 'updated_at'})
        self.assertLessEqual({'checksum', 'os_hash_algo', 'os_hash_value'},
                             changed)
