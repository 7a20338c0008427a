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
"""The digests that a server reports of what it was sent."""

import base64
import binascii
from collections.abc import Iterator, Mapping
import re

#: RFC 9530's names, and those of S3's and Google's headers.
_NAMES = {'md5': 'md5', 'sha': 'sha1', 'sha1': 'sha1', 'sha-256': 'sha256',
          'sha256': 'sha256', 'sha-512': 'sha512', 'sha512': 'sha512'}
_AMZ = 'x-amz-checksum-'


def digests(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ``{algorithm: hex digest}`` out of an answer's headers.

    An ETag is the MD5 of an object only with Swift, and with S3 where
    neither the parts of an upload nor a customer's key are in it.

    :param headers: their names in lower case
    """
    return dict(_found(headers))


def _found(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if _has_md5_tag(headers):
        yield 'md5', headers['etag'].strip('"').lower()
    for name, value in headers.items():
        if name == 'content-md5':
            yield from _decoded('md5', value)
        elif name.startswith(_AMZ):
            yield from _decoded(name.removeprefix(_AMZ), value)
        elif name in ('repr-digest', 'x-goog-hash'):
            for each in value.split(','):
                algorithm, _, text = each.strip().partition('=')
                yield from _decoded(algorithm, text.strip(':'))


def _has_md5_tag(headers: Mapping[str, str]) -> bool:
    is_s3 = 'x-amz-request-id' in headers
    is_plain = headers.get('x-amz-server-side-encryption', 'AES256'
                           ) == 'AES256' and not any(
        name.startswith('x-amz-server-side-encryption-customer')
        for name in headers)
    return bool(
        (is_s3 and is_plain or 'x-trans-id' in headers)
        and re.fullmatch('"?[0-9a-fA-F]{32}"?', headers.get('etag', '')))


def _decoded(name: str, text: str) -> Iterator[tuple[str, str]]:
    algorithm = _NAMES.get(name.lower())
    try:
        value = base64.b64decode(text, validate=True).hex()
    except (ValueError, binascii.Error):
        return
    if algorithm and value:
        yield algorithm, value
