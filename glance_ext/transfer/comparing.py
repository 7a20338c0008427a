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
"""Where two sources differ."""

from collections.abc import Iterable


def differing_range(left: Iterable[bytes], right: Iterable[bytes]
                    ) -> tuple[int, int] | None:
    """Return the first and the last byte at which two sources differ.

    What one has beyond the end of the other differs. Nothing is held but a
    chunk of each.

    :returns: None where they are the same
    """
    first = last = -1
    position = 0
    lefts, rights = iter(left), iter(right)
    mine = others = b''
    while True:
        mine = mine or next(lefts, b'')
        others = others or next(rights, b'')
        count = min(len(mine), len(others))
        if not count:
            break
        head, other = mine[:count], others[:count]
        if head != other:
            if first < 0:
                first = position + _first(head, other)
            last = position + _last(head, other)
        mine, others = mine[count:], others[count:]
        position += count
    rest = len(mine) + len(others) + sum(map(len, lefts)) + sum(
        map(len, rights))
    if rest:
        first = position if first < 0 else first
        last = position + rest - 1
    return None if first < 0 else (first, last)


def _first(left: bytes, right: bytes) -> int:
    low, high = 0, len(left)
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] != right[low:middle]:
            high = middle
        else:
            low = middle
    return low


def _last(left: bytes, right: bytes) -> int:
    low, high = 0, len(left)
    while high - low > 1:
        middle = (low + high) // 2
        if left[middle:high] != right[middle:high]:
            low = middle
        else:
            high = middle
    return low
