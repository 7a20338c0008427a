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


"""The options of Nova's group ``[glance]`` that the image services read."""

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = 'glance'

_OPTS = [
    cfg.ListOpt(
        'api_servers',
        default=[],
        help='Endpoints of Glance without a version, such as '
        'http://10.0.0.1:9292. They take turns, beginning with any of them. '
        'Without them "endpoint_override", and then the service catalog of '
        'the caller, says where Glance is.',
    ),
    cfg.IntOpt(
        'num_retries',
        default=3,
        min=0,
        help='How often a request is sent again, to the next server, after '
        'one that could not be reached or answered 503. 0 sends it once.',
    ),
    cfg.BoolOpt(
        'use_glance_v1',
        default=False,
        deprecated_for_removal=True,
        deprecated_reason='Every server has version 2 of the Image API.',
        help='Speak version 1 of the Image API, for servers that have no '
        'other. It is looked at once, when a service is made.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the group known to ``conf``; where it is known, it stays."""
    for opt in (
        *_OPTS,
        *loading.get_session_conf_options(),
        *loading.get_adapter_conf_options(),
    ):
        try:
            conf.register_opt(opt, group=GROUP)
        except cfg.DuplicateOptError:
            pass  # this is a process of Nova, with options of its own
