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

"""Options of the way that bytes take."""

from oslo_config import cfg
from oslo_config import types

#: Bytes per second; nothing is faster, so this is no limit.
_MOST = 1 << 40

OPTS = [
    cfg.IntOpt(
        'digest_threads',
        default=2, min=1, max=8,
        help="""
How many threads calculate the digests of one image beside the thread that
reads it. Two halve the time for one image where two cores are idle; one
leaves more of the machine to API requests. The eventlet server calculates
in the reading thread, whatever this says.
"""),
    cfg.IntOpt(
        'bytes_per_second',
        default=0, min=0, max=_MOST, mutable=True,
        help="""
How many bytes all actions of one process read in a second, together; 0 is
without limit. Where the server reloads its options, a changed value holds
within seconds, also for actions that run.
"""),
    cfg.Opt(
        'store_bytes_per_second',
        type=types.Dict(types.Integer(min=0, max=_MOST)),
        default={}, mutable=True,
        help="""
How many bytes all actions of one process read from a store and write to it
in a second, together, for the stores that are named here.

Possible values:

* Pairs of a store's id and a number, such as ``ceph:200000000,s3:50000000``.
  A store that is not named has no limit but ``bytes_per_second``.
"""),
    cfg.IntOpt(
        'stall_timeout',
        default=300, min=5, max=86400,
        help="""
After how many seconds without a single byte from a store, or into one, that
store counts as failed. Many drivers wait without an end.
"""),
]
