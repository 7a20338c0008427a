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
"""Disks that refer to other files, through every call that converts."""

import shutil
import socket
import unittest

from tests.functional import crafted
from tests.functional import disks
from tests.functional import import_requests
from tests.functional.import_life import downloading
from tests.harness.backends import http_raw
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER

SECRET = b'of the host, and of nobody else. ' * 4096
QUOTA = 100 * disks.MIB


def setUpModule():
    if shutil.which('qemu-img') is None:
        raise unittest.SkipTest('skipped: qemu-img absent')


class AttackCase(import_requests.RequestCase):
    """A file of the host, and a server, that nobody may be led to."""

    def setUp(self):
        super().setUp()
        secret = self.glance.directory / 'etc' / 'secret'
        secret.write_bytes(SECRET)
        self.listener = self.enterContext(socket.create_server(
            ('127.0.0.1', 0)))
        self.listener.setblocking(False)
        self.addCleanup(self.see_no_connection)
        self.sent = []

        def answer(headers, body):
            self.sent.append(body)
            return http_raw.answer(201)
        self.target = self.enterContext(http_raw.Server(answer))
        self.bait = crafted.Bait(
            str(secret), '../../../etc/secret',
            self.listener.getsockname()[1])

    def see_no_connection(self):
        with self.assertRaises(BlockingIOError):
            self.listener.accept()

    def disks(self, staged=''):
        """Return some of each kind; the others need no server."""
        found = [
            ('qcow2', crafted.qcow2(backing=reference))
            for name, reference in self.bait.references()
            if name in ('absolute', 'json: of a file', 'nbd://')]
        found += [
            ('qcow2', crafted.qcow2(backing=f'../../{staged}')),
            ('qcow2', crafted.qcow2((
                0x44415441, self.bait.absolute.encode()), incompatible=4)),
            ('vmdk', crafted.sparse(crafted.descriptor(
                f'RW 8 FLAT "{self.bait.absolute}" 0'), capacity=0)),
            ('vmdk', crafted.sparse(crafted.descriptor(crafted.OWN, more=(
                f'# parentFileNameHint="{self.bait.relative}"')))),
            ('vhd', crafted.vhd(4)), ('vdi', crafted.vdi(4))]
        return found

    def stage(self):
        """Have something of another project lie in staging."""
        image = self.glance.create(user=ADMIN)['id']
        self.expect(204, self.glance.request(
            'PUT', f'/v2/images/{image}/stage', body=SECRET, headers={
                'Content-Type': 'application/octet-stream'}))
        return image

    def assertPlain(self, message):
        self.assertRegex(
            message, r'^The data (is not|looks like)|; only self-contained '
                     r'images can be converted$')
        for word in 'secret', '127.0.0.1', str(self.glance.directory):
            self.assertNotIn(word, message)

    def export(self, image, wanted='raw'):
        place = self.expect(201, self.glance.request(
            'POST', f'/v2/images/{image}/export', {
                'location': f'{self.target.url}/x', 'disk_format': wanted},
            user=MEMBER)).headers['Location']
        return self.wait(place.removeprefix(self.glance.url))


class ExportTest(AttackCase):
    """Data of which Glance has not seen a byte."""

    arguments = {'stores': ('fast', 'web:http'), 'config': {
        'DEFAULT': {'http_retries': 0, 'show_multiple_locations': True,
                    'image_size_cap': disks.GIB}}}

    def at(self, uri, disk_format):
        image = self.glance.create(
            user=MEMBER, disk_format=disk_format)['id']
        self.expect(200, self.glance.request(
            'PATCH', f'/v2/images/{image}', [
                {'op': 'add', 'path': '/locations/-', 'value': {
                    'url': uri, 'metadata': {}}}],
            user=MEMBER, headers={
                'Content-Type':
                    'application/openstack-images-v2.1-json-patch'}))
        return image

    def test_data_that_came_by_a_location(self):
        staged = self.stage()
        for number, (disk_format, data) in enumerate(self.disks(staged)):
            with self.subTest(number, disk_format=disk_format):
                uri = self.server.serve(f'/{self.id()}/{number}', data)
                found = self.export(self.at(uri, disk_format))
                self.assertEqual('failure', found['status'], found)
                self.assertPlain(found['message'])
        self.assertEqual(0, len(self.sent))

    def test_data_that_was_uploaded(self):
        # What a release of Glance refuses to take cannot be exported.
        for number, (disk_format, data) in enumerate(self.disks()):
            with self.subTest(number, disk_format=disk_format):
                image = self.glance.create(
                    user=MEMBER, disk_format=disk_format)['id']
                answer = self.glance.request(
                    'PUT', f'/v2/images/{image}/file', body=data, headers={
                        'Content-Type': 'application/octet-stream'},
                    user=MEMBER)
                if answer.status == 204:
                    found = self.export(image)
                    self.assertEqual('failure', found['status'], found)
                    self.assertPlain(found['message'])
        self.assertEqual(0, len(self.sent))

    def test_a_disk_of_its_own_is_converted(self):
        uri = self.server.serve(f'/{self.id()}', crafted.sparse(
            crafted.descriptor(crafted.OWN)))
        found = self.export(self.at(uri, 'vmdk'))
        self.assertEqual('success', found['status'], found)
        self.assertEqual([bytes(disks.MIB)], self.sent)


