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
"""What an upgrade, or a first installation, ought to find in order."""

from collections.abc import Callable
import difflib
import functools
import os
from typing import Any, NamedTuple

from oslo_config import cfg
from oslo_utils import uuidutils

from glance_ext import errors
from glance_ext import policies
from glance_ext.actions import jobboard
from glance_ext.actions import reach
from glance_ext.host import contexts
from glance_ext.host import database as db
from glance_ext.host import import_plugins
from glance_ext.host import policy
from glance_ext.host import qemu_img
from glance_ext.host import setup
from glance_ext.host import signatures
from glance_ext.host import supported
from glance_ext.host import tasks
from glance_ext.stores import drivers
from glance_ext.stores import traits

GOOD, WARNING, BAD = 'good', 'warning', 'bad'

#: Seconds to wait for the answer of a store.
_PATIENCE = 15


class Finding(NamedTuple):
    """What a check has found, and what to do about it."""

    verdict: str
    details: str = ''


def host_release() -> Finding:
    """Glance is of a release that the extension supports."""
    try:
        supported.check()
    except supported.UnsupportedHost as exc:
        return Finding(BAD, str(exc))
    return Finding(GOOD)


def policy_names() -> Finding:
    """The policy file has no rule whose name is nearly one of ours.

    A rule that is misspelled says nothing, and the default holds.
    """
    ours = [rule.name for rule in policies.list_rules()]
    enforcer = policy.Enforcer()
    enforcer.load_rules()
    wrong = [
        f'{name} is no rule (is {meant} meant?)'
        for name in sorted(set(enforcer.file_rules) - set(
            enforcer.registered_rules))
        for meant in difflib.get_close_matches(name, ours, 1, 0.8)]
    return Finding(WARNING, '; '.join(wrong)) if wrong else Finding(GOOD)


def lock_path() -> Finding:
    """Glance's own hashing of locations takes locks in files."""
    where = cfg.CONF.oslo_concurrency.lock_path
    if not where:
        return Finding(WARNING, '[oslo_concurrency] lock_path is not set: '
                       'Glance cannot cancel its own hashing')
    if not os.access(where, os.W_OK):
        return Finding(WARNING, f'lock_path {where} cannot be written to by '
                                f'this user')
    return Finding(GOOD)


def imports() -> Finding:
    """Import methods are enabled, and there is a place to stage data."""
    conf = cfg.CONF
    if not conf.enabled_import_methods:
        return Finding(WARNING, 'enabled_import_methods is empty')
    try:
        where = setup.staging()
    except Exception as exc:
        return Finding(BAD, f'no staging: {type(exc).__name__}')
    if not os.access(where, os.W_OK):
        return Finding(BAD, f'the staging directory {where} cannot be '
                            f'written to by this user')
    return Finding(GOOD)


def conversion() -> Finding:
    """qemu-img can be run, with nothing within its reach but one image."""
    try:
        reach_ = qemu_img.isolation()
    except qemu_img.Unusable as exc:
        configured = 'conversion' in cfg.CONF.glance_ext.verifiers or (
            'image_conversion' in import_plugins.names())
        return Finding(BAD if configured else WARNING,
                       f'images cannot be converted: {exc}')
    if not cfg.CONF.wsgi.python_interpreter:
        return Finding(
            WARNING, '[wsgi] python_interpreter is not set: under uWSGI, '
                     'images cannot be converted')
    within = [name for name, value in reach_._asdict().items() if value]
    return Finding(GOOD, f'this host does not let qemu-img be kept from: '
                         f'{", ".join(within)}' if within else '')


def task_types() -> Finding:
    """Rows of types of our own need the extension on every node."""
    if cfg.CONF.glance_ext.task_types == 'own':
        return Finding(WARNING, 'task_types = own: every node needs the '
                       'extension, or answers 500 for our tasks')
    return Finding(GOOD)


def signing() -> Finding:
    """Every action that has not ended is signed, with the key of this node.
    """
    trusted = cfg.CONF.glance_ext.trust_actions_before
    if trusted and trusted > db.now():
        return Finding(WARNING, f'trust_actions_before: until {trusted} UTC '
                       f'an action needs no signature')
    try:
        signatures.check()
        found = tasks.unverified()
    except signatures.BadKeyError as exc:
        return Finding(BAD, str(exc))
    except db.FAILURES as exc:
        return Finding(BAD, f'the database does not answer: '
                            f'{type(exc).__name__}')
    if found:
        return Finding(WARNING, f'{len(found)} tasks pass for actions and '
                       f'have no valid signature, {found[0]} among them: '
                       f'they are not run')
    return Finding(GOOD)


def stores() -> Finding:
    """Every enabled store answers, as far as its driver can ask."""
    wrong = []
    for store in reach.stores() or ['']:
        where = drivers.name(store)
        try:
            drivers.in_time(functools.partial(_ask, store), _PATIENCE, where)
        except errors.ActionError as exc:
            wrong.append(exc.message)
    return Finding(BAD, '; '.join(wrong)) if wrong else Finding(GOOD)


def _ask(store: str) -> None:
    """Ask a store for an image that nobody has."""
    with drivers.translated(drivers.name(store)):
        driver = drivers.of_store(store)
        occupied = traits.of(driver).occupied
        if occupied is not None:
            occupied(driver, uuidutils.generate_uuid(), contexts.admin())


def retries() -> Finding:
    """An action is tried more than once, and not for ever."""
    count = cfg.CONF.http_retries
    if not 0 < count <= 10:
        return Finding(WARNING, f'http_retries = {count}: an action has '
                                f'{count + 1} attempts')
    return Finding(GOOD)


def workers() -> Finding:
    """With a jobboard, somebody takes the jobs."""
    if cfg.CONF.glance_ext.executor != 'jobboard':
        return Finding(GOOD, 'actions run in the API')
    try:
        with jobboard.connected() as board:
            found = board.workers()
    except jobboard.Unavailable as exc:
        return Finding(BAD, str(exc))
    if not found:
        return Finding(BAD, 'no glance-ext-worker is running')
    return Finding(GOOD, ', '.join(sorted(
        f'{worker.host} ({worker.pid})' for worker in found)))


#: In the order in which they are shown; the first ones are of use where the
#: later ones cannot be made.
CHECKS: tuple[tuple[str, Callable[[], Any]], ...] = (
    ('Release of Glance', host_release),
    ('Policies', policy_names),
    ('Lock path', lock_path),
    ('Imports and staging', imports),
    ('Conversion', conversion),
    ('Task types', task_types),
    ('Signatures', signing),
    ('Stores', stores),
    ('Retries', retries),
    ('Workers', workers),
)
