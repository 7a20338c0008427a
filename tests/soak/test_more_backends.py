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
"""The suite on backends that behave like others, and take longer to start.

RBD on bluestore, and Ceph's own S3 and Swift. Runs with
``GLANCE_EXT_SOAK=1``.
"""

import functools

from tests.conformance import test_faults_rbd
from tests.conformance import test_faults_swift
from tests.conformance import test_rbd
from tests.conformance import test_swift
from tests.harness.backends import ceph
from tests.harness.backends import radosgw
from tests.harness.soaking import soak


@functools.cache
def bluestore():
    return ceph.Ceph('bluestore').start()


class Bluestore:
    def cluster(self):
        return bluestore()


class Gateway:
    def server(self):
        return radosgw.shared()


@soak
class TestBluestore(Bluestore, test_rbd.TestRbd):
    pass


@soak
class TestBluestoreDeleted(Bluestore, test_faults_rbd.TestDeletedUnderReader):
    pass


@soak
class TestBluestoreInUse(Bluestore, test_faults_rbd.TestInUse):
    pass


@soak
class TestGatewaySwift(Gateway, test_swift.TestSwift):
    pass


@soak
class TestGatewayS3(Gateway, test_swift.TestS3):
    pass


@soak
class TestGatewaySegments(Gateway, test_faults_swift.TestSegments):
    pass
