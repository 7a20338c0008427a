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

#: What ``os_hash_algo`` may be: every algorithm that all Pythons have and
#: whose digest is of one length that fits the 128 characters of the column
#: ``os_hash_value``. The shake functions have no length of their own.
ALGORITHMS: tuple[str, ...] = tuple(sorted(
    name for name in hashlib.algorithms_guaranteed
    if 0 < hashlib.new(name, usedforsecurity=False).digest_size <= 64))

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
  has to be among these.
"""),
]
