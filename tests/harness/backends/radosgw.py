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
"""Ceph's own S3 and Swift: the same drivers on another server."""

from __future__ import annotations

import atexit
import functools
import http.client
from typing import Any

from tests.harness import backends
from tests.harness import ports
from tests.harness import processes
from tests.harness import web
from tests.harness.backends import ceph
from tests.harness.backends import swift_api

USER, PASSWORD = 'glance:swift', 'testing'
S3 = ('access', 'secret')


def available() -> backends.Availability:
    """Tell whether Ceph and its gateway are installed."""
    found = ceph.available()
    return found and backends.programs(('radosgw', 'radosgw-admin'))


class Gateway(swift_api.Account):
    """One gateway to a Ceph of its own."""

    # The only one that it has.
    region = 'default'

    def __init__(self) -> None:
        available().require()
        self.ceph = ceph.Ceph()
        self._port = ports.Port()
        self._endpoint = f'127.0.0.1:{self._port.number}'
        url = f'http://{self._endpoint}'
        super().__init__(self.ceph.directory, url, USER, PASSWORD, S3)
        self._process: Any = None
        atexit.register(self.stop)

    def __enter__(self) -> Gateway:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Gateway:
        """Boot Ceph and the gateway from nothing.

        :raises RuntimeError: when one does not come up, with its log's end.
        """
        try:
            self.ceph.start()
            self._boot()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it and remove all that it held."""
        atexit.unregister(self.stop)
        if self._process is not None:
            processes.kill(self._process)
        self._identity.stop()
        self._port.release()
        self.ceph.stop()

    def uploads(self, bucket: str) -> dict[str, int]:
        """Return the multipart uploads that were neither ended nor aborted.

        :returns: how many of its parts are there, by ``KEY/UPLOAD``.
        """
        import boto3

        client = boto3.client(
            's3',
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=S3[0],
            aws_secret_access_key=S3[1],
        )
        found = {}
        for upload in client.list_multipart_uploads(Bucket=bucket).get(
            'Uploads', []
        ):
            key, number = upload['Key'], upload['UploadId']
            parts = client.list_parts(Bucket=bucket, Key=key, UploadId=number)
            found[f'{key}/{number}'] = len(parts.get('Parts', []))
        return found

    def _boot(self) -> None:
        name = USER.partition(':')[0]
        self._process = processes.boot(
            [
                'radosgw', '-f', '-n', 'client.rgw',
                f'--rgw-frontends=beast endpoint={self._endpoint}',
                f'--rgw-data={self.directory}/rgw',
            ],
            self.ceph.environment(),
            self.directory / 'rgw.log',
            self._answers,
        )  # fmt: skip
        self.ceph.run(
            'radosgw-admin', '-n', 'client.rgw', 'user', 'create',
            f'--uid={name}', f'--display-name={name}',
            f'--access-key={S3[0]}', f'--secret-key={S3[1]}',
        )  # fmt: skip
        self.ceph.run(
            'radosgw-admin', '-n', 'client.rgw', 'subuser', 'create',
            f'--uid={name}', f'--subuser={USER}', '--access=full',
            '--key-type=swift', f'--secret-key={PASSWORD}',
        )  # fmt: skip
        self._log_in()

    def _answers(self) -> bool:
        try:
            return web.request(self.url, 'GET', timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False


@functools.cache
def shared() -> Gateway:
    """Return the gateway of this worker process, started at the first call.

    :raises unittest.SkipTest: where there is none, with the reason.
    """
    return Gateway().start()
