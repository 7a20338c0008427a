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
"""The digests that a server reports of what it was sent."""

import base64
import hashlib
import unittest

from glance_ext.transfer import reported

MD5 = hashlib.md5(b'data')
SHA256 = hashlib.sha256(b'data')


def encoded(digest) -> str:
    return base64.b64encode(digest.digest()).decode()


class DigestsTest(unittest.TestCase):

    def check(self, expected: dict[str, str], **headers: str) -> None:
        self.assertEqual(expected, reported.digests({
            name.replace('_', '-'): value
            for name, value in headers.items()}))

    def test_headers_that_name_their_algorithm(self):
        md5, sha256 = {'md5': MD5.hexdigest()}, {'sha256': SHA256.hexdigest()}
        self.check(md5, content_md5=encoded(MD5))
        self.check(sha256, x_amz_checksum_sha256=encoded(SHA256))
        self.check(md5, x_goog_hash=f'crc32c=n03x6A==,md5={encoded(MD5)}')
        self.check(md5 | sha256, repr_digest=f'md5=:{encoded(MD5)}:, '
                                             f'sha-256=:{encoded(SHA256)}:')

    def test_an_etag_of_swift_or_of_a_plain_object_of_s3(self):
        tag = f'"{MD5.hexdigest()}"'
        found = {'md5': MD5.hexdigest()}
        self.check(found, etag=tag, x_trans_id='tx')
        self.check(found, etag=tag, x_amz_request_id='1')
        self.check(found, etag=tag, x_amz_request_id='1',
                   x_amz_server_side_encryption='AES256')

    def test_an_etag_that_is_no_md5(self):
        tag = f'"{MD5.hexdigest()}"'
        self.check({}, etag=tag)
        self.check({}, etag=f'"{MD5.hexdigest()}-2"', x_amz_request_id='1')
        self.check({}, etag=tag, x_amz_request_id='1',
                   x_amz_server_side_encryption='aws:kms')
        self.check({}, etag=tag, x_amz_request_id='1',
                   x_amz_server_side_encryption_customer_algorithm='AES256')

    def test_nonsense(self):
        self.check({}, content_md5='ä', repr_digest='md5', x_goog_hash='=',
                   x_amz_checksum_crc32='AAAAAA==')
