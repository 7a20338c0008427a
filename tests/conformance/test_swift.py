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
"""The swift and s3 drivers, on a real Swift with its S3 API."""

import contextlib
import unittest
import uuid

from tests.conformance import cases
from tests.conformance import suite
from tests.conformance.cases import MIB
from tests.harness.backends import stores
from tests.harness.backends import swift

#: What the swift driver calls a MB.
SEGMENT = 1_024_000


class SwiftCase(cases.StoreCase):
    """A container of its own."""

    store = 'swift'

    @contextlib.contextmanager
    def set_up_stores(self):
        self.swift = swift.shared()
        self.container = f'c-{uuid.uuid4().hex[:8]}'
        with stores.multi_store(self.swift.conf(
                'swift', swift_store_container=self.container)):
            yield

    def everything(self):
        return sorted(self.swift.objects(self.container))


class S3Case(cases.StoreCase):
    """A bucket of its own."""

    store = 's3'

    @contextlib.contextmanager
    def set_up_stores(self):
        self.swift = swift.shared()
        self.bucket = f'b-{uuid.uuid4().hex[:8]}'
        with stores.multi_store(self.swift.s3_conf(
                's3', s3_store_bucket=self.bucket)):
            yield

    def everything(self):
        # Swift deletes the parts of a deleted object in its own time.
        return sorted([*self.swift.objects(self.bucket),
                       *self.swift.uploads(self.bucket)])


class TestSwift(SwiftCase, suite.Conformance, unittest.TestCase):

    #: There are segments from two of them on.
    sizes = (1, 65537, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1,
             3 * SEGMENT)


class TestS3(S3Case, suite.Conformance, unittest.TestCase):

    #: Parts are of 5 MiB, from 5 MiB on.
    sizes = (1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 11 * MIB)
    #: Without a size everything is one request.
    sizes_untold = (65537, 5 * MIB + 1)
