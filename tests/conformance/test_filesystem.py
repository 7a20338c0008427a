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
"""The filesystem driver."""

import contextlib
import os
import pathlib
import tempfile
import unittest

from tests.conformance import suite
from tests.harness.backends import stores


class TestFilesystem(suite.Conformance, unittest.TestCase):

    store = 'disk'

    @contextlib.contextmanager
    def set_up_stores(self):
        with tempfile.TemporaryDirectory() as directory:
            self.directory = pathlib.Path(directory)
            with stores.multi_store({'disk:file': {
                    'filesystem_store_datadir': directory}}):
                yield

    def everything(self):
        return sorted(os.listdir(self.directory))


class TestSingleStore(TestFilesystem):
    """A Glance without ``enabled_backends``: its store has no id."""

    store = ''

    @contextlib.contextmanager
    def set_up_stores(self):
        with tempfile.TemporaryDirectory() as directory:
            self.directory = pathlib.Path(directory)
            with stores.single_store({'disk:file': {
                    'filesystem_store_datadir': directory}}):
                yield
