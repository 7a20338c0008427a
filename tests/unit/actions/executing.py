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
"""An executor whose threads run when the test says so, and its plugin."""

import collections
import threading
from unittest import mock

from glance_ext.actions import executor
from glance_ext.actions import metrics
from glance_ext.actions import plugin as plugins
from glance_ext.host import notifications
from glance_ext.host import pools
from tests.unit.actions import rows


class Plugin:
    """A kind of action whose parts a test replaces; says what it does."""

    statuses = 'active',

    def __init__(self):
        self.done = []
        self.run = lambda run: run.succeed('All is well')
        self.troubles = []

    def undo(self, run):
        self.done.append(('undo', run.action.phase))
        if self.troubles:
            raise self.troubles.pop(0)

    def roll_back(self, connection, action):
        self.done.append(('roll back', action.phase))

    def stores(self, action):
        return ['fast', 'slow']

    def events(self, action, what):
        yield f'made.{what}', {'of': action.spec['action_type']}

    def look_after(self, actions):
        self.done.append(('look after', [each.id for each in actions]))


class ExecutorCase(rows.RowsCase):
    def setUp(self):
        super().setUp()
        self.options.config(group='glance_ext',
                            max_running_actions_per_project=0)
        self.plugin = Plugin()
        self.room = 2
        self.jobs = collections.deque()
        self.sent, self.waits = [], []
        self.replace(plugins, 'load', lambda action_type: self.plugin)
        self.replace(plugins, 'types', lambda: ['hash'])
        self.replace(pools, 'run', lambda *job: self.jobs.append(job))
        self.replace(pools, 'room', lambda: self.room)
        self.replace(notifications, 'send', self.send)
        self.replace(threading.Event, 'wait',
                     lambda _, seconds=None: self.waits.append(seconds))
        self.ended = self.replace(metrics, 'ended')
        self.moved = self.replace(metrics, 'moved')
        self.executor = executor.Executor()
        self.image_id = self.add_image()

    def replace(self, module, name, *new, **how):
        return self.enterContext(mock.patch.object(
            module, name, *new, **how))

    def send(self, event, payload, *, error):
        self.sent.append((event, payload, error))

    def go(self):
        """Run what the executor began, and what begins then."""
        while self.jobs:
            work, run = self.jobs.popleft()
            work(run)

    def begun(self):
        """Return what began and has not been run."""
        return [run for _, run in self.jobs]

    def told(self, run):
        row = self.read(run.action.id)
        return row.status, row.phase, row.message
