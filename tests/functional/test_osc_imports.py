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
"""The commands for imports and exports fit what a real Glance answers."""

from pathlib import Path
import tempfile

from tests.functional import disks
from tests.functional import test_osc_commands
from tests.harness.backends import http
from tests.harness.backends import http_raw
from tests.harness.users import MEMBER

JSON = ('-f', 'json')
IMPORT = ('image', 'import', 'request')


class ImportsTest(test_osc_commands.CommandsCase):

    def run_as_member(self, *line, status=0):
        return self.shown(self.openstack(*line, *JSON, user=MEMBER), status)

    def test_an_import_and_an_export(self):
        location = http.shared().serve(f'/{self.id()}', disks.qcow2())
        made = self.run_as_member(*IMPORT, 'create', 'mine', '--location',
                                  location, '--tag', 'lamp', '--wait')
        self.assertEqual('success', made['status'])
        image = self.server.image(made['image_id'], MEMBER)
        self.assertEqual(('mine', ['lamp'], 'qcow2'), (
            image['name'], image['tags'], image['disk_format']))
        shown = self.run_as_member(*IMPORT, 'show', made['id'])
        self.assertEqual(made['expires_by'], shown['expires_by'])
        self.assertIn(made['id'], [
            each['id'] for each in self.run_as_member(*IMPORT, 'list')])
        with http_raw.Server(lambda *_: http_raw.answer(201)) as target:
            sent = self.run_as_member(
                'image', 'export', 'create', made['image_id'], '--location',
                f'{target.url}/x', '--wait')
        self.assertEqual(('success', made['image_id']),
                         (sent['status'], sent['image_id']))
        self.assertIn(sent['id'], [each['id'] for each in self.run_as_member(
            'image', 'export', 'list')])

    def test_a_file_that_is_no_image(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        file = Path(directory, 'movie')
        file.write_bytes(disks.movie())
        made = self.run_as_member(
            *IMPORT, 'create', 'movie', '--file', str(file), '--disk-format',
            'qcow2', '--wait', status=1)
        self.assertEqual(('failure', 'movie'),
                         (made['status'], made['image_name']))
        self.assertIn('it is no disk', made['message'])
        gone = self.openstack(*IMPORT, 'delete', made['id'], user=MEMBER)
        self.assertEqual(1, gone.returncode)
