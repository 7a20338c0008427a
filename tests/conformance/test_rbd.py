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
"""The rbd driver, on a real Ceph that keeps everything in memory."""

import contextlib
import unittest

from tests.conformance import cases
from tests.conformance import suite
from tests.conformance.cases import MIB
from tests.harness.backends import ceph
from tests.harness.backends import stores


class RbdCase(cases.StoreCase):
    """A store on the Ceph of this process; ``options`` are the driver's."""

    store = 'rbd'
    options = {}

    @contextlib.contextmanager
    def set_up_stores(self):
        self.ceph = ceph.shared()
        with stores.multi_store(self.ceph.conf('rbd', **self.options)):
            yield

    def everything(self):
        return sorted([*self.ceph.images(), *self.ceph.trash()])


class TestRbd(RbdCase, suite.Conformance, unittest.TestCase):

    #: The driver writes objects of 1 MiB here.
    sizes = (1, 65537, MIB - 1, MIB, MIB + 1, 3 * MIB)


class TestSingleStore(TestRbd):
    """A Glance without ``enabled_backends``: its store has no id."""

    store = ''

    @contextlib.contextmanager
    def set_up_stores(self):
        self.ceph = ceph.shared()
        with stores.single_store(self.ceph.conf('rbd')):
            yield
