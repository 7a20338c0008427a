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
"""What a database refuses is told without the values."""

import logging
import sqlite3
import traceback
from unittest import mock

from glance.db.sqlalchemy import api as db_api
from oslo_db import api as oslo_db_api

from glance_ext.host import database
from tests.unit import tables

URL = 'swift+https://user:marked-key@swift.example.org/v1/container/object'


class ErrorsTest(tables.TablesCase):

    def insert(self, **columns):
        """Fail to insert a location; return all that is told of it."""
        moment = database.now()
        values = {'image_id': 'x', 'value': URL, 'meta_data': {'key': URL},
                  'status': 'active', 'created_at': moment,
                  'updated_at': moment, 'deleted': False} | columns
        with self.assertLogs(level=logging.DEBUG) as logs, \
                self.assertRaises(database.FAILURES) as caught:
            logging.getLogger().debug('There is at least one line')
            database.transaction(lambda connection: connection.execute(
                database.image_locations.insert().values(**values)))
        exc = caught.exception
        return '\n'.join([*logs.output, repr(exc),
                          *traceback.format_exception(exc)])

    def fault(self, error):
        """Let the driver raise it."""
        dialect = db_api.get_engine().dialect
        self.enterContext(mock.patch.object(
            dialect, 'do_execute', side_effect=error))
        self.enterContext(mock.patch.object(oslo_db_api.time, 'sleep'))

    def test_values_are_hidden_where_a_constraint_fails(self):
        self.assertNotIn('marked-key', self.insert(image_id=None))

    def test_values_are_hidden_where_one_cannot_be_bound(self):
        for columns in ({'meta_data': {URL: object()}},
                        {'value': object()}, {'created_at': URL},
                        {'id': 2 ** 70}):
            with self.subTest(list(columns)):
                self.assertNotIn('marked-key', self.insert(**columns))

    def test_values_are_hidden_where_retries_are_over(self):
        for error in (sqlite3.OperationalError('database is locked'),
                      sqlite3.OperationalError('disk I/O error'),
                      sqlite3.DatabaseError('file is not a database')):
            with self.subTest(error):
                self.fault(error)
                self.assertNotIn('marked-key', self.insert())

    def test_values_are_hidden_in_the_log_of_statements(self):
        logger = logging.getLogger('sqlalchemy')
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.DEBUG)
        told = self.insert(image_id=None)
        self.assertIn('DEBUG:sqlalchemy', told)
        self.assertNotIn('marked-key', told)

    def test_connections_are_those_of_glance(self):
        with database.transaction(lambda connection: connection) as ours:
            self.assertIs(db_api.get_engine().pool, ours.engine.pool)
