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
"""A board on which actions wait for a worker, in Redis or etcd.

Only a way to hand out work: what an action is, and whose, its row says. A
job is the id of an action, or a worker that shows that it lives by claiming
a job of its own. What gets lost here, the keepers post again.
"""

from collections.abc import Iterator
import contextlib
import os
import socket
from typing import Any, NamedTuple, Self
import urllib.parse

from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.actions import reach
from glance_ext.actions import record

LOG = logging.getLogger(__name__)

_ACTION, _WORKER = 'action', 'worker'
#: The driver of taskflow for a scheme, the package it needs, and settings.
_SCHEMES: dict[str, tuple[str, str, dict[str, Any]]] = {
    'redis': ('redis', 'redis', {}),
    'rediss': ('redis', 'redis', {'ssl': True}),
    'etcd': ('etcd', 'etcd3gw', {}),
    'etcds': ('etcd', 'etcd3gw', {'protocol': 'https'}),
}
_NAMESPACE = 'glance_ext'
#: Seconds to wait for the server of the board.
_TIMEOUT = 5


class Unavailable(Exception):
    """The board cannot be used; says why, without the address."""


class Worker(NamedTuple):
    """A worker that lives."""

    host: str
    pid: int
    #: The ids of its stores; empty on a Glance with a single store.
    stores: frozenset[str]


class Board:
    """A connection to the board, and the claims of this process.

    :raises Unavailable: from the constructor, where a package is missing or
        the URL is wrong; from the methods, where the server does not answer
    """

    def __init__(self, url: str, who: str) -> None:
        self._who = who
        self._claims: dict[str, Any] = {}
        self._presence: Any = None
        conf = _settings(url)
        try:
            from taskflow.jobs import backends
            self._board: Any = backends.fetch('glance_ext', conf)
        except Exception as exc:
            _, package, _ = _SCHEMES[urllib.parse.urlsplit(url).scheme]
            raise Unavailable(
                f'The jobboard needs a taskflow that knows '
                f'{conf["board"]!r}, and the Python package {package}: '
                f'{type(exc).__name__}') from exc

    def connect(self) -> Self:
        """Connect, if it is not."""
        with _translated():
            if not self._board.connected:
                self._board.connect()
        return self

    def close(self) -> None:
        """Let go of the connection; the claims run out by themselves."""
        with contextlib.suppress(Exception):
            self._board.close()

    def post(self, action_id: str) -> None:
        """Offer an action to the workers."""
        with _translated():
            self._board.post(_ACTION, details={'action_id': action_id})

    def posted(self) -> set[str]:
        """Return the ids of the actions on the board, claimed or not."""
        with _translated():
            return {job.details.get('action_id', '')
                    for job in self._jobs(_ACTION)}

    def offers(self) -> Iterator[tuple[str, Any]]:
        """Yield the actions that nobody has claimed, with their jobs."""
        with _translated():
            for job in self._jobs(_ACTION, only_unclaimed=True):
                yield job.details.get('action_id', ''), job

    def claim(self, action_id: str, job: Any, seconds: float) -> bool:
        """Claim a job; False where somebody else did, or it is gone."""
        from taskflow import exceptions
        with _translated():
            try:
                self._board.claim(job, self._who, expiry=seconds)
            except (exceptions.UnclaimableJob, exceptions.NotFound):
                return False
        self._claims[action_id] = job
        return True

    @property
    def claimed(self) -> list[str]:
        """The actions that this process has claimed."""
        return list(self._claims)

    def extend(self, seconds: float) -> None:
        """Show that this process lives, for all that it has claimed."""
        with _translated():
            for job in (*self._claims.values(), self._presence):
                if job is not None:
                    job.extend_expiry(seconds)

    def consume(self, action_id: str) -> None:
        """Take the job of an action that has ended off the board."""
        self._let_go(action_id, 'consume')

    def abandon(self, action_id: str) -> None:
        """Offer an action that was claimed here to the others again."""
        self._let_go(action_id, 'abandon')

    def appear(self, stores: list[str], seconds: float) -> None:
        """Show that this process is a worker with these stores."""
        with _translated():
            job = self._board.post(_WORKER, details={
                'host': socket.gethostname(), 'pid': os.getpid(),
                'stores': stores})
            self._board.claim(job, self._who, expiry=seconds)
        self._presence = job

    def is_seen(self) -> bool:
        """Tell whether the others see that this process lives."""
        from taskflow import states
        with _translated():
            return (self._presence is not None
                    and self._presence.state == states.CLAIMED)

    def disappear(self) -> None:
        """Be no worker any more."""
        job, self._presence = self._presence, None
        if job is not None:
            self._end('consume', job)

    def workers(self) -> list[Worker]:
        """Return the workers that live; forget those that died."""
        from taskflow import states
        found = []
        with _translated():
            for job in self._jobs(_WORKER):
                details = job.details
                if job.state == states.CLAIMED:
                    found.append(Worker(details['host'], details['pid'],
                                        frozenset(details['stores'])))
                else:
                    with contextlib.suppress(Exception):
                        self._board.claim(job, self._who, expiry=_TIMEOUT)
                        self._board.consume(job, self._who)
        return found

    def _jobs(self, name: str, **how: bool) -> Iterator[Any]:
        for job in self._board.iterjobs(ensure_fresh=True, **how):
            if job.name == name:
                yield job

    def _let_go(self, action_id: str, how: str) -> None:
        job = self._claims.pop(action_id, None)
        if job is not None:
            self._end(how, job)

    def _end(self, how: str, job: Any) -> None:
        from taskflow import exceptions
        with _translated():
            # The claim may have run out while the board was not to be had.
            with contextlib.suppress(exceptions.NotFound):
                getattr(self._board, how)(job, self._who)


