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
"""Glance's tables in this process, for what needs no server around them."""

from collections.abc import Callable
from pathlib import Path
import tempfile
from typing import Any
import unittest
import uuid

from glance.common import config  # noqa: F401
from glance.db.sqlalchemy import api as db_api
from glance.db.sqlalchemy import models
from oslo_config import cfg
from oslo_config import fixture
from oslo_db import options as db_options

from glance_ext import conf
from glance_ext.host import database

PROJECT = '70f3ae9c1d5b4e0a8c62d7b91e4f5a30'


class TablesCase(unittest.TestCase):
    """Each test has empty tables of its own, in a file of sqlite."""

    def setUp(self):
        super().setUp()
        cfg.CONF([], project='glance', default_config_files=[],
                 default_config_dirs=[])
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        directory = self.enterContext(tempfile.TemporaryDirectory())
        cfg.CONF.register_opts(db_options.database_opts, 'database')
        self.options.config(
            connection=f'sqlite:///{Path(directory, "glance.sqlite")}',
            group='database')
        db_api.clear_db_env()
        self.addCleanup(db_api.clear_db_env)
        engine = db_api.get_engine()
        self.addCleanup(engine.dispose)
        models.BASE.metadata.create_all(engine)

    def add_image(self, status: str = 'active', *, owner: str = PROJECT,
                  locations: tuple[str, ...] = (), **columns: Any) -> str:
        """Add an image with these addresses as its copies; return its id."""
        image_id = columns.pop('id', None) or str(uuid.uuid4())
        moment = database.now()
        dated = {'created_at': moment, 'updated_at': moment, 'deleted': False}

        def work(connection: database.Connection) -> None:
            connection.execute(database.images.insert().values(
                **dated, **{'id': image_id, 'status': status, 'owner': owner,
                            'visibility': 'shared', 'min_disk': 0,
                            'min_ram': 0, 'protected': False,
                            'os_hidden': False, **columns}))
            for url in locations:
                connection.execute(database.image_locations.insert().values(
                    **dated, image_id=image_id, value=url, meta_data={},
                    status='active'))
        database.transaction(work)
        return image_id

    def add(self, table: Any, **columns: Any) -> Any:
        """Add a row to a table; return its key."""
        added = database.transaction(lambda connection: connection.execute(
            table.insert().values(**columns)))
        return added.inserted_primary_key[0]

    def do(self, call: Callable[..., Any], *arguments: Any, **named: Any
           ) -> Any:
        """Return what a function does in a transaction of its own."""
        return database.transaction(
            lambda connection: call(connection, *arguments, **named))

    def set_image(self, **columns: Any) -> None:
        """Change the one image that there is."""
        self.do(lambda connection: connection.execute(
            database.images.update().values(**columns)))
