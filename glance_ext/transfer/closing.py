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
"""Closing a source that is not read to its end."""

from collections.abc import Iterable, Iterator
import contextlib


@contextlib.contextmanager
def closing(chunks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """Yield an iterator of ``chunks``, and close it in the end if it can be.

    Garbage collection would do so as well, but not while somebody holds an
    exception that came out of it: until then a driver's connection is open.
    """
    iterator = iter(chunks)
    try:
        yield iterator
    finally:
        getattr(iterator, 'close', lambda: None)()
