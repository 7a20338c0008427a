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
"""Actions in Glance's tables, at a clock that stands still."""

import datetime
import logging
from typing import Any
from unittest import mock

from oslo_utils import fixture

from glance_ext.actions import node
from glance_ext.actions import record
from glance_ext.actions import run
from glance_ext.host import contexts
from glance_ext.host import database
from glance_ext.host import locks
from glance_ext.host import tasks
from tests.unit import tables

MOMENT = datetime.datetime(2026, 3, 1, 12)
CALLER = {'user_id': 'u', 'project_id': tables.PROJECT, 'roles': ['member'],
          'is_admin': False}
GIB = 1 << 30


def unstored(spec: dict[str, Any], status: str = 'pending', *,
             action_id: str = 'a', owner: str = 'p', age: float = 0,
             result: dict[str, Any] | None = None) -> record.Action:
    """Return an action of image ``i`` that is in no table."""
    moment = database.now()
    spec = {'max_attempts': 4, 'heartbeat_timeout': 120, 'caller': CALLER,
            **spec}
    return record.Action.of(tasks.Task(
        action_id, 'api_image_import', status, owner, 'i',
        moment - datetime.timedelta(seconds=age), moment, None,
        {'glance_ext': spec}, result or {}, '', moment, spec))


class RowsCase(tables.TablesCase):
    def setUp(self):
        super().setUp()
        # What is logged, no test has to show.
        self.enterContext(mock.patch.object(
            logging.getLogger(), 'handlers', [logging.NullHandler()]))
        self.clock = self.enterContext(fixture.TimeFixture(MOMENT))

    def new(self, status: str = 'pending', *, image_id: str | None = None,
            result: dict[str, Any] | None = None, **spec: Any
            ) -> record.Action:
        """Add an action that holds the lock of its image; return it."""
        spec = {**record.new_spec(spec.pop('action_type', 'hash')),
                'heartbeat_timeout': 120, 'caller': CALLER, **spec}
        task = tasks.insert(
            type_='api_image_import', owner=tables.PROJECT, image_id=image_id,
            input_={'glance_ext': spec}, user_id='u', request_id='r',
            message='Waiting for its turn', status=status)
        if result is not None:
            database.transaction(lambda connection: tasks.keep(
                connection, task.id, result))
        if image_id is not None:
            self.assertTrue(locks.take(image_id, task.id))
        return self.read(task.id)

    def run_of(self, *args: Any, **kwargs: Any) -> run.Run:
        """Return the run of an owner that has just read its new row."""
        return run.Run(self.new(*args, **kwargs), contexts.of_caller(CALLER))

    def read(self, action_id: str) -> record.Action:
        """Return an action as its row is now."""
        return record.Action.of(tasks.get(action_id))

    def pass_(self, seconds: float) -> datetime.datetime:
        """Let time pass; return the new time."""
        self.clock.advance_time_seconds(seconds)
        return database.now()

    def cancel(self, action_id: str) -> None:
        with mock.patch.object(node, 'start'):
            self.assertTrue(node.cancel(action_id))


class OwnerCase(RowsCase):
    def setUp(self):
        super().setUp()
        self.image_id = self.add_image()

    def own(self, status, **result):
        """Return the run of an action of the image; a minute passes."""
        self.mine = self.run_of(status, image_id=self.image_id,
                                max_attempts=3, result=result)
        self.action = self.mine.action
        self.pass_(60)
        return self.mine

    def lose(self):
        """Have another owner write to the row."""
        self.run_of_row().fenced(None, 'Theirs')
        self.pass_(1)

    def run_of_row(self):
        return run.Run(self.row(), None)

    def row(self):
        return self.read(self.action.id)

    def told(self):
        row = self.row()
        return row.status, row.phase, row.attempt, row.message
