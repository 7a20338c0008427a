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
"""Real storage backends on one machine, each of them started in seconds.

Every module has ``available()`` and ``shared()``: the one that this worker
process starts at its first use and ends with. A backend's ``conf()`` gives
sections for ``stores.multi_store`` and, by ``stores.instance``, for a Glance.
"""

from collections.abc import Iterable
import dataclasses
import shutil
import unittest

# What ``ID:TYPE`` (the notation of Glance's enabled_backends) is set up with.
Sections = dict[str, dict[str, object]]


@dataclasses.dataclass(frozen=True)
class Availability:
    """Whether something can run here; it is false where ``why`` says no."""

    why: str = ''

    def __bool__(self) -> bool:
        return not self.why

    def require(self) -> None:
        """Skip the test where it cannot run.

        :raises unittest.SkipTest: with the reason.
        """
        if self.why:
            raise unittest.SkipTest(f'skipped: {self.why}')


def programs(names: Iterable[str]) -> Availability:
    """Tell whether all these commands are installed."""
    absent = [name for name in names if not shutil.which(name)]
    return Availability(f'{", ".join(absent)} absent' if absent else '')
