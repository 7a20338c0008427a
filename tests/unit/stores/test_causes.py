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
"""Why a driver failed: with the exceptions of the real libraries."""

import errno
import unittest

from botocore import exceptions as s3
from glance_store import exceptions
from keystoneauth1 import exceptions as keystone
import swiftclient

from glance_ext import errors
from glance_ext.stores import causes

SECRET = 'https://user:s3cret@store.example/'


def answer(status, code=''):
    """Return what botocore raises for an answer of S3."""
    return s3.ClientError({
        'Error': {'Code': code, 'Message': SECRET},
        'ResponseMetadata': {'HTTPStatusCode': status}}, 'PutObject')


def wrapped(outer, inner):
    """Return what a driver raises while it handles ``inner``."""
    try:
        try:
            raise inner
        except type(inner):
            raise outer
    except type(outer) as exc:
        return exc


class Rados(Exception):
    """As the exceptions of rados and rbd, whose bindings may be absent."""

    def __init__(self, number):
        super().__init__(SECRET)
        self.errno = number


class ImageNotFound(Rados):
    pass


class CausesTest(unittest.TestCase):

    def assertCause(self, kind, reason, failure):
        with self.subTest(reason):
            found = causes.error(failure, "store 'a'")
            self.assertIs(kind, type(found))
            self.assertTrue(found.message.endswith(f': {reason}'),
                            found.message)
            self.assertTrue(found.message.startswith("store 'a' "))
            self.assertNotIn('s3cret', found.message)

    def test_store_without_connection_is_unavailable(self):
        for failure, reason in (
                (s3.EndpointConnectionError(endpoint_url=SECRET),
                 'EndpointConnectionError'),
                (s3.ReadTimeoutError(endpoint_url=SECRET),
                 'ReadTimeoutError'),
                (keystone.ConnectFailure(SECRET), 'ConnectFailure'),
                (ConnectionRefusedError(errno.ECONNREFUSED, SECRET),
                 'ConnectionRefusedError ECONNREFUSED'),
                (Rados(errno.ETIMEDOUT), 'Rados ETIMEDOUT'),
                (OSError(errno.ESTALE, SECRET), 'OSError ESTALE')):
            self.assertCause(errors.StoreUnavailable, reason, failure)

    def test_server_error_is_unavailable_whatever_wraps_it(self):
        self.assertCause(
            errors.StoreUnavailable, 'ClientError 503 SlowDown', wrapped(
                exceptions.BadStoreConfiguration(store_name='s3', reason=''),
                answer(503, 'SlowDown')))
        self.assertCause(
            errors.StoreUnavailable, 'ClientException 503', wrapped(
                exceptions.BackendException(SECRET),
                swiftclient.ClientException(SECRET, http_status=503)))

    def test_refused_account_is_denied(self):
        for failure, reason in (
                (answer(403, 'InvalidAccessKeyId'),
                 'ClientError 403 InvalidAccessKeyId'),
                (swiftclient.ClientException('', http_status=401),
                 'ClientException 401'),
                (keystone.Unauthorized(SECRET), 'Unauthorized 401'),
                (PermissionError(errno.EACCES, SECRET),
                 'PermissionError EACCES'),
                (exceptions.StorageWriteDenied(), 'StorageWriteDenied')):
            self.assertCause(errors.StoreDenied, reason, failure)

    def test_store_without_room_is_full(self):
        for failure, reason in (
                (answer(403, 'QuotaExceeded'), 'ClientError QuotaExceeded'),
                (swiftclient.ClientException('', http_status=507),
                 'ClientException 507'),
                (swiftclient.ClientException('', http_status=413),
                 'ClientException 413'),
                (OSError(errno.EDQUOT, SECRET), 'OSError EDQUOT'),
                (exceptions.StorageFull(), 'StorageFull')):
            self.assertCause(errors.StoreFull, reason, failure)

    def test_missing_or_read_only_store_is_misconfigured(self):
        for failure, reason in (
                (answer(404, 'NoSuchBucket'), 'ClientError NoSuchBucket'),
                (swiftclient.ClientException(
                    'Container GET failed', http_status=404),
                 'ClientException 404'),
                (swiftclient.ClientException(
                    'Object PUT failed', http_status=404),
                 'ClientException 404'),
                (wrapped(exceptions.BackendException(), Rados(errno.ENOENT)),
                 'Rados ENOENT'),
                (wrapped(exceptions.Forbidden(), OSError(errno.EROFS, '')),
                 'OSError EROFS'),
                (NotADirectoryError(errno.ENOTDIR, SECRET),
                 'NotADirectoryError ENOTDIR'),
                (exceptions.BadStoreConfiguration(store_name='', reason=''),
                 'BadStoreConfiguration')):
            self.assertCause(errors.StoreMisconfigured, reason, failure)

    def test_anything_else_is_a_store_error_with_its_class(self):
        for failure, reason in (
                (answer(404, 'NoSuchKey'), 'ClientError 404 NoSuchKey'),
                (swiftclient.ClientException(
                    'Object GET failed', http_status=404),
                 'ClientException 404'),
                (ImageNotFound(errno.ENOENT), 'ImageNotFound'),
                (OSError(errno.EIO, SECRET), 'OSError EIO'),
                (ValueError(SECRET), 'ValueError')):
            self.assertCause(errors.StoreError, reason, failure)

    def test_chain_of_causes_may_be_a_circle(self):
        first, second = ValueError(), KeyError()
        first.__context__, second.__context__ = second, first
        self.assertCause(errors.StoreError, 'ValueError', first)
