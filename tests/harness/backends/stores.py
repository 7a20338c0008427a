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
"""glance_store set up in this process, as Glance does it, and undone again.

It takes the same sections that a Glance would read from its file, and the
process-wide ``cfg.CONF``, because glance_store itself reads that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
from typing import Any

import glance_store
from glance_store import driver
from glance_store import location
from oslo_config import cfg

from tests.harness import backends
from tests.harness.backends import ceph

CONF = cfg.CONF
_MAPS = (location.SCHEME_TO_CLS_MAP, location.SCHEME_TO_CLS_BACKEND_MAP)


def instance(*sections: backends.Sections) -> dict[str, Any]:
    """Return ``stores`` and ``config`` for a Glance with these stores.

    The first has the highest weight and is the default.
    """
    found = _merged(sections)
    config = {key.partition(':')[0]: found[key] for key in found}
    return {'stores': tuple(found), 'config': config}


@contextlib.contextmanager
def multi_store(*sections: backends.Sections) -> Iterator[Any]:
    """Set up these stores, the first of them the default; yield the CONF.

    One at a time in a process.

    :raises RuntimeError: when glance_store takes less than all of a store,
        which it does in silence: its log says why.
    :raises oslo_config.cfg.NoSuchOptError: for an option no driver has.
    """
    found = _merged(sections)
    kinds = dict(key.split(':') for key in found)
    with _configuration() as override:
        override('enabled_backends', kinds)
        glance_store.register_store_opts(CONF)
        override('default_backend', next(iter(kinds)), 'glance_store')
        for name, options in zip(kinds, found.values(), strict=True):
            CONF.register_opts(driver.Store.MULTI_BACKEND_OPTIONS, name)
            for option, value in options.items():
                override(option, value, name)
        glance_store.create_multi_stores(CONF)
        known = list(location.SCHEME_TO_CLS_BACKEND_MAP.values())
        for name in kinds:
            _check(name, [each[name] for each in known if name in each])
        yield CONF


@contextlib.contextmanager
def single_store(sections: backends.Sections) -> Iterator[Any]:
    """Set up the one store in the old style, without ids; yield the CONF.

    One at a time in a process.

    :raises RuntimeError: as with ``multi_store``.
    """
    ((key, options),) = sections.items()
    kind = key.partition(':')[2]
    old_style = {'stores': [kind], 'default_store': kind}
    with _configuration() as override:
        override('enabled_backends', None)
        glance_store.register_opts(CONF)
        for option, value in (old_style | options).items():
            override(option, value, 'glance_store')
        glance_store.create_stores(CONF)
        _check(kind, list(location.SCHEME_TO_CLS_MAP.values()))
        yield CONF


def _merged(sections: tuple[backends.Sections, ...]) -> backends.Sections:
    return {key: each[key] for each in sections for key in each}


@contextlib.contextmanager
def _configuration() -> Iterator[Callable[..., None]]:
    """Yield what overrides an option of ``CONF``; undo it all afterwards."""
    if any(_MAPS):
        raise RuntimeError('glance_store is set up in this process already')
    # Before the first import of the rbd driver, which looks for them once.
    ceph.bind()
    CONF.import_opt('enabled_backends', 'glance.common.config')
    with contextlib.ExitStack() as undone:
        if not _initialized():
            CONF([], project='glance', default_config_files=[])
            undone.callback(CONF.reset)
        for known in _MAPS:
            undone.callback(known.clear)

        def override(
            option: str, value: object, group: str | None = None
        ) -> None:
            CONF.set_override(option, value, group)
            undone.callback(CONF.clear_override, option, group)

        yield override


def _initialized() -> bool:
    """Whether somebody has called ``CONF``: without that it finds no file."""
    try:
        CONF.find_file('none')
    except cfg.NotInitializedError:
        return False
    return True


def _check(name: str, known: list[dict[str, Any]]) -> None:
    """See to it that a store can do all that its driver can."""
    stores = [scheme['store'] for scheme in known]
    if not stores or any(
        store.capabilities != type(store)._CAPABILITIES for store in stores
    ):
        raise RuntimeError(f'{name}: glance_store did not take it')
