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

"""Proof that a task's row holds what a node of this Glance accepted.

Whoever may ``POST /v2/tasks`` writes the ``input`` of a row, so that its key
``glance_ext`` proves nothing. A node signs what it accepts: an HMAC over the
row's id, owner and image, and over all that the action was asked for. What is
not signed so is a task like any other: Glance's rules hold for it, and the
extension neither runs nor shows it.

The key is derived from ``[glance_ext] secret_key``. Without that option it is
drawn by the first node and kept in a row of the table ``tasks``, which no API
lists or shows: it is marked as deleted, and its type is none that Glance
knows. Nobody can make that row through an API, because none lets a caller
choose the id or the type of a task. As it has no ``deleted_at``,
``glance-manage db purge`` leaves it.
"""

from collections.abc import Iterator
import contextlib
import datetime
import hmac
import json
import re
import secrets
import time
from typing import Any
import weakref

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_log import log as logging
import sqlalchemy as sa

from glance_ext.host import database as db
from glance_ext.host.database import task_info
from glance_ext.host.database import tasks

LOG = logging.getLogger(__name__)

#: Where the key is; no UUID, so that no caller can name it.
KEY_ID = 'glance-ext-signing-key'
_KEY_TYPE = 'glance_ext_key'
_KEY = re.compile('[0-9a-f]{64}')
#: Names the use of the key, so that no other use of it gives the same.
_PURPOSE = b'glance-ext: signature of an action, 1'
#: For so many seconds the stored key is what it was when it was read last,
#: though somebody may have emptied the table.
_READ_AGAIN = 1
#: Rows that are reported one by one, at the most.
_MOST_REPORTED = 1000

#: The stored key and when it was read, by database.
_stored: weakref.WeakKeyDictionary[Any, tuple[str, float]] = (
    weakref.WeakKeyDictionary())
_reported: set[str] = set()


def action(input_: Any) -> dict[str, Any] | None:
    """Return the action that ``input_`` is said to hold, whoever wrote it."""
    spec = input_.get('glance_ext') if isinstance(input_, dict) else None
    return spec if isinstance(spec, dict) else None


def check() -> None:
    """See that a key that is there is one.

    :raises BadKeyError: it is not
    """
    if not cfg.CONF.glance_ext.secret_key:
        stored = _read()
        if stored is not None:
            _require(stored)


def sign(task_id: str, owner: str, input_: dict[str, Any]) -> dict[str, Any]:
    """Return ``input_`` with a signature, if it holds an action.

    :raises BadKeyError: the stored key is damaged
    """
    if action(input_) is None:
        return input_
    return _signed(_key(fresh=True), task_id, owner, input_)


