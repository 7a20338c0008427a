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
"""What goes over all images, in the thread that asks for it."""

import threading
from typing import Any
from unittest import mock

from glance_ext.actions import executor
from glance_ext.actions import node
from glance_ext.host import pools
from tests.unit import stored


class SweepCase(stored.StoredCase):
    """``told`` is what a sweep has said; ``stopped`` ends it."""

    def setUp(self) -> None:
        super().setUp()
        self.told: list[dict[str, Any]] = []
        self.stopped = threading.Event()
        self.executor = executor.Executor()
        for module, name, new in (
                (node, 'start', lambda takes_over=True: self.executor),
                (pools, 'room', lambda: 1),
                (pools, 'run', lambda work, run: work(run))):
            self.enterContext(mock.patch.object(module, name, new))
