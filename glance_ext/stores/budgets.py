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
"""How many bytes a second this process moves, in all and for each store."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from oslo_config import cfg

from glance_ext.transfer.budget import Budget
from glance_ext.transfer.closing import closing

_all = Budget()
_stores: dict[str, Budget] = {}


def refresh() -> None:
    """Take the rates out of the options; they hold for what runs, too."""
    options = cfg.CONF.glance_ext
    _all.rate = options.bytes_per_second
    wanted = options.store_bytes_per_second
    for store in {*_stores, *wanted}:
        _stores.setdefault(store, Budget()).rate = int(wanted.get(store, 0))


def take_all(count: int, sleep: Callable[[float], None]) -> None:
    """Let ``count`` bytes into this process.

    :param sleep: waits so many seconds; what it raises ends the wait
    """
    _all.take(count, sleep)


def take(stores: Iterable[str], count: int,
         sleep: Callable[[float], None]) -> None:
    """Let ``count`` bytes pass that were read from or go to ``stores``.

    :param sleep: as with :func:`take_all`
    """
    for store in stores:
        if store in _stores:
            _stores[store].take(count, sleep)


def spend(chunks: Iterable[bytes], stores: Sequence[str],
          sleep: Callable[[float], None]) -> Iterator[bytes]:
    """Yield the chunks as :func:`take` lets them pass; close them then."""
    with closing(chunks) as source:
        for chunk in source:
            take(stores, len(chunk), sleep)
            yield chunk
