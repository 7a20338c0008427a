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
"""How many images, and how many bytes in which store, have no hash."""

from typing import Any

from glance_ext.host import sweeps


def count() -> dict[str, Any]:
    """Return the numbers of all active images.

    ``{'images': n, 'bytes': n, 'missing': {'images': n, 'bytes': n},
    'algorithms': {name: {'images', 'bytes'}}, 'stores': {store:
    {'images', 'bytes'}}}``. ``stores`` has the copies of images without a
    hash; one image may be in several of them. The id of the only store of a
    Glance without ``enabled_backends`` is ``''``.
    """
    total, missing = _nothing(), _nothing()
    algorithms: dict[str, dict[str, int]] = {}
    for found in sweeps.counts():
        for each in found:
            _add(total, each.images, each.bytes)
            _add(algorithms.setdefault(each.os_hash_algo or 'unknown',
                                       _nothing())
                 if each.has_hash else missing, each.images, each.bytes)
    stores: dict[str, dict[str, int]] = {}
    for page in sweeps.candidates():
        places = sweeps.stores([image.id for image in page])
        for image in page:
            for store in places.get(image.id, ()):
                _add(stores.setdefault(store, _nothing()), 1,
                     image.size or 0)
    return {**total, 'missing': missing,
            'algorithms': dict(sorted(algorithms.items())),
            'stores': dict(sorted(stores.items()))}


def _nothing() -> dict[str, int]:
    return {'images': 0, 'bytes': 0}


def _add(to: dict[str, int], images: int, size: int) -> None:
    to['images'] += images
    to['bytes'] += size
