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

"""The image services on a real Glance, and on version 1 over it."""

import contextlib
import hashlib
import io
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

from oslo_config import cfg

from glance_ext.compat import errors
from tests.harness import compat
from tests.harness import pages
from tests.harness import venvs
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER
from tests.harness.users import OTHER
from tests.harness.users import User

# Where V2Test finds a Glance that another process has booted.
URL = 'GLANCE_EXT_TEST_COMPAT_URL'
RAW = {'disk_format': 'raw', 'container_format': 'bare'}
MAPPING = [{'device_name': 'vda', 'boot_index': 0, 'volume_size': None}]


class Calls:
    """What holds of both services."""

    v1 = False

    def setUp(self):
        self.url = os.environ.get(URL) or compat.shared().url
        self.service = compat.service(self.url, self.v1)
        self.context = compat.context(MEMBER)

    def create(self, data=b'data', **image):
        return self.service.create(self.context, RAW | image, data)

    def show(self, image, user=MEMBER):
        return self.service.show(compat.context(user), image['id'])

    def update(self, image, wanted, **how):
        return self.service.update(self.context, image['id'], wanted, **how)

    def test_an_image_from_its_creation_to_its_deletion(self):
        made = self.create(name='a', properties={'os_type': 'linux'})
        self.assertEqual(('active', 4), (made['status'], made['size']))
        self.assertEqual({'os_type': 'linux'}, made['properties'])
        self.assertFalse(made['is_public'])
        self.assertEqual(hashlib.md5(b'data').hexdigest(), made['checksum'])
        self.assertEqual(made, self.show(made))
        self.assertTrue(self.service.delete(self.context, made['id']))
        with self.assertRaises(errors.ImageNotFound):
            self.show(made)
        with self.assertRaises(errors.ImageNotFound):
            self.service.delete(self.context, made['id'])

    def test_creation_in_two_steps(self):
        made = self.create(None, name='a', properties={'a': 'b'})
        self.assertEqual(('queued', 0), (made['status'], made['size']))
        found = self.update(made, {}, data=io.BytesIO(b'later'),
                            purge_props=False)
        self.assertEqual(('active', 5), (found['status'], found['size']))
        self.assertEqual({'a': 'b'}, found['properties'])

    def test_an_active_image_of_no_bytes(self):
        made = self.service.create(self.context, {'size': 0})
        self.assertEqual(('active', 0), (made['status'], made['size']))
        self.assertEqual([], list(self.service.download(
            self.context, made['id'])))

    def test_data_from_whatever_it_comes(self):
        for data in (b'abc', io.BytesIO(b'abc'), iter([b'a', b'bc'])):
            made = self.create(data)
            self.assertEqual(3, made['size'])

    def test_an_update_with_and_without_purge(self):
        made = self.create(None, properties={'a': '1', 'b': '2'})
        kept = self.update(made, {'properties': {'c': '3'}},
                           purge_props=False)
        self.assertEqual({'a': '1', 'b': '2', 'c': '3'}, kept['properties'])
        purged = self.update(made, {'properties': {'c': '4'}})
        self.assertEqual({'c': '4'}, purged['properties'])
        self.assertEqual({'c': '4'}, self.show(made)['properties'])
        gone = self.update(made, {'properties': {'c': None}},
                           purge_props=False)
        self.assertEqual({}, gone['properties'])

    def test_what_was_read_can_be_written_back(self):
        made = self.create(
            name='x', properties={'block_device_mapping': MAPPING, 'p': '5%'}
        )
        self.assertEqual(MAPPING, made['properties']['block_device_mapping'])
        again = self.update(made, self.show(made))
        self.assertEqual(made | {'updated_at': again['updated_at']}, again)

    def test_downloads_to_a_file_to_a_path_and_as_chunks(self):
        made = self.create(b'x' * 3000000)
        file = io.BytesIO()
        with tempfile.NamedTemporaryFile() as path:
            for how in ({'data': file}, {'dst_path': path.name}):
                self.assertIsNone(self.service.download(
                    self.context, made['id'], **how))
            self.assertEqual(file.getvalue(), path.read())
        chunks = self.service.download(self.context, made['id'])
        self.assertEqual(b'x' * 3000000, b''.join(chunks))

    def test_a_signature_is_never_taken_for_verified(self):
        made = self.create()
        with self.assertRaises(errors.CertificateValidationFailed):
            self.service.download(
                self.context, made['id'], trusted_certs=['x'])

    def test_the_owner_of_an_instance_becomes_a_member(self):
        meta = RAW | {'properties': {'instance_owner': OTHER.project}}
        made = self.service.create(self.context, meta, b'data')
        self.assertEqual({}, made['properties'])
        self.assertEqual({'instance_owner': OTHER.project},
                         meta['properties'], 'the caller keeps its own')
        self.assertEqual(made['id'], self.show(made, OTHER)['id'])

    def test_another_project_sees_nothing(self):
        made = self.create(is_public=False)
        other = compat.context(OTHER)
        for call, *args in (
            ('show', made['id']), ('download', made['id']),
            ('update', made['id'], {'name': 'x'}), ('delete', made['id']),
        ):
            with self.subTest(call), self.assertRaises(errors.ImageNotFound):
                getattr(self.service, call)(other, *args)

    def test_filters_by_any_property(self):
        name = str(uuid.uuid4())
        for key in ('os_type', 'prop', 'type', 'yes', 'limit', 'size_min'):
            made = self.create(None, name=name, properties={key: 'x'})
            found = self.service.detail(
                self.context,
                filters={f'property-{key}': 'x', 'name': name},
            )
            self.assertEqual([made['id']], [each['id'] for each in found])

    def test_is_public_filters(self):
        user = User(f'lister{self.v1}', f'listers{self.v1}', ('member',
                                                              'reader'))
        lister = compat.context(user)
        made = self.service.create(lister, RAW, b'x')
        public = self.service.create(
            compat.context(ADMIN),
            RAW | {'is_public': True, 'name': 'public'},
            b'x',
        )
        for value, expected in ((None, True), ('none', True)):
            found = self.service.detail(lister, filters={'is_public': value})
            ids = {image['id'] for image in found}
            self.assertEqual(expected, {made['id'], public['id']} <= ids)
        if not self.v1:  # v1 filters so for administrators alone
            found = self.service.detail(lister, filters={'is_public': 'no'})
            self.assertEqual([made['id']], [image['id'] for image in found])

    def test_pages(self):
        user = User(f'pager{self.v1}', f'pagers{self.v1}', ('member',
                                                            'reader'))
        pager = compat.context(user)
        ids = [
            self.service.create(pager, {'name': str(n)})['id']
            for n in range(5)
        ]
        filters = {'status': 'queued'}
        for how, expected in (
            ({}, ids[::-1]),
            ({'page_size': 2}, ids[::-1]),
            ({'limit': 3}, ids[:1:-1]),
            ({'limit': 3, 'page_size': 1}, ids[:1:-1]),
            ({'marker': ids[3]}, ids[2::-1]),
            ({'sort_key': 'name', 'sort_dir': 'asc'}, ids),
        ):
            with self.subTest(how):
                found = self.service.detail(pager, filters=filters, **how)
                self.assertEqual(expected, [image['id'] for image in found])
        with self.assertRaises(errors.Invalid):
            self.service.detail(pager, marker='x')

    def test_errors_say_what_is_wrong(self):
        made = self.create()
        for image, expected in (
            (RAW | {'id': made['id']}, errors.Conflict),
            ({'disk_format': 'bad'}, errors.Invalid),
            ({'name': 'x' * 256}, errors.Invalid),
            ({'min_ram': 'x'}, errors.Invalid),
            (RAW | {'is_public': True}, errors.Forbidden),
        ):
            with self.subTest(image), self.assertRaises(expected):
                self.service.create(self.context, image)
        with self.assertRaises(errors.Conflict):
            self.update(made, {}, data=b'again')
        self.update(made, {'protected': True})
        with self.assertRaises(errors.ImageNotAuthorized):
            self.service.delete(self.context, made['id'])

    def test_an_id_that_is_none_leads_nowhere(self):
        for name in ('', '.', '..', '../..', 'a/b', '?x', '%2e%2e', 'a\nb'):
            with self.subTest(name), self.assertRaises(errors.ImageNotFound):
                self.service.show(self.context, name)


