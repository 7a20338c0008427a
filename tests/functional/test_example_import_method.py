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

"""The import method of the example package, installed as one would."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from tests.functional.hash_life import DATA
from tests.harness import glance
from tests.harness import venvs

EXAMPLE = venvs.ROOT / 'examples' / 'glance-ext-shelf'


class ShelfTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        packages = pathlib.Path(directory, 'packages')
        shelf = pathlib.Path(directory, 'shelf')
        shelf.mkdir()
        (shelf / 'old.raw').write_bytes(DATA)
        # A build leaves its traces beside the sources.
        sources = shutil.copytree(EXAMPLE, pathlib.Path(directory, 'sources'))
        subprocess.run(
            [venvs.find_uv() or 'uv', 'pip', 'install', '-q', '--no-deps',
             '--python', sys.executable, '--target', packages, sources],
            check=True)
        cls.glance = cls.enterClassContext(glance.Glance(
            packages=[packages], config={
                'glance_ext': {'import_methods': 'web-download,shelf'},
                'glance_ext_shelf': {'directory': shelf}}))

    def begin(self, image: str, **method: str):
        body = {'method': {'name': 'shelf', **method}, 'all_stores': True}
        return self.glance.request(
            'POST', f'/v2/images/{image}/import', body)

    def test_a_file_of_the_node_becomes_the_image_in_every_store(self):
        image = self.glance.create()['id']
        begun = self.begin(image, file='old.raw')
        self.assertEqual(202, begun.status, begun.text)
        action = self.glance.wait_action(begun.json['id'])
        self.assertEqual(
            ('shelf', 'success'), (action['action_type'], action['status']),
            action)
        self.assertEqual(DATA, self.glance.download(image))
        self.assertEqual(
            {'fast', 'slow', 'cold'},
            set(self.glance.image(image)['stores'].split(',')))

    def test_what_is_not_on_the_shelf_is_refused(self):
        image = self.glance.create()['id']
        for method in ({}, {'file': 'new.raw'}, {'file': '../shelf/old.raw'},
                       {'file': 'old.raw', 'uri': 'http://127.0.0.1/'}):
            self.assertEqual(400, self.begin(image, **method).status)
        self.assertEqual('queued', self.glance.image(image)['status'])

    def test_the_method_is_offered(self):
        self.assertIn('shelf', self.glance.request(
            'GET', '/v2/info/import').json['import-methods']['value'])
