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
"""An import whose process dies ends by itself and leaves nothing."""

import signal

from tests.functional import disks
from tests.functional import import_requests
from tests.functional.cases import until
from tests.harness import glance
from tests.harness.users import MEMBER

HEARTBEAT = 10
OPTIONS = {'DEFAULT': {'http_retries': 1},
           'glance_ext': {'heartbeat_timeout': HEARTBEAT,
                          'import_upload_timeout': 20,
                          'download_read_timeout': 600}}


class KilledTest(import_requests.RequestCase):
    """One process dies in the middle of everything, and another comes."""

    def setUp(self):
        self.server = import_requests.http.shared()
        self.glance = glance.Glance(config=OPTIONS)
        self.addCleanup(self.glance.stop, signal.SIGKILL)
        self.glance.start()

    def test_each_ends_and_nothing_is_left(self):
        data = disks.qcow2()
        served = f'/{self.id()}/slow'
        slow = self.server.serve(served, data, stall_at=100_000)
        fault = self.glance.fault('stall', 'add', store='slow')
        fetched = self.begin(slow)
        secret = self.begin(f'{slow}?signature=secret')
        until(lambda: self.server.log(served) and all(
            self.show(path)['status'] == 'uploading'
            for path in (fetched, secret)))
        written = self.begin(self.serve(data), stores=['fast', 'slow'])
        uploaded = self.begin(stores=['slow'])
        waiting = self.begin()
        self.expect(204, self.upload(uploaded, data))
        until(lambda: self.glance.fired(fault))
        # What a process leaves that dies while it records.
        recorded = self.begin(stores=['slow'], image_properties={
            'disk_format': 'raw'})
        self.glance.kill()
        self.half_made(recorded)
        self.server.release(served)
        self.glance.clear_faults()
        self.glance.start()
        for path in (fetched, written, uploaded):
            with self.subTest(path):
                found = self.wait(path, timeout=60)
                self.assertEqual('success', found['status'], found)
                image = found['image_ref'].rpartition('/')[2]
                self.assertEqual(data, self.glance.download(image, MEMBER))
        self.assertRegex(self.refused(secret), '^Could not retrieve image.  '
                         'The query string of the URI went with the process')
        self.assertRegex(self.refused(recorded), 'uploaded data is not on')
        self.wait(waiting, timeout=60)
        self.assertEqual('Nobody uploaded the data of this import in time',
                         self.refused(waiting))
        self.assertEqual([], list((
            self.glance.directory / 'staging').glob('glance-ext-*/data')))

    def half_made(self, path):
        """Leave a row and an object as in the middle of making an image."""
        action = path.rpartition('/')[2]
        image = self.future(action)
        self.glance.store_file('slow', image).write_bytes(b'data')
        self.glance.sql(
            "update images set status = 'importing', deleted = 0, owner = "
            "'project' where id = ? and status = 'reserved'", (image,))
        self.glance.sql(
            "update tasks set status = 'processing', updated_at = "
            "'2026-01-01 00:00:00.000000' where id = ?", (action,))
        self.glance.sql(
            'update task_info set result = ? where task_id = ?', (
                '{"phase": "recording", "attempt": 1, "state": {"noted": '
                '["slow"], "uploaded": true}}', action))
