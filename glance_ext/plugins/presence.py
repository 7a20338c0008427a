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

"""Whether a store is there, or only a mount point or an empty pool.

A file system that is not mounted, and a wrong pool, say of every copy that
it is missing. Whoever believes that writes all copies anew, into the mount
point, or takes all locations away. When most of the copies that were recorded
last are missing, it is the store that is missing.
"""

import itertools
from typing import Any

from oslo_config import cfg

from glance_ext import errors
from glance_ext.host import sweeps
from glance_ext.stores import drivers
from glance_ext.stores.reading import Copy

#: Of so many other images, a copy is looked for.
_SAMPLE = 10
#: Of fewer, nothing can be told.
_LEAST = 2
#: The option of the server's commands that does without this.
OVERRIDE = '--even-if-store-looks-empty'


def require(store: str, context: Any, image_id: str = '') -> None:
    """See that a store is there.

    :param image_id: of the image whose copy is missing, which proves nothing
    :raises errors.StoreUnavailable: it lacks most of the copies of others
    """
    found = itertools.islice(_others(store, image_id), _SAMPLE)
    missing = [copy.is_missing(cfg.CONF.glance_ext.stall_timeout)
               for copy in (Copy(place, context) for place in found)]
    if len(missing) >= _LEAST and 2 * sum(missing) > len(missing):
        raise errors.StoreUnavailable(
            f'{drivers.name(store)} looks as if it were not mounted, or as '
            f'if its pool or bucket were another one: {sum(missing)} of the '
            f'{len(missing)} copies recorded last are missing, so nothing '
            f'was repaired or removed. Bring the store back, or use '
            f'{OVERRIDE} of glance-ext-manage if its data is really lost')


def _others(store: str, image_id: str) -> Any:
    """Yield one location in the store for each other image."""
    seen = set()
    for other, place in sweeps.newest(image_id):
        if other not in seen and drivers.store_of(place) == store:
            seen.add(other)
            yield place
