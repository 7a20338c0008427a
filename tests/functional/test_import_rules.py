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
"""What Glance asks of every image that it is given, asked of imports too."""

import tempfile

from tests.functional.download_life import DownloadCase
from tests.functional.hash_life import DATA
from tests.functional.import_life import STORES
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness import certificates
from tests.harness.users import ADMIN
from tests.harness.users import MEMBER


class SignatureTest(DownloadCase):
    """``img_signature`` and its companions."""

    arguments = {'stores': STORES, 'config': changed(key_manager={
        'backend': 'tests.harness.certificates.Certificates'})}

    def setUp(self):
        super().setUp()
        self.signer = certificates.Signer(self.glance.directory / 'etc')

    def test_a_download_that_is_signed(self):
        image = self.glance.create(**self.signer.sign(DATA))['id']
        uri = self.server.serve('/image', DATA)
        self.assertFetched(self.fetch(uri, 'fast', 'slow', image=image),
                           'fast', 'slow', image=image)

    def test_a_download_of_what_was_not_signed(self):
        self.image = self.glance.create(**self.signer.sign(DATA[1:]))['id']
        self.before = self.rows(self.image)
        uri = self.server.serve('/image', DATA)
        self.assertNotFetched(self.fetch(uri, 'fast', 'slow'),
                              'signature_invalid')

    def test_a_copy_of_what_is_signed(self):
        image = self.glance.upload(DATA, stores=('fast',),
                                   **self.signer.sign(DATA))
        self.assertCopied(self.copy(image, 'slow', 'cold'), image, 'slow',
                          'cold')

    def test_a_copy_of_what_was_not_signed(self):
        image = self.glance.upload(DATA, stores=('fast',))
        self.patch(image, *({
            'op': 'add', 'path': f'/{name}', 'value': value,
        } for name, value in self.signer.sign(DATA[1:]).items()))
        before, there = self.rows(image), self.objects(image)
        self.assertUndone(self.copy(image, 'slow', 'cold'),
                          'signature_invalid', before, there)


class ProtectedTest(DownloadCase):
    """Properties that only some roles may set, or see."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules = cls.enterClassContext(
            tempfile.NamedTemporaryFile('w', suffix='.conf'))
        for name, roles in (('^kept$', 'admin'), ('.*', '@')):
            rules.write(f'[{name}]\n' + ''.join(
                f'{what} = {roles}\n' for what in (
                    'create', 'read', 'update', 'delete')))
        rules.flush()
        cls.arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
            DEFAULT={'property_protection_file': rules.name},
            image_import_opts={'image_import_plugins':
                               "['inject_image_metadata']"},
            inject_metadata_properties={'inject': 'kept:by-plugin',
                                        'ignore_user_roles': 'nobody'})}

    def fetched(self, user):
        """Return a member's image, and the end of its import by somebody."""
        image = self.glance.create(user=MEMBER)['id']
        uri = self.server.serve('/image', DATA)
        return image, self.run_import(image, downloading(uri, 'fast'),
                                      user=user)

    def test_a_plugin_may_set_what_the_caller_may(self):
        image, action = self.fetched(ADMIN)
        self.assertFetched(action, 'fast', image=image)
        self.assertEqual('by-plugin', self.glance.image(image)['kept'])

    def test_and_nothing_else(self):
        image, action = self.fetched(MEMBER)
        self.assertUndone(action, 'conversion_failed', None, [])
        self.assertNotIn('kept', self.glance.image(image))
        self.assertEqual('queued', self.glance.image(image)['status'])

    def test_what_the_caller_may_not_see_stays(self):
        (self.glance.directory / 'etc' / 'policy.yaml').write_text(
            '{"copy_image": "role:member"}')
        image = self.glance.upload(DATA, stores=('fast',), user=MEMBER)
        self.patch(image, {'op': 'add', 'path': '/kept', 'value': 'yes'})
        self.assertNotIn('kept', self.glance.image(image, MEMBER))
        self.assertCopied(
            self.run_import(image, copying('slow'), user=MEMBER), image,
            'slow')
        self.assertEqual('yes', self.glance.image(image)['kept'])


class QuotaTest(DownloadCase):
    """``user_storage_quota``, which counts every copy."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'user_storage_quota': str(len(DATA) * 5 // 2)})}

    def upload(self):
        image = self.glance.upload(DATA, stores=('fast',), user=MEMBER)
        self.addCleanup(self.glance.request, 'DELETE', f'/v2/images/{image}')
        return image

    def test_a_copy_too_many_is_refused(self):
        (self.glance.directory / 'etc' / 'policy.yaml').write_text(
            '{"copy_image": "role:member"}')
        image = self.upload()
        self.assertIn('quota', self.refused(
            413, image, copying('slow', 'cold'), user=MEMBER))
        self.assertCopied(
            self.run_import(image, copying('slow'), user=MEMBER), image,
            'slow')

    def test_a_download_ends_at_the_byte_that_is_too_many(self):
        self.upload()
        self.image = self.glance.create(user=MEMBER)['id']
        self.before = self.rows(self.image)
        for how in ({}, {'framing': 'chunked'}):
            uri = self.server.serve('/image', DATA, **how)
            self.assertNotFetched(
                self.fetch(uri, 'fast', 'slow', user=MEMBER),
                'source_too_large')
        self.assertFetched(self.fetch(uri, 'fast', user=MEMBER), 'fast')
        self.glance.request('DELETE', f'/v2/images/{self.image}')
