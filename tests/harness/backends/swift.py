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
"""A real Swift, which is a real S3 too, and what lies behind its API."""

from __future__ import annotations

import atexit
import functools
import hashlib
import http.client
import os
from pathlib import Path
import signal
import subprocess
from typing import Any
import urllib.parse
import uuid

from tests.harness import backends
from tests.harness import ports
from tests.harness import processes
from tests.harness import venvs
from tests.harness import web
from tests.harness.backends import identity
from tests.harness.backends import scratch
from tests.harness.backends import swift_serve

USER, PASSWORD = swift_serve.USER, swift_serve.PASSWORD
ACCOUNT = f'AUTH_{USER.partition(":")[0]}'


def available() -> backends.Availability:
    """Tell whether Swift can be started; its environment is built here."""
    try:
        venvs.ensure('swift')
    except subprocess.CalledProcessError:
        return backends.Availability('swift absent: it could not be installed')
    return backends.Availability()


class Swift:
    """One Swift process with its own directory, port and identity service.

    The identity service lives on when Swift is killed, and the tokens too.
    """

    def __init__(self) -> None:
        available().require()
        self._scratch = scratch.Scratch('swift')
        self.directory = self._scratch.path
        self._port = ports.Port()
        self.url = f'http://127.0.0.1:{self._port.number}'
        self._identity = identity.Identity(USER, PASSWORD)
        self._process: Any = None
        atexit.register(self.stop)

    def __enter__(self) -> Swift:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Swift:
        """Boot it, with what it held before it was killed.

        :raises RuntimeError: when it does not come up, with its log's end.
        """
        try:
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
        self._scratch.remove()

    def kill(self) -> None:
        """End it at once, as a power cut would; ``start`` brings it back."""
        processes.kill(self._process)

    def freeze(self) -> None:
        """Let it accept connections and say nothing, until ``thaw``."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

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
            f'user = {USER}\n'
            f'key = {PASSWORD}\n'
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
            's3_store_access_key': USER,
            's3_store_secret_key': PASSWORD,
            's3_store_region_name': 'us-east-1',
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

    def uploads(self, bucket: str) -> dict[str, int]:
        """Return the multipart uploads that were neither ended nor aborted.

        :returns: how many of its parts are there, by ``KEY/UPLOAD``.
        """
        parts = self.objects(f'{bucket}+segments')
        # S3's API marks an upload with an object named like it until its end.
        return {
            mark: sum(name.startswith(f'{mark}/') for name in parts)
            for mark in parts
            if mark.count('/') == 1
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

    def file(self, container: str, name: str) -> Path:
        """Return the file in which Swift keeps the bytes of an object.

        Truncated, Swift refuses it; changed, Swift sends it all and then
        refuses it. Either way it puts it aside, and the object is gone.
        """
        path = f'/{ACCOUNT}/{container}/{name}'
        salted = f'{swift_serve.PREFIX}{path}{swift_serve.SUFFIX}'
        digest = hashlib.md5(salted.encode()).hexdigest()
        objects = self.directory / swift_serve.DEVICE / 'objects'
        (found,) = objects.glob(f'*/*/{digest}/*.data')
        return found

    def _boot(self) -> None:
        python = venvs.ensure('swift') / 'bin' / 'python'
        port = str(self._port.number)
        program = 'tests.harness.backends.swift_serve'
        self._process = processes.boot(
            [str(python), '-m', program, str(self.directory), port],
            {
                'PATH': os.environ['PATH'],
                'PYTHONPATH': str(venvs.ROOT),
                'PYTHONWARNINGS': 'ignore',
            },
            self.directory / 'server.log',
            self._answers,
        )
        headers = {'X-Auth-User': USER, 'X-Auth-Key': PASSWORD}
        answer = web.request(f'{self.url}/auth/v1.0', 'GET', headers=headers)
        token = answer.headers['X-Auth-Token']
        self._identity.offer(f'{self.url}/v1/{ACCOUNT}', token)

    def _list(self, container: str) -> list[dict[str, Any]]:
        answer = self.request('GET', container, query='format=json')
        if answer.status == 404:
            return []
        if answer.status >= 300:
            raise AssertionError(f'{answer.status}: {answer.text}')
        found: list[dict[str, Any]] = answer.json
        return found

    def _answers(self) -> bool:
        try:
            answer = web.request(f'{self.url}/healthcheck', 'GET', timeout=5)
        except (OSError, http.client.HTTPException):
            return False
        return answer.status == 200


@functools.cache
def shared() -> Swift:
    """Return the Swift of this worker process, started at the first call.

    :raises unittest.SkipTest: where there is none, with the reason.
    """
    return Swift().start()