class ImportTest(AttackCase):
    """Image imports, and Glance's plugin in web-downloads."""

    arguments = {'config': {
        'DEFAULT': {'http_retries': 0, 'image_size_cap': disks.GIB},
        'image_import_opts': {'image_import_plugins':
                              "['image_conversion']"},
        'image_conversion': {'output_format': 'raw'},
        'glance_ext': {'verifiers': 'size,digest,safety,conversion'}}}

    def test_image_imports(self):
        staged = self.stage()
        for number, (disk_format, data) in enumerate(self.disks(staged)):
            with self.subTest(number, disk_format=disk_format):
                path = self.begin(
                    self.server.serve(f'/{self.id()}/{number}', data),
                    image_properties={'disk_format': disk_format})
                self.assertPlain(self.refused(path))

    def test_web_downloads(self):
        for number, (disk_format, data) in enumerate(self.disks()):
            with self.subTest(number, disk_format=disk_format):
                image = self.glance.create(
                    user=MEMBER, disk_format=disk_format)['id']
                uri = self.server.serve(f'/{self.id()}/{number}', data)
                answer = self.expect(202, self.glance.request(
                    'POST', f'/v2/images/{image}/import', downloading(uri),
                    user=MEMBER))
                action = self.glance.wait_action(answer.json['id'])
                self.assertEqual('failure', action['status'], action)
                self.assertPlain(action['error']['message'])


class CheckedImportTest(AttackCase):
    """Image imports as they are by default, without a conversion."""

    def test_image_imports(self):
        # Some pass as an image that nothing of the host is in.
        for number, (disk_format, data) in enumerate(self.disks()):
            with self.subTest(number, disk_format=disk_format):
                path = self.begin(
                    self.server.serve(f'/{self.id()}/{number}', data),
                    image_properties={'disk_format': disk_format})
                found = self.wait(path)
                if found['status'] == 'failure':
                    self.assertPlain(found['message'])
                else:
                    image = found['image_ref'].rpartition('/')[2]
                    self.assertEqual(data, self.glance.download(image))


class QuotaTest(AttackCase):
    """Every limit is asked for the size of the result."""

    arguments = {'config': {'DEFAULT': {
        'http_retries': 0, 'user_storage_quota': str(QUOTA)}}}

    def test_an_export_that_becomes_more_than_the_quota(self):
        image = self.glance.upload(
            disks.qcow2(2 * disks.GIB, size=384 << 10), user=MEMBER,
            disk_format='qcow2')
        self.addCleanup(self.glance.request, 'DELETE',
                        f'/v2/images/{image}', user=MEMBER)
        found = self.export(image)
        self.assertRegex(
            found['message'], r'^The result of the conversion from qcow2 to '
            r'raw may have 2147483648 bytes; user_storage_quota allows')
        self.assertEqual(0, len(self.sent))


class UwsgiTest(AttackCase):
    """A server that is no Python interpreter, and names none."""

    def setUp(self):
        self.arguments = {'server': 'uwsgi', 'config': {
            'DEFAULT': {'http_retries': 0},
            'wsgi': {'python_interpreter': None}}}
        super().setUp()

    def test_a_conversion_says_which_option_is_missing(self):
        image = self.glance.upload(disks.qcow2(), user=MEMBER,
                                   disk_format='qcow2')
        found = self.export(image)
        self.assertIn('[wsgi] python_interpreter is not set',
                      found['message'])


