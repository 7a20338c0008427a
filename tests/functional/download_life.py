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
"""What the tests of downloads into images share."""

import hashlib

from tests.functional import cases
from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.import_life import STORES
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import downloading
from tests.functional.import_life import staged
from tests.harness.backends import http

SHA256 = hashlib.sha256(DATA).hexdigest()
SECRET = 'x-signature=geheim-7'


class DownloadCase(ImportCase):
    """Tests beside a server of files; one second attempt."""

    arguments = {'stores': STORES, 'config': changed(
        DEFAULT={'http_retries': 1, 'image_size_cap': 8 << 20,
                 'user_storage_quota': '1GB'},
        glance_ext={'download_read_timeout': 1, 'download_timeout': 60,
                    'download_connections': 4})}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = http.Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.server.forget)
        self.image = self.glance.create()['id']
        self.before = self.rows(self.image)

    def fetch(self, uri, *stores, image=None, user=cases.ADMIN, **method):
        """Return the action of a download once it is over."""
        return self.run_import(image or self.image,
                               downloading(uri, *stores, **method),
                               user=user)

    def assertFetched(self, action, *stores, data=DATA, image=None,
                      failed=()):
        """The action ended well, and the image has the data."""
        image = image or self.image
        self.assertCopied(action, image, *stores, failed=failed, data=data)
        self.assertEqual(digests(data), fields(self.glance, image))
        self.assertEqual(set(stores), self.stores(image))
        self.assertEqual(len(data), self.glance.image(image)['size'])

    def assertNotFetched(self, action, code):
        """The action failed, and the image waits for data as before."""
        self.assertUndone(action, code, self.before, [])
        self.assertEqual('queued', self.glance.image(self.image)['status'])
        self.assertEqual([], staged(self.glance))
