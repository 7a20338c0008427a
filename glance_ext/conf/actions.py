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

"""Options of the life of an action."""

import datetime

from oslo_config import cfg
from oslo_config import types


class _Moment(types.ConfigType):
    """A point in time, as ISO 8601 with a time zone; naive and in UTC."""

    def __init__(self) -> None:
        super().__init__(type_name='ISO 8601 time')

    def __call__(self, value: object) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        moment = datetime.datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(f'{value} has no time zone')
        return moment.astimezone(datetime.UTC).replace(tzinfo=None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Moment)

    __hash__ = types.ConfigType.__hash__

    def __repr__(self) -> str:
        return 'Moment'

    def _formatter(self, value: datetime.datetime) -> str:
        return f'{value.isoformat()}Z'


OPTS = [
    cfg.StrOpt(
        'task_types',
        default='api_image_import',
        choices=[
            ('api_image_import', 'The type of Glance\'s own imports, which '
             'every node knows. Safe while some nodes run without the '
             'extension.'),
            ('own', 'One type for each kind of action, such as '
             '``glance_ext_hash``. A node without the extension answers 500 '
             'when such a task is looked at, so every node needs the '
             'extension first.'),
        ],
        help='The ``type`` that the rows of our actions have in the table '
             '``tasks``.'),
    cfg.IntOpt(
        'max_running_actions',
        default=4, min=1, max=1024,
        help="""
How many actions one process runs at once. What exceeds them waits as
``pending`` in the process that accepted it. The projects take turns: one
that has few actions does not wait behind all of one that has many.

Related options:

* ``[wsgi] task_pool_threads``: at most two less than these run, so that
  the imports of Glance, which use the same threads, are never starved. The
  eventlet server of Glance 28 to 32 has no such threads.
"""),
    cfg.IntOpt(
        'max_running_actions_per_project',
        min=0, max=1024,
        sample_default='half of max_running_actions',
        help="""
Maximum number of actions of one project that one process runs at once. The
default is half of ``max_running_actions``, rounded up, so that no project
takes every place of a process; 0 means no limit. An action beyond the limit
waits as ``pending``, says so in its message, and actions of other projects
start before it. The limit does not hold for commands such as
``glance-ext-manage hash-missing``.

Related options:

* ``max_running_actions``: the limit for all projects together.
* ``max_waiting_actions_per_project``: how many more may wait.
"""),
    cfg.IntOpt(
        'max_waiting_actions_per_project',
        default=100, min=0, max=1000000,
        help="""
Maximum number of actions of one project that wait: those that are
``pending``, and image imports that wait for an upload. 0 means no limit. A
request for one more is answered with 413 and ``Retry-After``. Actions that
run do not count. The limit holds for the whole cloud; commands of the
operator without a project are not subject to it.

Related options:

* ``max_running_actions_per_project``: how many run at once.
"""),
    cfg.IntOpt(
        'max_running_actions_per_store',
        default=0, min=0, max=1024,
        help="""
How many actions a process runs at once that use the same store; 0 is without
limit. What exceeds them waits as ``pending`` and says so, and others go
before it. An import or a copy uses the stores that it writes to, a hash those
where the image lies.

Related options:

* ``store_bytes_per_second``: how much they move together.
"""),
    cfg.IntOpt(
        'heartbeat_timeout',
        default=120, min=10, max=3600,
        help="""
After how many seconds without a sign of life the process that runs an
action counts as dead, and another one may take the action over. An action
keeps the value with which it began. The clocks of all hosts have to agree
to within a fraction of this.
"""),
    cfg.IntOpt(
        'shutdown_timeout',
        default=60, min=0, max=3600,
        help="""
For how many seconds a process that was told to stop lets its running
actions go on. What has not finished by then is handed back as ``pending``
and starts again in another process, or in this one after the restart. Under
Apache's mod_wsgi it is never more than 2 seconds: Apache kills its processes
a second later.
"""),
    cfg.StrOpt(
        'on_worker_loss',
        default='restart',
        choices=[
            ('restart', 'Start the action again elsewhere, while it has '
             'attempts left.'),
            ('fail', 'End it as failed and roll back what it did.'),
        ],
        help='What happens to an action whose process died.'),
    cfg.Opt(
        'trust_actions_before',
        type=_Moment(),
        help="""
Time before which actions were accepted that need no valid signature, such
as ``2026-12-01T12:00:00Z``. Set it while nodes of a release without
signatures still run, or after a change of ``secret_key``, to a time by which
every node is restarted. Whoever could ``POST /v2/tasks`` before that time
could forge an action, so remove the option when those actions have ended.
Unset: each action needs a valid signature.
"""),
]
