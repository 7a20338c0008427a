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
"""``GET /v2/info/glance-ext``: what this node can do, for clients to ask."""

from oslo_config import cfg

import glance_ext
from glance_ext.actions import plugin
from glance_ext.api import imports
from glance_ext.conf import hash as hash_options
from glance_ext.host import pools
from glance_ext.host import wsgi
from glance_ext.host.wsgi import Answer


def show(request: wsgi.Request) -> Answer:
    """Show the version, the kinds of action and the limits.

    The numbers of running actions are those of one process; 0 is no limit.
    """
    conf = cfg.CONF
    options = conf.glance_ext
    return Answer({
        'version': glance_ext.__version__,
        'action_types': plugin.types(),
        'import_methods': sorted(imports.taken_over()),
        'hash_algorithms': hash_options.allowed(conf),
        'limits': {
            'request_body_bytes': wsgi.BODY_LIMIT,
            'page_entries': conf.api_limit_max,
            'attempts': 1 + conf.http_retries,
            'running_actions': pools.room(),
            'running_actions_per_project': pools.room_of_project(),
            'running_actions_per_store':
                options.max_running_actions_per_store,
            'waiting_actions_per_project':
                options.max_waiting_actions_per_project,
        },
    })
