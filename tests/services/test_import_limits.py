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
"""Keystone's limits, asked by Glance's code before an import begins."""

import shutil
import unittest

from tests.functional import disks
from tests.functional.hash_life import until
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import glance
from tests.harness import keystone
from tests.harness.backends import http
from tests.harness.users import MEMBER

MIB = 1 << 20


def setUpModule():
    """Boot one Keystone with limits, and one Glance that heeds them."""
    people = keystone.Keystone().start()
    unittest.addModuleCleanup(people.stop)
    server = LimitsTest.own = glance.Glance(
        auth='keystone', keystone=people, stores=STORES, config=changed())
    unittest.addModuleCleanup(server.stop)
    server.start()
    people.publish(server.url)
    server.restart(people.limit(
        image_size_total=1, image_stage_total=1, image_count_total=100,
        image_count_uploading=1))


class LimitsTest(ImportCase):
    """Of each project: 1 MiB of images, and one that is being uploaded."""

    own: glance.Glance

    def setUp(self):
        self.glance = self.own
        self.addCleanup(self.glance.clear_faults)
        self.server = self.enterContext(http.Server())

    def fill(self):
        """Use up the limit; return an image.

        What is less than a MiB Glance lets everybody upload.
        """
        for _ in range(3):
            image = self.glance.upload(bytes(900 << 10), stores=('fast',))
            self.addCleanup(self.delete, image)
        return image

    def delete(self, image):
        self.glance.request('DELETE', f'/v2/images/{image}')

    def test_a_project_with_too_much_gets_no_copy(self):
        image = self.fill()
        self.assertIn('image_size_total', self.refused(
            413, image, copying('slow')))
        self.refused(413, image, copying('slow', dry_run=True))

    def test_nor_a_download(self):
        self.fill()
        image = self.glance.create()['id']
        uri = self.server.serve('/image', bytes(1000))
        self.assertIn('image_size_total', self.refused(
            413, image, downloading(uri, 'slow')))
        self.assertEqual([], self.server.requests)

    def test_the_plan_tells_of_limits_and_usage(self):
        image = self.glance.upload(bytes(MIB), stores=('fast',))
        self.addCleanup(self.delete, image)
        found = self.ask(image, copying('slow', dry_run=True)).json['quota']
        self.assertEqual(
            {'limit': 1, 'usage': 1}, found['usage']['image_size_total'])
        self.assertCopied(self.copy(image, 'slow'), image, 'slow',
                          data=bytes(MIB))

    def test_image_imports_count_as_well(self):
        held, answer = [], None
        while answer is None or answer.status == 201:
            answer = self.glance.request('POST', '/v2/image-imports', {})
            held.append(answer.headers.get('Location'))
        self.assertEqual(413, answer.status, answer.text)
        image = self.glance.create()['id']
        self.addCleanup(self.delete, image)
        uri = self.server.serve('/image', bytes(1000))
        self.assertIn('image_count_uploading', self.refused(
            413, image, downloading(uri, 'slow')))
        for location in held[:-1]:
            self.assertEqual(204, self.glance.request(
                'DELETE', location.removeprefix(self.glance.url)).status)
        self.assertEqual('success', self.run_import(
            image, downloading(uri, 'slow'))['status'])

    def test_a_conversion_for_an_export_needs_room_in_staging(self):
        image = self.glance.upload(bytes(MIB), stores=('fast',))
        self.addCleanup(self.delete, image)
        fault = self.glance.fault('stall', image=image, at=1000)
        body = {'location': f'{self.server.url}/image',
                'disk_format': 'qcow2'}
        path = f'/v2/images/{image}/export'
        first = self.glance.request('POST', path, body)
        self.assertEqual(201, first.status, first.text)
        until(lambda: self.glance.fired(fault))
        answer = self.glance.request('POST', path, body)
        self.assertEqual(413, answer.status, answer.text)
        self.assertIn('image_stage_total', answer.text)
        self.glance.clear_faults()
        # What is not converted is not staged.
        again = self.glance.request(
            'POST', path, {'location': body['location']})
        self.assertEqual(201, again.status, again.text)

    @unittest.skipUnless(shutil.which('qemu-img'), 'skipped: no qemu-img')
    def test_staging_is_asked_for_what_a_conversion_makes(self):
        image = self.glance.upload(
            disks.qcow2(virtual_size=2 * disks.GIB, size=384 << 10),
            stores=('fast',), disk_format='qcow2')
        self.addCleanup(self.delete, image)
        answer = self.glance.request(
            'POST', f'/v2/images/{image}/export', {
                'location': f'{self.server.url}/image',
                'disk_format': 'raw'})
        self.assertEqual(201, answer.status, answer.text)
        action = self.glance.wait_action(
            answer.headers['Location'].rpartition('/')[2])
        self.assertEqual('image_too_large', action['error']['code'])
        self.assertRegex(
            action['error']['message'], 'image_(size|stage)_total')

    def test_as_many_imports_as_the_limit_and_another_project_beside(self):
        # Glance answers 202 for the second one, and has it fail.
        uri = self.server.serve('/image', bytes(1000))
        first = self.glance.create()['id']
        self.addCleanup(self.delete, first)
        action, fault = self.stalled(
            first, downloading(uri, 'slow'), 'add', at=0)
        second = self.glance.create()['id']
        self.addCleanup(self.delete, second)
        self.assertIn('image_count_uploading', self.refused(
            413, second, downloading(uri, 'slow')))
        other = self.glance.create(user=MEMBER)['id']
        self.assertEqual('success', self.glance.wait_action(self.begin(
            other, downloading(uri, 'slow'), user=MEMBER))['status'])
        self.assertEqual('success', self.go_on(action, fault)['status'])
        self.assertEqual('success', self.run_import(
            second, downloading(uri, 'slow'))['status'])
