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

"""Options of the calculate-hash call."""

import hashlib

from oslo_config import cfg
from oslo_config import types


def is_calculable(algorithm: str) -> bool:
    """Tell whether this Python has it, and its digest fits the image.

    The column ``os_hash_value`` has 128 characters. The shake functions have
    no length of their own.
    """
    try:
        size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    except ValueError:
        return False
    return 0 < size <= 64


#: What ``os_hash_algo`` may be in a request: what every Python has.
ALGORITHMS: tuple[str, ...] = tuple(sorted(
    filter(is_calculable, hashlib.algorithms_guaranteed)))


def allowed(conf: cfg.ConfigOpts) -> list[str]:
    """Return what a caller may ask for by name."""
    return conf.glance_ext.allowed_hash_algorithms or list(ALGORITHMS)


def is_allowed(algorithm: str, conf: cfg.ConfigOpts) -> bool:
    """Tell whether a hash may be calculated by this algorithm.

    Glance takes any that its Python has as ``hashing_algorithm``.
    """
    return algorithm in allowed(conf) or (
        not conf.glance_ext.allowed_hash_algorithms
        and algorithm == conf.hashing_algorithm
        and is_calculable(algorithm))


OPTS = [
    cfg.ListOpt(
        'allowed_hash_algorithms',
        item_type=types.String(choices=ALGORITHMS),
        default=[],
        help="""
The algorithms that a caller may ask for when a hash is calculated.

Possible values:

* Names out of ``hashlib.algorithms_guaranteed`` with a digest of fixed
  length.
* Empty (the default): all of them.

Related options:

* ``[DEFAULT] hashing_algorithm`` is used where a caller names none, and
  has to be among these, unless this is empty.
"""),
]
