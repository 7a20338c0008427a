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
"""A Glance with its one old-style store, and methods that are disabled."""

from tests.functional.hash_life import DATA
from tests.functional.hash_life import digests
from tests.functional.hash_life import fields
from tests.functional.import_life import ImportCase
from tests.functional.import_life import changed
from tests.functional.import_life import copying
from tests.functional.import_life import downloading
from tests.harness.backends import http


class SingleStoreTest(ImportCase):

    arguments = {'stores': (), 'config': changed()}

    def setUp(self):
        super().setUp()
        self.server = self.enterContext(http.Server())

    def test_copies_have_nowhere_to_go(self):
        image = self.glance.upload(DATA)
        for body in (copying('fast'), copying(all_stores=True), copying()):
            self.assertIn('single store', self.refused(400, image, body))
        # As Glance does.
        image = self.glance.create()['id']
        for more in ({'all_stores_must_succeed': False},
                     {'allow_failure': True}):
            body = {**downloading(f'{self.server.url}/image'), **more}
            self.assertIn('single store', self.refused(400, image, body))

    def test_downloads_go_into_the_store(self):
        image = self.glance.create()['id']
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA)))
        self.assertEqual('success', action['status'], action)
        self.assertEqual(['default'], list(action['progress']['stores']))
        self.assertEqual(digests(), fields(self.glance, image))
        self.assertUsable(image)

    def test_a_failure_leaves_nothing(self):
        image = self.glance.create()['id']
        before = self.rows(image)
        self.glance.fault('raise', 'add', image=image, at=100_000)
        action = self.run_import(
            image, downloading(self.server.serve('/image', DATA)))
        self.assertUndone(action, 'store_unavailable', before, [])
        self.assertFalse(self.glance.store_file(None, image).exists())


class DisabledTest(ImportCase):
    """Of the two, Glance has only one enabled."""

    arguments = {'stores': ('fast', 'slow', 'cold'), 'config': changed(
        DEFAULT={'enabled_import_methods': '[glance-direct,copy-image]'})}

    def test_what_glance_has_not_enabled_stays_disabled(self):
        image = self.glance.create()['id']
        self.refused(400, image, downloading('http://127.0.0.1/image'))
        offered = self.glance.request('GET', '/v2/info/import').json
        self.assertEqual(['glance-direct', 'copy-image'],
                         offered['import-methods']['value'])
        ours = self.glance.request('GET', '/v2/info/glance-ext').json
        self.assertEqual(['copy-image'], ours['import_methods'])
        self.assertEqual('glance-direct,copy-image', self.glance.request(
            'POST', '/v2/images', {}).headers[
                'OpenStack-image-import-methods'])
