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

import argparse
import unittest
from unittest import mock

from oslo_config import cfg
from oslo_config import fixture

from glance_ext import conf
from glance_ext.cmd import server
from glance_ext.cmd import sweep


class BeginTest(unittest.TestCase):
    def setUp(self):
        conf.register_opts(cfg.CONF)
        self.options = self.enterContext(fixture.Config(cfg.CONF))
        self.options.config(
            executor='jobboard', bytes_per_second=7, group='glance_ext'
        )
        self.stopped = self.enterContext(
            mock.patch.object(server, 'stop_on_signal')
        ).return_value

    def begin(self, **given):
        """Return what runs the actions, and how fast they read."""
        self.assertIs(
            self.stopped, sweep.begin(argparse.Namespace(**given))
        )
        options = cfg.CONF.glance_ext
        return options.executor, options.bytes_per_second

    def test_actions_run_in_this_process_at_the_rate_of_the_options(self):
        for given in ({}, {'bytes_per_second': None}):
            self.assertEqual(('local', 7), self.begin(**given))

    def test_another_rate_may_be_asked_for(self):
        self.assertEqual(('local', 0), self.begin(bytes_per_second=0))
        self.assertEqual(('local', 9), self.begin(bytes_per_second=9))
