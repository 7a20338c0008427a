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
"""How many bytes a second may pass, for everybody who shares a budget."""

from collections.abc import Callable
import threading
import time

#: Nobody sleeps longer than this at once, so that a changed rate and a
#: cancelled transfer are noticed.
_NAP = 0.25


class Budget:
    """A leaky bucket: what was taken beyond the rate is waited for.

    :param rate: bytes per second; 0 is without limit. It may be changed at
        any time, and holds at once.
    """

    def __init__(self, rate: int = 0) -> None:
        self.rate = rate
        self._debt = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, count: int,
             sleep: Callable[[float], None] = time.sleep) -> None:
        """Take ``count`` bytes, and wait until they were affordable.

        :param sleep: waits so many seconds; what it raises ends the wait
        """
        if not self.rate:
            return
        with self._lock:
            self._pay()
            self._debt += count
        while (wait := self._wait()) > 0:
            sleep(min(wait, _NAP))

    def _wait(self) -> float:
        with self._lock:
            self._pay()
            return self._debt / self.rate if self.rate else 0.0

    def _pay(self) -> None:
        now = time.monotonic()
        self._debt = max(0.0, self._debt - (now - self._at) * self.rate)
        self._at = now
