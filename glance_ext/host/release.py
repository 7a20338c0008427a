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

"""What differs between the releases of Glance that we support.

28 (2024.1) has no ``http_retries``. 28 to 32 can be served by eventlet's
``glance-api``. 28 counts images that wait for the scrubber for its limits.
Everything else that the extension touches is the same in 28 to 33.
"""

from collections.abc import Iterable

from glance import async_
from glance import domain
from glance.api.v2 import tasks as tasks_api
from glance.db.sqlalchemy import api as db_api
from oslo_config import cfg


def register_missing_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options that later releases have and this one lacks."""
    try:
        conf.register_opt(cfg.IntOpt(
            'http_retries', default=3, min=0,
            help='How many times a failed attempt is made again.'))
    except cfg.DuplicateOptError:
        pass  # 29 and later have their own, with other bounds and help


def accept_task_types(types: Iterable[str]) -> None:
    """Have Glance's own task calls show rows of these types.

    They refuse a type that they do not know with 500, and a client that
    checks answers by ``/v2/schemas/task`` refuses it as well.
    """
    known = tuple(dict.fromkeys((*domain.Task._supported_task_type, *types)))
    domain.Task._supported_task_type = known
    tasks_api._TASK_SCHEMA['type']['enum'][:] = known


def has_green_threads() -> bool:
    """Tell whether this process is eventlet's ``glance-api``.

    There every thread shares one native thread, so that a loop which does
    not yield stops all requests of the process.
    """
    return 'Eventlet' in async_.get_threadpool_model().__name__


def counts_pending_delete() -> bool:
    """Tell whether images that wait for the scrubber count for limits.

    They do in Glance 28, unless that was corrected there as well.
    """
    count = db_api._image_get_count_by_owner
    return 'pending_delete' not in str(count.__code__.co_consts)
