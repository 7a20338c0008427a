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
"""Why a storage driver failed, by what an operator does about it.

glance_store wraps what a backend says into classes of its own, and often
into the wrong one: S3 that answers 503 becomes a bad configuration. What the
backend said is in the exceptions that led to the last one: an HTTP status,
an errno, or a code of S3.
"""

from collections.abc import Iterator
import errno
import re
from typing import NamedTuple

from glance_store import exceptions as store_exceptions

from glance_ext import errors

_Kind = type[errors.StoreError]

#: How messages word each kind, behind the name of the store.
_WORDS: dict[_Kind, str] = {
    errors.StoreUnavailable: 'is unavailable',
    errors.StoreDenied: 'denies access',
    errors.StoreFull: 'is full',
    errors.StoreMisconfigured: 'is not set up as configured',
    errors.StoreError: 'failed',
}

#: By HTTP status; from 500 on, a server is unavailable. 404 says too little:
#: it may be an object or what holds the objects.
_STATUSES: dict[int, _Kind] = {
    401: errors.StoreDenied, 403: errors.StoreDenied,
    408: errors.StoreUnavailable, 429: errors.StoreUnavailable,
    413: errors.StoreFull, 507: errors.StoreFull,
}

#: By the code in an answer of S3, which goes before the status.
_CODES: dict[str, _Kind] = {
    'NoSuchBucket': errors.StoreMisconfigured,
    'QuotaExceeded': errors.StoreFull,
    'ServiceQuotaExceededException': errors.StoreFull,
    'XMinioStorageFull': errors.StoreFull,
    'XMinioAdminBucketQuotaExceeded': errors.StoreFull,
}

_ERRNOS: dict[int, _Kind] = {
    number: kind for kind, numbers in {
        errors.StoreDenied: (errno.EACCES, errno.EPERM),
        errors.StoreFull: (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        errors.StoreMisconfigured: (
            errno.ENOENT, errno.ENOTDIR, errno.EROFS),
        errors.StoreUnavailable: (
            errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED,
            errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN,
            errno.ENOTCONN, errno.EPIPE, errno.ETIMEDOUT, errno.ESHUTDOWN,
            errno.ESTALE),
    }.items() for number in numbers}

#: By class, where there is no number. A base class stands for what is
#: derived from it.
_CLASSES: dict[str, _Kind] = {
    'NotAuthenticated': errors.StoreDenied,
    'AuthorizationFailure': errors.StoreDenied,
    'Forbidden': errors.StoreDenied,
    'StorageWriteDenied': errors.StoreDenied,
    'StorageFull': errors.StoreFull,
    'BadStoreConfiguration': errors.StoreMisconfigured,
    'AuthUrlNotFound': errors.StoreMisconfigured,
    'DriverLoadFailure': errors.StoreMisconfigured,
    'StoreAddDisabled': errors.StoreMisconfigured,
    'RemoteServiceUnavailable': errors.StoreUnavailable,
    # What the clients of S3, Swift and Keystone call a failing connection.
    'HTTPClientError': errors.StoreUnavailable,
    'ConnectFailure': errors.StoreUnavailable,
    'RequestException': errors.StoreUnavailable,
    'ConnectionError': errors.StoreUnavailable,
    'HTTPException': errors.StoreUnavailable,
    'HTTPError': errors.StoreUnavailable,
    'IncompleteReadError': errors.StoreUnavailable,
    # Of swiftclient, without a status: there was no answer.
    'ClientException': errors.StoreUnavailable,
    'gaierror': errors.StoreUnavailable,
}

#: What libraries call an exception of theirs that tells of a time-out.
_TIMEOUT = re.compile('timed?out', re.IGNORECASE)


class Cause(NamedTuple):
    """What made a driver fail."""

    kind: _Kind
    #: The class, with the status, the errno or the code: nothing else of
    #: what the driver says, which likes to quote URLs with credentials.
    reason: str


def of(failure: BaseException) -> Cause:
    """Return the cause of what a driver raised."""
    for each in _led_to(failure):
        name = type(each).__name__
        code = _code(each)
        if code in _CODES:
            return Cause(_CODES[code], f'{name} {code}')
        if (status := _status(each)) is not None:
            return Cause(_by_status(status, each),
                         ' '.join(filter(None, (name, str(status), code))))
        number = getattr(each, 'errno', None)
        if isinstance(number, int) and number in errno.errorcode and (
                # An object of RBD that is gone is not the pool.
                name != 'ImageNotFound'):
            return Cause(_ERRNOS.get(number, errors.StoreError),
                         f'{name} {errno.errorcode[number]}')
    for each in _led_to(failure):
        name = type(each).__name__
        for base in type(each).__mro__:
            if base.__name__ in _CLASSES:
                return Cause(_CLASSES[base.__name__], name)
        if _TIMEOUT.search(name):
            return Cause(errors.StoreUnavailable, name)
    return Cause(errors.StoreError, type(failure).__name__)


def error(failure: BaseException, where: str) -> errors.StoreError:
    """Return what an action fails with because of it.

    :param where: how messages call the store
    """
    kind, reason = of(failure)
    return kind(f'{where} {_WORDS[kind]}: {reason}')


def _led_to(failure: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised because of."""
    seen: set[int] = set()
    each: BaseException | None = failure
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _status(failure: BaseException) -> int | None:
    """Return the HTTP status that an exception holds, if any.

    As swiftclient, keystoneauth, cinderclient and botocore keep it.
    """
    found = getattr(failure, 'http_status', None)
    if found is None:
        found = _answer(failure, 'ResponseMetadata').get('HTTPStatusCode')
    if found is None and not isinstance(
            failure, store_exceptions.GlanceStoreException):
        found = getattr(failure, 'code', None)
    return found if isinstance(found, int) and 400 <= found < 600 else None


def _code(failure: BaseException) -> str:
    found = _answer(failure, 'Error').get('Code')
    return found if isinstance(found, str) and found.isalnum() else ''


def _answer(failure: BaseException, part: str) -> dict[str, object]:
    """Return a part of the answer that an exception of botocore holds."""
    response = getattr(failure, 'response', None)
    found = response.get(part) if isinstance(response, dict) else None
    return found if isinstance(found, dict) else {}


def _by_status(status: int, failure: BaseException) -> _Kind:
    if status == 404 and str(failure).startswith(
            ('Container', 'Object PUT')):
        # As swiftclient words it: there is no container.
        return errors.StoreMisconfigured
    return _STATUSES.get(status, errors.StoreUnavailable if status >= 500
                         else errors.StoreError)
