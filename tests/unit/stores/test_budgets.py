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
"""Rates out of the options, for the process and for each store."""

import unittest

from oslo_config import fixture as config_fixture

from glance_ext import conf
from glance_ext.stores import budgets


class TestBudgets(unittest.TestCase):

    def setUp(self):
        self.config = config_fixture.Config()
        self.config.setUp()
        self.addCleanup(self.config.cleanUp)
        conf.register_opts(self.config.conf)
        self.addCleanup(budgets.refresh)
        self.addCleanup(self.config.reset)
        self.limit()

    def limit(self, total=0, **stores):
        self.config.config(group='glance_ext', bytes_per_second=total,
                           store_bytes_per_second=stores)
        budgets.refresh()

    def waited(self, stores, count=1 << 30):
        """Return whether taking so much has to wait."""
        def sleep(seconds):
            raise InterruptedError
        try:
            budgets.take_all(count, sleep)
            budgets.take(stores, count, sleep)
        except InterruptedError:
            return True
        return False

    def test_without_limits_nobody_waits(self):
        self.assertFalse(self.waited(['a', 'b']))

    def test_named_store_waits_and_the_others_do_not(self):
        self.limit(a=1000)
        self.assertTrue(self.waited(['a']))
        self.assertFalse(self.waited(['b']))
        self.assertTrue(self.waited(['b', 'a']))

    def test_budget_of_all_is_shared_by_all(self):
        self.limit(1000)
        self.assertTrue(self.waited(['a']))
        self.assertTrue(self.waited(['b'], 1))

    def test_changed_and_dropped_limits_hold(self):
        self.limit(a=1000)
        self.assertTrue(self.waited(['a']))
        self.limit(b=1000)
        self.assertFalse(self.waited(['a']))
        self.assertTrue(self.waited(['b']))