def alter(task_id: str, owner: str, input_: dict[str, Any],
          changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``input_`` with ``changes`` to the action that it holds.

    Signed as it was: what is only trusted is no more afterwards.
    """
    spec = input_['glance_ext']
    changed = {**input_, 'glance_ext': {**spec, **changes}}
    if _is_signed(task_id, owner, input_, spec.get('signature')):
        return _signed(_key(), task_id, owner, changed)
    return changed


def read(row: Any) -> tuple[
        dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """Return what a row has in ``input`` and ``result``, and its action.

    :param row: the tables ``tasks`` and ``task_info`` together, with these
        columns as text
    :returns: ``{}`` for what cannot be decoded; None for the action unless a
        node of this Glance accepted it, or it is trusted, and it can be read
    :raises BadKeyError: the stored key is damaged
    """
    input_, result = _decoded(row.input), _decoded(row.result)
    spec = action(input_)
    why = ''
    if input_ is None:
        if '"glance_ext"' in row.input:
            why = 'its input cannot be decoded'
    elif spec is None:
        pass  # a task of Glance's own
    elif result is None:
        why = 'its result cannot be decoded'
    elif not _is_trusted(row) and not (
            # A row without an image gets one later.
            input_.get('image_id') in (None, row.image_id)
            and _is_signed(row.id, row.owner, input_,
                           spec.get('signature'))):
        why = 'no node of this Glance has signed it'
    if why:
        report(row.id, why)
        spec = None
    return input_ or {}, result or {}, spec


def report(task_id: str, why: str, exc_info: bool = False) -> None:
    """Log, once, that a row is passed over."""
    if task_id in _reported or len(_reported) > _MOST_REPORTED:
        return
    _reported.add(task_id)
    if len(_reported) > _MOST_REPORTED:
        LOG.warning('More than %s tasks were passed over; no more of them '
                    'are logged by this process', _MOST_REPORTED)
    else:
        LOG.warning('Task %s, which has the form of an action of '
                    'glance-ext, is passed over: %s', task_id, why,
                    exc_info=exc_info)


class BadKeyError(Exception):
    """The row of the signing key does not hold a key."""

    def __init__(self) -> None:
        super().__init__(f'The row {KEY_ID} of the table tasks does not hold '
                         f'the signing key of glance-ext')


def _decoded(text: str | None) -> dict[str, Any] | None:
    """Return what a column holds; None: nobody can tell."""
    try:
        found = json.loads(text or '{}')
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else {}


def _is_trusted(row: Any) -> bool:
    """Tell whether an action was accepted when nobody had to sign it."""
    before: datetime.datetime | None = (
        cfg.CONF.glance_ext.trust_actions_before)
    return bool(before and row.created_at and row.created_at < before)


def _is_signed(task_id: str, owner: str, input_: dict[str, Any],
               signature: Any) -> bool:
    if not isinstance(signature, str) or not _KEY.fullmatch(signature):
        return False
    try:
        return any(
            hmac.compare_digest(signature, _digest(
                _key(), task_id, owner, input_))
            for _ in _while_key_changes())
    except (ValueError, RecursionError):
        return False  # nobody could have signed that


def _signed(key: bytes, task_id: str, owner: str, input_: dict[str, Any]
            ) -> dict[str, Any]:
    # As it will be read again: JSON has no tuples, for one.
    signature = _digest(key, task_id, owner, json.loads(json.dumps(input_)))
    return {**input_, 'glance_ext': {
        **input_['glance_ext'], 'signature': signature}}


def _digest(key: bytes, task_id: str, owner: str,
            input_: dict[str, Any]) -> str:
    signed = {name: value for name, value in input_['glance_ext'].items()
              if name != 'signature'}
    text = json.dumps([task_id, owner, input_.get('image_id'), signed],
                      sort_keys=True, separators=(',', ':'))
    return hmac.new(key, text.encode(), 'sha256').hexdigest()


def _while_key_changes() -> Iterator[None]:
    """Yield once, and again if the stored key was replaced meanwhile."""
    yield
    if cfg.CONF.glance_ext.secret_key:
        return
    before = _stored_key()
    if _stored_key(fresh=True) != before:
        yield


def _key(fresh: bool = False) -> bytes:
    secret = cfg.CONF.glance_ext.secret_key or _stored_key(fresh)
    return hmac.digest(secret.encode(), _PURPOSE, 'sha256')


def _stored_key(fresh: bool = False) -> str:
    """Return the key in the database; the first to ask draws it.

    :param fresh: read it again if that is a while ago
    """
    known = _stored.get(db.engine())
    if known is None or (
            fresh and time.monotonic() - known[1] > _READ_AGAIN):
        text = _read()
        if text is None:
            with contextlib.suppress(db_exception.DBDuplicateEntry):
                db.transaction(_draw)
            text = _read()
        known = _stored[db.engine()] = _require(text), time.monotonic()
    return known[0]


def _read() -> str | None:
    """Return what there is of a key, or None. '' is another's row."""
    rows = db.read(sa.select(tasks.c.type, task_info.c.message).outerjoin(
        task_info, tasks.c.id == task_info.c.task_id).where(
            tasks.c.id == KEY_ID))
    if not rows:
        return None
    return rows[0].message or '' if rows[0].type == _KEY_TYPE else ''


def _require(text: str | None) -> str:
    if not text or not _KEY.fullmatch(text):
        raise BadKeyError
    return text


def _draw(connection: db.Connection) -> None:
    """Write a new key, in one transaction, so that one of two is refused.

    Another one each time, because what was refused may be logged.
    """
    moment = db.now()
    connection.execute(tasks.insert().values(
        id=KEY_ID, type=_KEY_TYPE, status='success', owner='glance-ext',
        created_at=moment, updated_at=moment, deleted=True))
    connection.execute(task_info.insert().values(
        task_id=KEY_ID, message=secrets.token_hex(32)))
