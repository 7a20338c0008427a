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
"""How far a transfer is: a tree, with a branch for each sink."""

import collections
import time

#: The rate is that of the last so many seconds.
_WINDOW = 10.0


class Progress:
    """Bytes done, of how many, and how fast.

    One thread counts with :meth:`advance`; any thread may read.

    :param total: bytes to come, or None where that is not known
    """

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.done = 0
        #: ``{name: Progress}``, in the order in which they were branched.
        self.branches: dict[str, Progress] = {}
        self._seen = collections.deque([(time.monotonic(), 0)])

    def branch(self, name: str) -> 'Progress':
        """Return the part of the sink ``name``, made with the first call."""
        return self.branches.setdefault(name, Progress(self.total))

    def advance(self, count: int) -> None:
        """Count ``count`` more bytes."""
        self.done += count

    def restart(self) -> None:
        """Begin at byte 0 again."""
        self.done = 0
        self._seen.clear()
        self._seen.append((time.monotonic(), 0))

    def rate(self) -> int:
        """Return bytes per second, over the time between recent calls."""
        now = time.monotonic()
        while len(self._seen) > 1 and self._seen[1][0] < now - _WINDOW:
            self._seen.popleft()
        then, done = self._seen[0]
        self._seen.append((now, self.done))
        passed = now - then
        return max(0, int((self.done - done) / passed)) if passed else 0

    def percent(self) -> int | None:
        """Return 0 to 100, or None where the total is not known."""
        if not self.total:
            return None
        return min(100, self.done * 100 // self.total)

    def eta(self, rate: int) -> int | None:
        """Return the seconds that are left at ``rate``, if that is known."""
        if not self.total or not rate:
            return None
        return max(0, self.total - self.done) // rate
