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
"""What stores and tests want of a server that speaks Swift and S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
import urllib.parse
import uuid

from tests.harness import backends
from tests.harness import web
from tests.harness.backends import identity


class Account:
    """One account at a server, and the identity service that leads to it.

    The identity service is no part of the server: it lives on when that is
    killed, and so do its tokens.

    :param directory: where the driver's file of accounts is written.
    :param url: of the server, without a path.
    :param user: ``PROJECT:NAME``
    :param s3: S3's access key and secret of the same user.
    """

    region = 'us-east-1'

    def __init__(
        self,
        directory: Path,
        url: str,
        user: str,
        password: str,
        s3: tuple[str, str],
    ) -> None:
        self.directory = directory
        self.url = url
        self._user, self._password, self._s3 = user, password, s3
        self._identity = identity.Identity(user, password)

    def _log_in(self) -> None:
        """Get the token that the identity service is to hand out."""
        headers = {'X-Auth-User': self._user, 'X-Auth-Key': self._password}
        answer = web.request(f'{self.url}/auth/v1.0', 'GET', headers=headers)
        self._identity.offer(
            answer.headers['X-Storage-Url'], answer.headers['X-Auth-Token']
        )

    def conf(
        self, name: str = 'swift', **changes: object
    ) -> backends.Sections:
        """Return a swift store with a container of its own.

        Images of 2 MB and above become segments of 1 MB, which is 1024000
        bytes to the driver.

        :param changes: options of the driver over these.
        """
        accounts = self.directory / 'accounts.conf'
        accounts.write_text(
            '[harness]\n'
            f'auth_address = {self._identity.url}\n'
            f'user = {self._user}\n'
            f'key = {self._password}\n'
        )
        options = {
            'swift_store_config_file': str(accounts),
            'default_swift_reference': 'harness',
            'swift_store_container': f'{name}-{uuid.uuid4().hex[:8]}',
            'swift_store_create_container_on_put': True,
            'swift_store_large_object_size': 2,
            'swift_store_large_object_chunk_size': 1,
        }
        return {f'{name}:swift': options | changes}

    def s3_conf(
        self, name: str = 's3', **changes: object
    ) -> backends.Sections:
        """Return an s3 store with a bucket of its own.

        Images of 5 MiB and above are sent in parts of 5 MiB, the least that
        S3 allows.

        :param changes: options of the driver over these.
        """
        options = {
            's3_store_host': self.url,
            's3_store_access_key': self._s3[0],
            's3_store_secret_key': self._s3[1],
            's3_store_region_name': self.region,
            's3_store_bucket': f'{name}-{uuid.uuid4().hex[:8]}',
            's3_store_bucket_url_format': 'path',
            's3_store_create_bucket_on_put': True,
            's3_store_large_object_size': 5,
            's3_store_large_object_chunk_size': 5,
        }
        return {f'{name}:s3': options | changes}

    def containers(self) -> list[str]:
        """Return the names of all containers, buckets among them."""
        return [str(found['name']) for found in self._list('')]

    def objects(self, container: str) -> dict[str, int]:
        """Return what lies in a container or bucket: bytes by name.

        A segmented image is a manifest of 0 bytes, ``ID``, and its segments,
        ``ID-00001`` and so on, beside it. Parts sent by S3 are elsewhere:
        see ``uploads``.
        """
        return {
            found['name']: found['bytes'] for found in self._list(container)
        }

    def request(
        self,
        method: str,
        container: str,
        name: str = '',
        query: str = '',
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> web.Response:
        """Send one request of Swift's own API, as the stores' user."""
        path = '/'.join(
            urllib.parse.quote(part) for part in (container, name) if part
        )
        url = f'{self._identity.storage}/{path}{query and f"?{query}"}'
        token = {'X-Auth-Token': self._identity.token}
        return web.request(url, method, body, token | (headers or {}))

    def publish(self, container: str) -> str:
        """Let everybody read a container by HTTP; return its URL."""
        # Segments are found by listing the container.
        readers = {'X-Container-Read': '.r:*,.rlistings'}
        self.request('POST', container, headers=readers)
        return f'{self._identity.storage}/{container}'

    def _list(self, container: str) -> list[dict[str, Any]]:
        answer = self.request('GET', container, query='format=json')
        if answer.status == 404:
            return []
        if answer.status >= 300:
            raise AssertionError(f'{answer.status}: {answer.text}')
        found: list[dict[str, Any]] = answer.json
        return found

