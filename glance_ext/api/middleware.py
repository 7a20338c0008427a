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
"""The paste filter ``egg:glance-ext#glance_ext``.

Placed right after ``context`` (or ``unauthenticated-context``), so that the
caller is known and no cache stands before us.
"""

from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from glance_ext import conf
from glance_ext.host import supported


def filter_factory(global_conf: dict[str, str],
                   **local_conf: str) -> Callable[[Any], Any]:
    """Return the filter; paste calls this once for a pipeline.

    :raises supported.UnsupportedHost: the server does not start on a
        Glance that the extension does not know
    :raises jobboard.Unavailable: workers are to run the actions, and what
        that needs is not installed
    """
    supported.check()
    # Only now, because these import what another Glance may not have.
    from glance_ext.actions import jobboard
    from glance_ext.actions import plugin
    from glance_ext.actions import posting
    from glance_ext.actions import record
    from glance_ext.api import dispatch
    from glance_ext.host import release
    release.register_missing_opts(cfg.CONF)
    release.accept_task_types(map(record.own_task_type, plugin.types()))
    conf.register_opts(cfg.CONF)
    if posting.is_on():
        jobboard.check()
    return dispatch.mount
