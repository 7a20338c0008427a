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
"""``glance-ext-manage reap`` after everything was killed."""

import datetime
import json
import os
import signal
import uuid

from tests.functional import cases
from tests.harness import commands
from tests.harness import glance

DATA = b'data' * 1000
OLD = '2020-01-01 00:00:00.000000'


class ReapTest(cases.HashCase):
    """One Glance that dies in the middle of everything, and what is left."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = glance.Glance(config={
            'DEFAULT': {'http_retries': 1},
            'glance_ext': {'heartbeat_timeout': 10}})
        cls.addClassCleanup(cls.server.stop, signal.SIGKILL)
        cls.server.start()

    def setUp(self):
        self.glance = self.server
        self.glance.clear_faults()

    def reap(self, *arguments, status=0):
        config = self.glance.directory / 'etc' / 'glance-api.conf'
        command = commands.Command(
            'glance_ext.cmd.manage',
            ['reap', '--json', '--config-file', str(config), *arguments],
            self.glance.directory)
        self.addCleanup(command.kill)
        out, errors = command.communicate()
        self.assertEqual(status, command.returncode, errors + out)
        return {line['image_id']: line
                for line in map(json.loads, out.splitlines())}

    def staged(self, image):
        return self.glance.directory / 'staging' / image

    def half_import(self):
        """Make what a killed import of Glance's own leaves."""
        image = self.glance.create()['id']
        self.assertEqual(204, self.glance.request(
            'PUT', f'/v2/images/{image}/stage', body=DATA, headers={
                'Content-Type': 'application/octet-stream'}).status)
        task = str(uuid.uuid4())
        self.glance.sql(
            'insert into tasks (id, type, status, owner, image_id, '
            "created_at, updated_at, deleted) values (?, 'api_image_import', "
            "'processing', 'p', ?, ?, ?, 0)", (task, image, *2 * [
                datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
                .isoformat(' ', 'seconds')]))
        self.glance.sql('insert into task_info (task_id, input) values (?, ?)',
                        (task, json.dumps({
                            'image_id': image, 'backend': ['slow'],
                            'import_req': {'method': {
                                'name': 'glance-direct'}}})))
        self.glance.sql("update images set status = 'importing', size = 5 "
                        'where id = ?', (image,))
        self.mark(image, 'os_glance_import_task', task)
        self.mark(image, 'os_glance_importing_to_stores', 'slow')
        self.glance.store_file('slow', image).write_bytes(DATA[:5])
        return image

    def mark(self, image, name, value):
        self.glance.sql(
            'insert into image_properties (image_id, name, value, '
            'created_at, deleted) values (?, ?, ?, ?, 0)',
            (image, name, value, OLD))

    def stalled(self, image):
        return self.glance.fault('stall', image=image)

    def test_what_a_crash_leaves_is_told_and_then_healed(self):
        importing = self.half_import()
        hashed = self.glance.legacy(DATA)
        self.stalled(hashed)
        action = self.accept(hashed)['id']
        copied = self.glance.upload(DATA, stores=['fast'])
        lone = self.glance.upload(DATA)
        cases.until(lambda: self.lock(hashed))
        self.glance.kill()
        self.glance.clear_faults()
        # What a copy to a second store, and a location's hash, leave.
        partial = self.glance.store_file('cold', copied)
        partial.write_bytes(b'part')
        self.mark(copied, 'os_glance_import_task', 'gone')
        self.mark(copied, 'os_glance_importing_to_stores', 'cold,fast')
        self.mark(lone, 'os_glance_import_task', 'lost')
        self.mark(lone, 'os_glance_hash_op_host', 'http://dead')
        self.set_columns(lone, os_hash_value=None)
        self.staged(copied).write_bytes(DATA)
        os.utime(self.staged(copied), (0, 0))

        # Nothing of Glance's own is old enough but what has no task.
        told = self.reap('--dry-run')
        told.pop(hashed, None)  # it may be stale by now
        self.assertEqual({copied, lone}, set(told))
        self.assertEqual(['lock', 'stores', 'staging'],
                         told[copied]['signs'])
        self.assertEqual(['lock', 'hash'], told[lone]['signs'])
        self.glance.sql('update tasks set updated_at = ?', (OLD,))
        before = {image: self.everything(image)
                  for image in (importing, copied, lone)}
        told = self.reap()
        self.assertEqual('success', told[hashed]['outcome'])
        self.assertEqual(action, told[hashed]['action_id'])
        self.assertEqual({importing, hashed, copied, lone}, set(told))
        self.assertEqual('dead', told[importing]['outcome'])
        for image, found in before.items():
            self.assertEqual(found, self.everything(image))

        told = self.reap('--heal-host-imports')
        self.assertEqual({importing: 'healed', copied: 'healed',
                          lone: 'healed'},
                         {key: line['outcome'] for key, line in told.items()})
        self.assertEqual({}, self.reap('--heal-host-imports'))
        self.assertFalse(partial.exists())
        self.assertFalse(self.glance.store_file('slow', importing).exists())
        for image in (importing, copied):
            self.assertFalse(self.staged(image).exists())
        self.assertEqual([], self.glance.sql(
            "select * from image_properties where deleted = 0 and "
            "name like 'os_glance%' and value != ''"))

        self.glance.start()
        self.assertEqual('queued', self.glance.image(importing)['status'])
        self.assertEqual(DATA, self.glance.download(copied))
        self.glance.request('PUT', f'/v2/images/{importing}/file', body=DATA,
                            headers={'Content-Type':
                                     'application/octet-stream'})
        self.assertEqual(DATA, self.glance.download(importing))
        self.assertEqual(204, self.glance.request(
            'DELETE', f'/v2/images/{lone}').status)
        self.succeeded(self.glance.action(action))
