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
"""The directories of this host in which actions stage data."""

from pathlib import Path
import tempfile
from types import SimpleNamespace
import unittest
from unittest import mock

from oslo_config import cfg

from glance_ext.host import staging


class StagingTest(unittest.TestCase):
    def setUp(self):
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.conf = SimpleNamespace(
            enabled_backends=None, node_staging_uri=f'file://{self.here}')
        self.enterContext(mock.patch.object(cfg, 'CONF', self.conf))

    def names(self):
        return sorted(path.name for path in self.here.iterdir())

    def test_each_action_has_a_directory_that_nobody_else_reads(self):
        for _ in range(2):
            file = staging.file('a')
            self.assertEqual(self.here / 'glance-ext-a' / 'data', file)
            self.assertEqual(0o700, file.parent.stat().st_mode & 0o777)

    def test_with_several_stores_it_is_the_staging_store(self):
        place = self.here / 'store'
        place.mkdir()
        self.conf.enabled_backends = {'fast': 'file'}
        self.conf.os_glance_staging_store = SimpleNamespace(
            filesystem_store_datadir=str(place))
        self.assertEqual(place / 'glance-ext-a' / 'data', staging.file('a'))

    def test_one_directory_is_removed_with_all_that_is_in_it(self):
        for action_id in 'a', 'b':
            staging.file(action_id).write_bytes(b'data')
        staging.remove('a')
        staging.remove('a')
        self.assertEqual(['glance-ext-b'], self.names())

    def test_what_ended_elsewhere_is_removed_and_nothing_of_glances(self):
        for action_id in 'ended', 'runs':
            staging.file(action_id).write_bytes(b'data')
        (self.here / 'ended').write_bytes(b'')
        staging.clean(lambda action_id: action_id == 'ended')
        self.assertEqual(['ended', 'glance-ext-runs'], self.names())
