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
"""Options of where actions run."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'executor',
        default='local',
        choices=[
            ('local', 'In the process of the API that accepted the action.'),
            ('jobboard', 'In the processes of ``glance-ext-worker``, which '
             'find the actions on a jobboard. The API only posts them.'),
        ],
        help="""
Where actions run.

Related options:

* ``jobboard_url``: the jobboard. The same in every API process and worker.
"""),
    cfg.StrOpt(
        'jobboard_url',
        default='redis://127.0.0.1:6379/0', secret=True,
        help="""
Where the jobboard is, with ``executor = jobboard``.

Possible values:

* ``redis://[USER:PASSWORD@]HOST:PORT/DATABASE`` or ``rediss://...`` for TLS.
  Needs the Python package ``redis``.
* ``etcd://HOST:PORT`` or ``etcds://...`` for TLS. Needs the Python package
  ``etcd3gw``.

What follows a ``?`` goes to taskflow's driver as it is:
``?namespace=glance_region1`` for two clouds on one Redis, ``?path=...`` on
one etcd, and ``ssl_ca_certs`` or ``ca_cert``.
"""),
]
