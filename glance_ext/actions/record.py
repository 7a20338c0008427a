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
"""An action as its row tells it, and as the API shows it."""

from collections.abc import Iterable, Iterator
import contextlib
from dataclasses import dataclass
from dataclasses import field
import datetime
from typing import Any, Self

from oslo_config import cfg

from glance_ext import errors
from glance_ext.actions import shape
from glance_ext.host import database as db
from glance_ext.host import signatures
from glance_ext.host import tasks
from glance_ext.transfer.progress import Progress

#: The phases of an action, in the words of the API.
QUEUED, READING, WRITING = 'queued', 'reading', 'writing'
VERIFYING, RECORDING = 'verifying', 'recording'
ROLLING_BACK, ENDED = 'rolling-back', 'ended'


@dataclass
class Action:
    """One action. ``spec`` is what was asked for, and never changes.

    ``stamp`` is the row's ``updated_at`` as we know it: whoever knows it may
    write to the row, once.
    """

    id: str
    action_type: str
    status: str
    #: '' where there is no image, or not yet.
    image_id: str
    owner: str
    created_at: datetime.datetime
    stamp: datetime.datetime
    expires_at: datetime.datetime | None
    spec: dict[str, Any]
    message: str
    read_at: datetime.datetime
    phase: str = QUEUED
    attempt: int = 1
    #: Drawn by each owner, so that it knows whose cancellation it meets.
    runner: str = ''
    bytes_done: int = 0
    bytes_total: int | None = None
    bytes_per_second: int = 0
    #: ``{store: {'status': ..., 'bytes_done': ...}}``, with the
    #: ``bytes_per_second`` and ``eta_seconds`` of a store whose bytes are
    #: counted on their own.
    stores: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: dict[str, str] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    #: What the plugin has to know later; not shown.
    state: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, task: tasks.Task) -> Self:
        """Read a row of ours.

        :raises MalformedError: it does not hold what an action consists of

        A row that a node without the extension ended, as Glance does with
        one that it finds stale, says so in ``message`` and nowhere else.
        """
        spec = task.ours
        if spec is None:
            raise shape.MalformedError(f'task {task.id} holds no action')
        kept = task.result
        shape.require(spec, kept, task.created_at, task.updated_at)
        phase = ENDED if task.status == tasks.SUCCESS else kept.get(
            'phase', QUEUED)
        if task.status == tasks.FAILURE and phase != ENDED:
            phase = ROLLING_BACK
        error = kept.get('error')
        if task.status == tasks.FAILURE and not error:
            error = {'code': 'worker_lost', 'message': task.message}
        return cls(
            task.id, spec['action_type'], task.status,
            task.image_id or '', task.owner, task.created_at,
            task.updated_at, task.expires_at,
            spec, task.message, task.read_at, phase=phase,
            attempt=kept.get('attempt', 1),
            runner=kept.get('runner', ''),
            bytes_done=kept.get('bytes_done', 0),
            bytes_total=kept.get('bytes_total'),
            bytes_per_second=kept.get('bytes_per_second', 0),
            stores=kept.get('stores') or {
                store: {'status': 'pending', 'bytes_done': 0}
                for store in spec.get('stores', ())},
            error=error, result=kept.get('result') or {},
            state=kept.get('state') or {})

    @property
    def locks_image(self) -> bool:
        """Whether it holds the image's lock for as long as it lasts."""
        return bool(self.spec.get('locks_image', True))

    @property
    def max_attempts(self) -> int:
        """How often the work is tried at the most, crashes included."""
        return int(self.spec['max_attempts'])

    @property
    def awaits_upload(self) -> bool:
        """Tell whether it waits for a caller's data, and has no owner."""
        return ('upload_timeout' in self.spec
                and self.status == tasks.PENDING
                and not self.state.get('uploaded'))

    @property
    def is_stale(self) -> bool:
        """Tell its owner whether any other process may have it by now."""
        return self._is_silent(db.now())

    @property
    def was_stale(self) -> bool:
        """Tell others whether it had been silent for too long when read.

        Whoever asks may have been held up since. The owner may have written
        more in the second of ``stamp``, and died: who then took the action
        would not know it all.
        """
        return self._is_silent(self.read_at)

    @property
    def timeout(self) -> int:
        """After how many seconds without a write others may have it.

        What awaits an upload has no owner, and its time instead.
        """
        return int(self.spec['upload_timeout' if self.awaits_upload
                             else 'heartbeat_timeout'])

    def _is_silent(self, moment: datetime.datetime) -> bool:
        return moment - self.stamp > datetime.timedelta(seconds=self.timeout)

    @property
    def has_expired(self) -> bool:
        """Tell whether its row is only waiting to be purged."""
        return self.expires_at is not None and self.expires_at <= db.now()

    @property
    def is_cancelled(self) -> bool:
        """Tell whether it was cancelled, and is not all undone."""
        return (self.phase == ROLLING_BACK and self.error is not None
                and self.error['code'] == errors.Cancelled.code)

    def count(self, progress: Progress) -> None:
        """Take over how far the work is."""
        self.bytes_done, self.bytes_total = progress.done, progress.total
        for name, branch in list(progress.branches.items()):
            if name in self.stores:
                self.stores[name]['bytes_done'] = branch.done

    def measure(self, progress: Progress) -> None:
        """Take over how fast the work is since it was measured last."""
        self.bytes_per_second = progress.rate()
        for name, branch in list(progress.branches.items()):
            if name in self.stores:
                rate = branch.rate()
                self.stores[name].update(
                    bytes_per_second=rate, eta_seconds=branch.eta(rate))

    def kept(self) -> dict[str, Any]:
        """Return what the row's ``result`` holds: see :meth:`of`."""
        return {name: getattr(self, name) for name in (
            'phase', 'attempt', 'runner', 'bytes_done', 'bytes_total',
            'bytes_per_second', 'stores', 'error', 'result', 'state')}

    def view(self) -> dict[str, Any]:
        """Return the action as ``GET /v2/image-actions/{id}`` shows it."""
        percent = eta = None
        if self.bytes_total:
            percent = min(100, self.bytes_done * 100 // self.bytes_total)
            if self.bytes_per_second and self.phase != ENDED:
                eta = max(0, self.bytes_total - self.bytes_done
                          ) // self.bytes_per_second
        return {
            'id': self.id,
            'action_type': self.action_type,
            'status': self.status,
            'phase': self.phase,
            'image_id': self.image_id or None,
            'owner': self.owner,
            'created_at': _isotime(self.created_at),
            'updated_at': _isotime(self.stamp),
            'expires_at': self.expires_at and _isotime(self.expires_at),
            'progress': {
                'bytes_done': self.bytes_done,
                'bytes_total': self.bytes_total,
                'percent': percent,
                'bytes_per_second': self.bytes_per_second,
                'eta_seconds': eta,
                'stores': {store or 'default': self._seen(state)
                           for store, state in self.stores.items()},
            },
            'attempt': self.attempt,
            'max_attempts': self.max_attempts,
            'error': self.error,
            'message': self.message,
            'result': self.result,
            'self': f'/v2/image-actions/{self.id}',
            'schema': '/v2/schemas/image-action',
        }

    def _seen(self, state: dict[str, Any]) -> dict[str, Any]:
        if self.phase != ENDED:
            return state
        return {name: state[name] for name in ('status', 'bytes_done')}


def read(task: tasks.Task | None) -> Action | None:
    """Return the action of a row; None: there is none that can be read.

    A row that cannot be read is another release's, or of a person's making.
    It is logged once and must not stop whatever deals with many rows.
    """
    if task is None or task.ours is None:
        return None
    try:
        return Action.of(task)
    except shape.MalformedError as exc:
        signatures.report(task.id, str(exc))
        return None


def read_all(rows: Iterable[tasks.Task]) -> list[Action]:
    """Return the actions of the rows that :func:`read` can read."""
    return [action for action in map(read, rows) if action is not None]


@contextlib.contextmanager
def apart(action: Action) -> Iterator[None]:
    """Have an action that cannot be dealt with not stop the others.

    :raises oslo_db.exception.DBError: the database is what failed
    """
    try:
        yield
    except db.FAILURES:
        raise
    except Exception as exc:
        signatures.report(action.id, f'it cannot be dealt with: '
                                     f'{type(exc).__name__}', exc_info=True)


def new_spec(action_type: str, **asked: Any) -> dict[str, Any]:
    """Return the spec of a new action.

    It holds the options that an action keeps as it began with them.
    """
    conf = cfg.CONF
    return {'action_type': action_type,
            'max_attempts': 1 + conf.http_retries,
            'heartbeat_timeout': conf.glance_ext.heartbeat_timeout,
            'hashing_algorithm': conf.hashing_algorithm,
            **asked}


def own_task_type(action_type: str) -> str:
    """Return the type that such actions have with ``task_types = own``."""
    return 'glance_ext_' + action_type.replace('-', '_')


def task_type(action_type: str) -> str:
    """Return the type of the rows of such actions."""
    if cfg.CONF.glance_ext.task_types == 'own':
        return own_task_type(action_type)
    return 'api_image_import'


def _isotime(moment: datetime.datetime) -> str:
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')
