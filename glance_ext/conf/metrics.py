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

"""Options of the metrics."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'metrics_dir',
        help="""
A directory where all processes of a host keep their counters together, so
that ``GET /v2/info/glance-ext/metrics`` tells of all of them, whichever
answers.

Possible values:

* The path of a directory that the processes may write to, used by nothing
  else, best in memory: ``/run/glance-ext/metrics``. It may be emptied while no
  process runs.
* Not set (the default): each process tells of itself alone. That is enough
  where there is only one.
"""),
]
