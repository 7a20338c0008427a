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

"""Reading one copy of an image from the store that holds it."""

from collections.abc import Iterator
import contextlib
from typing import Any

import glance_store
from glance_store import backend as single_store
from glance_store import exceptions as store_exceptions
from oslo_config import cfg
from oslo_log import log as logging

from glance_ext import errors
from glance_ext.host.images import Location

LOG = logging.getLogger(__name__)


def chunks(location: Location, context: Any) -> Iterator[bytes]:
    """Yield the bytes of the copy at ``location``, from its beginning.

    :param context: the request context for stores that need the caller's
        own token (Cinder, Swift with a tenant's own account)
    :raises errors.DataMissing: the store has nothing there
    :raises errors.StoreError: whatever else any driver raised, at any byte
    """
    with _translated(location):
        data, _size = _store_call('get', location, context)
    iterator = iter(data)
    try:
        while True:
            with _translated(location):
                try:
                    chunk = next(iterator)
                except StopIteration:
                    return
            yield chunk
    finally:
        close = getattr(data, 'close', None)
        if close:
            with contextlib.suppress(Exception):
                close()


def size(location: Location, context: Any) -> int:
    """Ask the store how many bytes lie at ``location`` now.

    :returns: bytes; 0 also where a store does not know (an HTTP server that
        sends no length) or failed and does not say so (Swift, Cinder)
    :raises errors.DataMissing: the store has nothing there
    :raises errors.StoreError: whatever else any driver raised
    """
    with _translated(location):
        return int(_store_call('get_size', location, context) or 0)


def _store_call(method: str, location: Location, context: Any) -> Any:
    # NOTE: the drivers' own methods, and not the functions of glance_store
    # over them: those search "all backends" where the store's id is empty,
    # and hide what was found to be missing.
    conf = cfg.CONF
    if conf.enabled_backends:
        uri = glance_store.location.get_location_from_uri_and_backend(
            location.url, location.store, conf=conf)
        store = glance_store.get_store_from_store_identifier(location.store)
    else:
        uri = glance_store.location.get_location_from_uri(
            location.url, conf=conf)
        store = single_store.get_store_from_uri(location.url)
    return getattr(store, method)(uri, context=context)


@contextlib.contextmanager
def _translated(location: Location) -> Iterator[None]:
    """Turn a driver's exception into ours, by cause.

    What a driver says may hold its URL with the credentials in it, so only
    the exception's class goes further.
    """
    try:
        yield
    except store_exceptions.NotFound as exc:
        raise errors.DataMissing(
            f'{location} has no data for this image') from exc
    except Exception as exc:
        name = type(exc).__name__
        LOG.warning('Reading from %s failed: %s', location, name)
        raise errors.StoreError(f'{location} failed: {name}') from exc