class V2Test(Calls, unittest.TestCase):
    """Version 2, also where there is no version 1 in the package."""

    def test_a_custom_property_named_like_a_base_one_is_ignored(self):
        for image in (
            {'name': 'outer', 'properties': {'name': 'inner'}},
            {'properties': {'name': 'inner'}, 'name': 'outer'},
            {'name': 'outer', 'properties': {'owner': 'x', 'size': '1',
                                             'created_at': 'x'}},
        ):
            made = self.service.create(self.context, image)
            self.assertEqual(('outer', {}, MEMBER.project, 0),
                             (made['name'], made['properties'],
                              made['owner'], made['size']))

    def test_no_bytes_are_raw(self):
        with self.assertRaises(errors.ImageBadRequest):
            self.service.create(
                self.context,
                {'size': 0, 'disk_format': 'qcow2',
                 'container_format': 'bare'})

    def test_an_image_without_data_has_none_to_download(self):
        made = self.create(None)
        with self.assertRaises(errors.ImageUnacceptable):
            self.service.download(self.context, made['id'])

    def test_a_refused_location_names_the_option_and_the_policies(self):
        for url in ('file:///etc/passwd', 'http://169.254.169.254/secret'):
            with self.assertRaises(errors.ImageServiceError) as caught:
                self.create(None, location=url)
            text = str(caught.exception)
            self.assertNotIn(url, text)
            for word in ('show_multiple_locations', 'add_image_location',
                         'set_image_location'):
                self.assertIn(word, text)

    def test_a_write_unshares_nothing(self):
        glance = compat.shared()
        for visibility in ('shared', 'community', 'private'):
            image = glance.create(MEMBER, visibility=visibility)
            self.update(image, self.show(image))
            found = glance.image(image['id'])['visibility']
            self.assertEqual(visibility, found)

    def test_a_purge_leaves_what_is_reserved(self):
        glance = compat.shared()
        made = self.create(None, properties={'a': 'b'})
        glance.sql(
            'insert into image_properties (image_id, name, value, '
            "created_at, deleted) values (?, 'os_glance_x', 'x', "
            "'2026-01-01 00:00:00', 0)", (made['id'],))
        found = self.update(made, {'properties': {'c': 'd'}})
        self.assertEqual({'c': 'd', 'os_glance_x': 'x'}, found['properties'])

    def test_a_custom_location(self):
        with compat.FarAway() as web:
            made = self.create(None, location=web.url + '/x')
            found = compat.shared()
            for _ in range(100):
                if found.image(made['id'])['status'] == 'active':
                    break
        self.assertEqual('active', found.image(made['id'])['status'])


