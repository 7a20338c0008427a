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
"""Drivers that take the digests of the one pass, and do not hash again.

Every driver hashes what it writes, twice, with no way to tell it not to.
They all get their hashers from one function of glance_store; within
:func:`shared` that function gives hashers which calculate nothing and
answer with what the pass has found. The function is private: where it is
absent, the drivers just hash again.
"""

from collections.abc import Callable, Iterator
import contextlib
import contextvars
import threading
from typing import Any

from glance_store.common import utils as store_code

#: The algorithm by which drivers are asked to name the data.
CHECKSUM = 'md5'


class Digests:
    """What the pass finds, once it has: drivers may ask for it before."""

    def __init__(self) -> None:
        self._found: dict[str, str] | None = None
        self._known = threading.Event()

    def set(self, found: dict[str, str] | None) -> None:
        """Tell the digests, or None: there are none to come."""
        self._found = found
        self._known.set()

    def get(self, algorithm: str) -> str:
        """Wait for the digest of one algorithm and return it.

        :returns: hex digits; '' where there are none to come, or not of that
            algorithm. No driver expects an exception there, and what it
            wrote would be left
        """
        self._known.wait()
        return self._found.get(algorithm, '') if self._found else ''


class _Hasher:
    """Looks like hashlib's, to a driver."""

    def __init__(self, algorithm: str, digests: Digests,
                 is_at_end: Callable[[], bool]) -> None:
        self.name = algorithm
        self._digests = digests
        self._is_at_end = is_at_end

    def update(self, data: bytes) -> None:
        """The pass calculates."""

    def hexdigest(self) -> str:
        # A driver that leaves bytes unread (Swift takes as many as it was
        # told of) would wait for a pass that waits for it to read them.
        return self._digests.get(self.name) if self._is_at_end() else ''


_shared: contextvars.ContextVar[tuple[Digests, Callable[[], bool]] | None] = (
    contextvars.ContextVar('glance_ext_digests', default=None))
_own = getattr(store_code, 'get_hasher', None)


def _get_hasher(hash_algo: str, *args: Any, **kwargs: Any) -> Any:
    found = _shared.get()
    if found is None:
        return _own(hash_algo, *args, **kwargs)  # type: ignore[misc]
    return _Hasher(str(hash_algo), *found)


@contextlib.contextmanager
def shared(digests: Digests, is_at_end: Callable[[], bool]
           ) -> Iterator[None]:
    """Have the drivers that this thread calls answer with ``digests``.

    :param is_at_end: tells whether everything was read, when it is known
    """
    if _own is not None:
        store_code.get_hasher = _get_hasher
    token = _shared.set((digests, is_at_end))
    try:
        yield
    finally:
        _shared.reset(token)
