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
"""Imports from a real Swift and S3, and exports to both."""

import hashlib
import json
from urllib import parse

import boto3
from botocore import config as boto_config
from swiftclient import utils

from tests.functional import disks
from tests.functional import import_requests
from tests.harness.backends import swift
from tests.harness.users import MEMBER

DATA = disks.qcow2(size=3 * disks.MIB)


class ObjectStoreTest(import_requests.RequestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.swift = cls.enterClassContext(swift.Swift())
        cls.swift.request('PUT', 'private')
        cls.swift.request('PUT', 'private', 'disks/a.qcow2', body=DATA)
        cls.s3 = boto3.client(
            's3', endpoint_url=cls.swift.url, region_name='us-east-1',
            aws_access_key_id=swift.USER,
            aws_secret_access_key=swift.PASSWORD,
            config=boto_config.Config(
                signature_version='s3v4', s3={'addressing_style': 'path'}))
        cls.s3.create_bucket(Bucket='bucket')

    def from_swift(self, path):
        host = parse.urlsplit(self.swift.url).netloc
        catalog = [{'type': 'object-store', 'endpoints': [
            {'publicURL': f'{self.swift.url}/v1/{swift.ACCOUNT}'}]}]
        return self.begin(f'swift://{host}/{path}', headers={
            'X-Auth-Token': self.swift._identity.token,
            'X-Harness-User': MEMBER.token,
            'X-Service-Catalog': json.dumps(catalog)})

    def imported(self, path):
        found = self.wait(path)
        self.assertEqual('success', found['status'], found)
        image = self.glance.image(
            found['image_ref'].rpartition('/')[2], MEMBER)
        self.assertEqual(hashlib.sha512(DATA).hexdigest(),
                         image['os_hash_value'])
        return image['id']

    def test_a_private_container_with_ones_own_token(self):
        self.imported(self.from_swift(
            f'{swift.ACCOUNT}/private/disks/a.qcow2'))

    def test_somebody_elses_container_is_refused_by_swift(self):
        self.assertRegex(
            self.refused(self.from_swift('AUTH_other/private/a')),
            'Received 403 response for url')

    def test_from_s3_and_to_s3_by_presigned_urls(self):
        self.s3.put_object(Bucket='bucket', Key='a', Body=DATA)
        image = self.imported(self.begin(self.s3.generate_presigned_url(
            'get_object', {'Bucket': 'bucket', 'Key': 'a'})))
        self.exported(image, self.s3.generate_presigned_url(
            'put_object', {'Bucket': 'bucket', 'Key': 'b'}))
        found = self.s3.get_object(Bucket='bucket', Key='b')['Body'].read()
        self.assertEqual(DATA, found)

    def test_to_swift_by_a_tempurl(self):
        self.swift.request('POST', '', headers={
            'X-Account-Meta-Temp-URL-Key': 'key'})
        image = self.imported(self.from_swift(
            f'{swift.ACCOUNT}/private/disks/a.qcow2'))
        path = f'/v1/{swift.ACCOUNT}/private/b'
        self.exported(image, self.swift.url + self.signed(path))
        self.assertEqual(DATA, self.swift.request(
            'GET', 'private', 'b').body)

    def signed(self, path):
        return utils.generate_temp_url(path, 600, 'key', 'PUT',
                                       digest='sha256')

    def exported(self, image, location):
        place = self.expect(201, self.glance.request(
            'POST', f'/v2/images/{image}/export', {'location': location},
            user=MEMBER)).headers['Location']
        action = self.glance.wait_action(place.rpartition('/')[2])
        self.assertEqual('success', action['status'], action)
        self.assertEqual(['md5'], action['result']['verified_by'])
