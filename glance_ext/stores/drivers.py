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
"""The driver of a store, on a Glance with several stores or with one."""

from collections.abc import Callable, Iterator
from concurrent import futures
import contextlib
import threading
from typing import Any, TypeVar
import urllib.parse

import glance_store
from glance_store import backend as single_store
from glance_store import capabilities
from glance_store import exceptions as store_exceptions
from glance_store import location as store_location
from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.host.images import Location
from glance_ext.stores import causes

LOG = logging.getLogger(__name__)

Driver = Any
_T = TypeVar('_T')

#: How the ids of Glance's own stores begin, for staging and for tasks.
_RESERVED = 'os_glance_'
#: Options of which all are set where Cinder's store has its own account.
_CINDER_ACCOUNTS = (
    ('auth_address', 'user_name', 'project_name', 'password'),
    ('auth_address', 'application_credential_id',
     'application_credential_secret'))


def default_store() -> str:
    """Return the id of the default store; '' where there is only one."""
    if cfg.CONF.enabled_backends:
        return str(cfg.CONF.glance_store.default_backend)
    return ''


def known() -> list[str]:
    """Return the ids of this host's stores; [''] where there is only one."""
    return [store for store in cfg.CONF.enabled_backends or ['']
            if not store.startswith(_RESERVED)]


def writable() -> list[str]:
    """Return the ids of those that can be written to at all."""
    types = cfg.CONF.enabled_backends or {}
    return [store for store in known() if types.get(store) != 'http']


def needs_token(store: str) -> bool:
    """Tell whether a store acts with the token of whoever asks.

    Its options say so: a driver that is made may connect.
    """
    several = cfg.CONF.enabled_backends
    kind = (several.get(store) if several
            else cfg.CONF.glance_store.default_store)
    if kind not in ('swift', 'cinder'):
        return False
    options = cfg.CONF[store] if several else cfg.CONF.glance_store
    if kind == 'swift':
        return bool(options.swift_store_multi_tenant)
    return not any(
        all(getattr(options, f'cinder_store_{name}', None)
            for name in account) for account in _CINDER_ACCOUNTS)


def name(store: str) -> str:
    """Return how messages call a store."""
    return f"store '{store}'" if store else 'the store'


def of_store(store: str) -> Driver:
    """Return the driver of the store with this id.

    Asked for anew each time: some drivers keep state of the last call and
    are not to be used again (RBD), and glance_store knows which.

    :raises glance_store.exceptions.UnknownScheme: there is no such store
    """
    if cfg.CONF.enabled_backends:
        return glance_store.get_store_from_store_identifier(store)
    return single_store.get_store_from_scheme(
        cfg.CONF.glance_store.default_store)


def of_location(location: Location) -> tuple[Driver, Any]:
    """Return the driver that reads ``location``, and what it is called with.

    A location from before a Glance had several stores names none: it
    belongs to the store whose addresses begin like it, or else to the only
    one that has its scheme.

    :raises glance_store.exceptions.UnknownScheme: there is no such store
    """
    conf = cfg.CONF
    if not conf.enabled_backends:
        return (single_store.get_store_from_uri(location.url),
                store_location.get_location_from_uri(location.url,
                                                     conf=conf))
    store = location.store or _guess_store(location.url)
    return (of_store(store),
            store_location.get_location_from_uri_and_backend(
                location.url, store, conf=conf))


def store_of(location: Location) -> str:
    """Return the id of the store that a location belongs to.

    '' where there is only one store, or nobody knows.
    """
    if not cfg.CONF.enabled_backends or location.store:
        return location.store
    try:
        return _guess_store(location.url)
    except store_exceptions.UnknownScheme:
        return ''


def delete(location: Location, context: Any) -> None:
    """Delete the copy at ``location``.

    :raises errors.DataMissing: there was none
    :raises errors.StoreError: it may still be there
    """
    with translated(name(location.store)):
        driver, where = of_location(location)
        driver.delete(where, context=context)


def seeks(location: Location) -> bool:
    """Tell whether ``get`` with an offset begins there.

    The other drivers refuse an offset, or silently begin at byte 0. The
    backend is not asked: RBD's driver connects to it when it is made.
    """
    scheme = urllib.parse.urlsplit(location.url).scheme
    if cfg.CONF.enabled_backends:
        found = store_location.SCHEME_TO_CLS_BACKEND_MAP.get(scheme, {}).get(
            location.store or _guess_store(location.url))
    else:
        found = store_location.SCHEME_TO_CLS_MAP.get(scheme)
    return found is not None and bool(
        found['store'].is_capable(capabilities.BitMasks.READ_OFFSET))


def in_time(call: Callable[[], _T], seconds: float, where: str) -> _T:
    """Return what ``call`` returns, or give it up.

    It runs in a thread. One that does not return from its driver is left to
    itself: it ends when the driver returns.

    :param where: how messages call the store
    :raises errors.StoreStalled: it did not return within ``seconds``
    :raises BaseException: what it raised
    """
    outcome: futures.Future[_T] = futures.Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as exc:
            outcome.set_exception(exc)

    try:
        threading.Thread(target=work, name='glance-ext-call',
                         daemon=True).start()
    except RuntimeError:
        # Python 3.12 starts no thread any more while its process ends.
        return call()
    if not futures.wait([outcome], seconds).done:
        raise errors.StoreStalled(
            f'{where} did not answer for {seconds:g} seconds')
    return outcome.result()


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what any driver raises into ours, by cause.

    What a driver says may hold its URL with the credentials in it: see
    :class:`causes.Cause` for what goes further.

    :param where: how messages call the store
    """
    try:
        yield
    except errors.ActionError:
        raise
    except store_exceptions.NotFound as exc:
        raise errors.DataMissing(
            f'{where} has no data for this image') from exc
    except store_exceptions.Duplicate as exc:
        raise errors.StoreOccupied(
            f'{where} has data under this id already') from exc
    except store_exceptions.InUseByStore as exc:
        raise errors.StoreBusy(
            f'{where} still uses the data for something else') from exc
    except store_exceptions.UnknownScheme as exc:
        raise errors.StoreMisconfigured(
            f'{where} is not available on this host') from exc
    except Exception as exc:
        failure = causes.error(exc, where)
        # Not a warning: to those, oslo.log adds what is being handled.
        LOG.info('%s', failure.message)
        raise failure from exc


def _guess_store(url: str) -> str:
    scheme = urllib.parse.urlsplit(url).scheme
    known = store_location.SCHEME_TO_CLS_BACKEND_MAP.get(scheme, {})
    stores = {store: entry['store'] for store, entry in known.items()
              if not store.startswith(_RESERVED)}
    matching = [store for store, driver in stores.items()
                if driver.url_prefix and url.startswith(driver.url_prefix)]
    if matching:
        # One directory or bucket may be called like the beginning of another.
        return str(max(matching,
                       key=lambda store: len(stores[store].url_prefix)))
    return str(next(iter(stores))) if len(stores) == 1 else ''
