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
"""An import whose image is to be, in this process."""

from glance import context as glance_context

from glance_ext import errors
from glance_ext.actions import record
from glance_ext.host import images
from glance_ext.host import locks
from glance_ext.host import staging
from glance_ext.host import tasks
from glance_ext.plugins import image_import
from glance_ext.stores import fixture
from tests.functional import disks
from tests.unit import stored
from tests.unit import tables
from tests.unit.stored import ACTION
from tests.unit.stored import IMAGE

DATA = disks.noise(disks.MIB // 4)


class FutureCase(stored.StoredCase):
    """An image of ``DATA`` is to be made in ``fast`` and ``slow``."""

    def have(self, *faults, state=None, kept=None, data=DATA, **body):
        self.install(fast=fixture.Store(tidy=False),
                     slow=fixture.Store(faults, tidy=False))
        self.own(state, kept, data, **body)

    def own(self, state=None, kept=None, data=DATA, **body):
        spec = image_import.spec(
            {'image_properties': {
                'id': IMAGE, 'name': 'made', 'disk_format': 'raw',
                'container_format': 'bare'}} | body,
            ['fast', 'slow'], {'secret': [], 'chosen': True} | (kept or {}),
            'request')
        if state is None:
            state = {} if 'location' in spec else {'uploaded': True}
        action = self.add_action(**spec, image_id=None,
                                 result={'state': state})
        if data is not None and 'location' not in spec:
            staging.file(ACTION).write_bytes(data)
        self.plugin = image_import.ImageImport()
        self.run_ = self.start(action, self.plugin.statuses)
        self.run_.context = glance_context.RequestContext(
            user_id='u', project_id=tables.PROJECT, roles=['member'])

    def make(self):
        self.plugin.run(self.run_)

    def refused(self, kind, message):
        self.refuses(kind, message, self.make)

    def undo(self):
        """Have it failed, and undone."""
        self.run_.fail(errors.InternalError('it failed'))
        self.run_.turn_back()
        self.plugin.undo(self.run_)
        self.run_.end_failed(self.plugin.roll_back)

    def row(self):
        return record.Action.of(tasks.get(ACTION))

    def nothing_is_left(self):
        self.assertEqual({'fast': None, 'slow': None}, self.held())
        self.assertIsNone(images.read(IMAGE))
        self.assertIsNone(locks.holder(IMAGE))
        self.assertEqual([], list(self.staging.iterdir()))