def check() -> None:
    """Raise :class:`Unavailable` where this process cannot use a board."""
    Board(cfg.CONF.glance_ext.jobboard_url, 'check')


@contextlib.contextmanager
def connected() -> Iterator[Board]:
    """Give a board for a moment."""
    board = Board(cfg.CONF.glance_ext.jobboard_url, f'{os.getpid()}')
    try:
        yield board.connect()
    finally:
        board.close()


def why_waiting(action: record.Action, workers: list[Worker]) -> str:
    """Say what an action on the board waits for."""
    if not workers:
        return 'Waiting: no glance-ext-worker is running'
    lacking = [reach.lacking(action, worker.stores) for worker in workers]
    if all(lacking):
        return f'Waiting: no worker has {min(lacking, key=len)}'
    return 'Waiting for a worker'


def _settings(url: str) -> dict[str, Any]:
    """Return what taskflow's driver wants to know, out of the option.

    :raises Unavailable: the URL is none of a jobboard
    """
    try:
        parts = urllib.parse.urlsplit(url)
        driver, _, conf = _SCHEMES[parts.scheme]
        port = parts.port
    except (ValueError, KeyError) as exc:
        raise Unavailable('jobboard_url is no redis://, rediss://, etcd:// '
                          'or etcds:// URL') from exc
    conf = {**conf, 'board': driver,
            'host': parts.hostname or '127.0.0.1'}
    if port:
        conf['port'] = port
    if driver == 'redis':
        conf |= {'namespace': _NAMESPACE, 'socket_timeout': _TIMEOUT,
                 'socket_connect_timeout': _TIMEOUT,
                 'db': parts.path.strip('/') or '0'}
        for name in ('username', 'password'):
            if value := getattr(parts, name):
                conf[name] = urllib.parse.unquote(value)
    else:
        conf |= {'path': _NAMESPACE, 'timeout': _TIMEOUT}
    return conf | dict(urllib.parse.parse_qsl(parts.query))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what taskflow and the clients raise into ours."""
    try:
        yield
    except (errors.ActionError, Unavailable):
        raise
    except Exception as exc:
        raise Unavailable(
            f'The jobboard does not answer: {type(exc).__name__}') from exc