class V1Test(Calls, unittest.TestCase):
    """Version 1, spoken to our own face of it."""

    v1 = True


class PageTest(unittest.TestCase):
    def test_its_example_makes_an_image(self):
        page = pages.SOURCE / 'user' / 'image-service.rst'
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, 'glance-images.conf').write_text(
                f'[glance]\napi_servers = {compat.shared().url}\n')
            with contextlib.chdir(directory):
                self.addCleanup(cfg.CONF.reset)
                shown = {'token': MEMBER.token, 'project': MEMBER.project}
                exec(pages.program(page), shown)
        found = compat.shared().image(shown['image']['id'])
        self.assertEqual(('new', 'active', 'linux'), (
            found['name'], found['status'], found['os_type']))


class WithoutV1Test(unittest.TestCase):
    def test_version_2_works_when_version_1_is_deleted(self):
        with tempfile.TemporaryDirectory() as directory:
            here = Path(directory)
            shutil.copytree(venvs.ROOT / 'glance_ext', here / 'glance_ext')
            shutil.rmtree(here / 'glance_ext' / 'compat' / 'v1')
            (here / 'tests').symlink_to(venvs.ROOT / 'tests')
            done = subprocess.run(
                [
                    sys.executable, '-W', 'ignore', '-m', 'unittest', '-v',
                    '-k', 'V2Test.test_an_image_from_its_creation',
                    '-k', 'V2Test.test_an_update',
                    '-k', 'V2Test.test_downloads',
                    '-k', 'V2Test.test_filters',
                    'tests.functional.test_compat_service',
                ],
                cwd=here,
                env=os.environ | {URL: compat.shared().url},
                capture_output=True,
                text=True,
            )  # fmt: skip
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn('Ran 4 tests', done.stderr)
