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
"""What MariaDB refuses is told without the values."""

import logging
from pathlib import Path
import sys
import traceback
import unittest
from unittest import mock

from glance.common import config  # noqa: F401
from glance.db.sqlalchemy import api as db_api
from oslo_config import cfg
from oslo_config import fixture
from oslo_db import api as oslo_db_api
from oslo_db import options as db_options

from glance_ext.host import database
from tests.harness import mariadb

URL = 'swift+https://user:marked-key@swift.example.org/v1/container/object'


class ErrorsTest(unittest.TestCase):

    def setUp(self):
        self.mariadb = mariadb.Database()
        self.addCleanup(self.mariadb.drop)
        self.mariadb.create(Path(sys.prefix))
        cfg.CONF([], project='glance', default_config_files=[],
                 default_config_dirs=[])
        options = self.enterContext(fixture.Config(cfg.CONF))
        cfg.CONF.register_opts(db_options.database_opts, 'database')
        options.config(connection=self.mariadb.url, group='database')
        db_api.clear_db_env()
        self.addCleanup(db_api.clear_db_env)
        self.addCleanup(db_api.get_engine().dispose)
        self.enterContext(mock.patch.object(oslo_db_api.time, 'sleep'))

    def told(self, work):
        """Return all that is told of a transaction that fails."""
        with self.assertLogs(level=logging.DEBUG) as logs, \
                self.assertRaises(database.FAILURES) as caught:
            logging.getLogger().debug('There is at least one line')
            database.transaction(work)
        exc = caught.exception
        return '\n'.join([*logs.output, repr(exc),
                          *traceback.format_exception(exc)])

    def insert(self, connection, **columns):
        moment = database.now()
        connection.execute(database.image_locations.insert().values(**{
            'image_id': 'x', 'value': URL, 'meta_data': {'key': URL},
            'status': 'active', 'created_at': moment, 'updated_at': moment,
            'deleted': False} | columns))

    def test_values_are_hidden_where_they_are_refused(self):
        for columns in ({}, {'image_id': None}, {'value': URL + 'x' * 70_000},
                        {'status': URL}, {'id': 2 ** 70},
                        {'created_at': 'never'}):
            with self.subTest(list(columns)):
                told = self.told(lambda connection, it=columns: self.insert(
                    connection, **it))
                self.assertNotIn('marked-key', told)

    def test_values_are_hidden_where_the_connection_is_lost(self):
        def work(connection):
            ((own,),) = connection.exec_driver_sql('select connection_id()')
            self.mariadb.sql(f'kill {own}')
            self.insert(connection)
        self.assertNotIn('marked-key', self.told(work))

    def test_values_are_hidden_where_it_is_a_deadlock(self):
        self.mariadb.sql(
            'create trigger refuse before insert on image_locations for each '
            "row signal sqlstate '40001' set mysql_errno = 1213, "
            "message_text = 'Deadlock found when trying to get lock; try "
            "restarting transaction'")
        told = self.told(self.insert)
        self.assertIn('DBDeadlock', told)
        self.assertNotIn('marked-key', told)
